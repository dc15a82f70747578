edge_test(unit/agent/test_labels.c LINKS edge::agent_runtime edge::crypto)
edge_test(unit/agent/test_grant.c LINKS edge::agent_runtime)
edge_test(unit/agent/test_effective.c LINKS edge::agent_runtime)
