edge_test(unit/agent/test_reported.c LINKS edge::agent_reported edge::iothub)
edge_test(unit/agent/test_cloud_twin.c LINKS edge::agent_twin edge::iothub)
