edge_fuzz(fuzz_desired LINKS edge::agent_desired)
edge_fuzz(fuzz_module_spec LINKS edge::agent_desired)
