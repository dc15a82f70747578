edge_fuzz(fuzz_reference LINKS edge::agent_image_formats)
edge_fuzz(fuzz_manifest LINKS edge::agent_image_formats)
edge_fuzz(fuzz_registry_headers LINKS edge::agent_image_formats)
