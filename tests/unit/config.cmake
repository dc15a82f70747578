edge_test(unit/agent/test_config.c LINKS edge::agent_config)
target_compile_definitions(test.unit.agent.config
  PRIVATE SAMPLE="${PROJECT_SOURCE_DIR}/deploy/config/config.yaml")
