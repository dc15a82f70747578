edge_fuzz(fuzz_config LINKS edge::agent_config)
