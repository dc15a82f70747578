edge_test(unit/agent/test_reference.c LINKS edge::agent_image_formats)
edge_test(unit/agent/test_manifest.c LINKS edge::agent_image_formats)
edge_test(unit/agent/test_registry_headers.c LINKS edge::agent_image_formats)
edge_test(unit/agent/test_credentials.c LINKS edge::agent_image_registry)
edge_test(unit/agent/test_flight.c LINKS edge::agent_image)

# Pulls against a real containerd and real and faulty registries, without the agent.
add_executable(pull_driver integration/pull_driver.c)
set_target_properties(pull_driver PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(pull_driver PRIVATE edge::agent_image edge_warnings)
find_program(PYTHON3 python3 REQUIRED)
add_test(NAME integration.pull COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_pull.py)
set_tests_properties(integration.pull PROPERTIES
  LABELS integration TIMEOUT 600
  ENVIRONMENT
    "EDGE_BIN=${PROJECT_BINARY_DIR}/bin;EDGE_PULL_DRIVER=$<TARGET_FILE:pull_driver>;PYTHONDONTWRITEBYTECODE=1")
