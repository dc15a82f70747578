edge_test(unit/agent/test_reported.c LINKS edge::agent_reported edge::iothub)
