edge_test(unit/agent/test_reported.c LINKS edge::agent_reported edge::iothub)
edge_test(unit/agent/test_cloud_twin.c LINKS edge::agent_twin edge::iothub)
edge_test(unit/agent/test_cloud_link.c SOURCES unit/agent/fake_hub.c LINKS edge::agent_cloud_link edge::iothub)
edge_test(unit/agent/test_cloud_secrets.c LINKS edge::agent_reported)

# The link through its tunnel to a real broker; needs root for its sandbox.
if(NOT EXISTS ${PROJECT_SOURCE_DIR}/common/net/dial.c)
  return()
endif()
add_executable(cloud_driver integration/cloud_driver.c)
set_target_properties(cloud_driver PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(cloud_driver PRIVATE edge::agent_cloud edge_warnings)
find_program(PYTHON3 python3 REQUIRED)
add_test(NAME integration.cloud_link
  COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_cloud_link.py)
set_tests_properties(integration.cloud_link PROPERTIES LABELS integration TIMEOUT 600 ENVIRONMENT
  "EDGE_BIN=${PROJECT_BINARY_DIR}/bin;EDGE_CLOUD_DRIVER=$<TARGET_FILE:cloud_driver>;PYTHONDONTWRITEBYTECODE=1")
