edge_fuzz(fuzz_options LINKS edge::agent_spec)
edge_fuzz(fuzz_users LINKS edge::agent_spec)
