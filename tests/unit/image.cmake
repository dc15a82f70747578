edge_test(unit/agent/test_reference.c LINKS edge::agent_image_formats)
edge_test(unit/agent/test_manifest.c LINKS edge::agent_image_formats)
edge_test(unit/agent/test_registry_headers.c LINKS edge::agent_image_formats)
