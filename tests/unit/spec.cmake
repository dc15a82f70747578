edge_test(unit/agent/test_options.c LINKS edge::agent_spec)
edge_test(unit/agent/test_user.c LINKS edge::agent_spec)
