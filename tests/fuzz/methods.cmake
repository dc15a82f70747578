edge_fuzz(fuzz_methods_request LINKS edge::agent_methods_format)
