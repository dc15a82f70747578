edge_test(unit/agent/test_labels.c LINKS edge::agent_runtime edge::crypto)
