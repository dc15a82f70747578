edge_test(unit/agent/test_reference.c LINKS edge::agent_image_formats)
