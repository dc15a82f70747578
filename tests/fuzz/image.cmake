edge_fuzz(fuzz_reference LINKS edge::agent_image_formats)
