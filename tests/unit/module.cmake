edge_test(unit/agent/test_policy.c LINKS edge::agent_module)
edge_test(unit/agent/test_life.c LINKS edge::agent_module)
