edge_test(unit/agent/test_desired.c LINKS edge::agent_desired)
edge_test(unit/agent/test_desired_options.c LINKS edge::agent_desired)
edge_test(unit/agent/test_desired_wraps.c LINKS edge::agent_desired)
edge_test(unit/agent/test_module_spec.c LINKS edge::agent_desired)
