edge_test(unit/agent/test_reported.c LINKS edge::agent_reported edge::iothub)
edge_test(unit/agent/test_cloud_twin.c LINKS edge::agent_twin edge::iothub)
edge_test(unit/agent/test_cloud_link.c SOURCES unit/agent/fake_hub.c LINKS edge::agent_cloud_link edge::iothub)
