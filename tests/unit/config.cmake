edge_test(unit/agent/test_config.c LINKS edge::agent_config)
