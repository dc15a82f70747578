edge_test(unit/agent/test_cli_format.c LINKS edge::agent_cli_format)
edge_fuzz(fuzz_cli_frames LINKS edge::agent_cli_format)

add_executable(manage_fake ${CMAKE_CURRENT_LIST_DIR}/../integration/manage_fake.c)
set_target_properties(manage_fake PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(manage_fake PRIVATE edge::agent_manage edge_warnings)
add_test(NAME integration.manage
  COMMAND python3 ${CMAKE_CURRENT_LIST_DIR}/../integration/test_manage.py
    $<TARGET_FILE:manage_fake> $<TARGET_FILE:edgectl>)
set_tests_properties(integration.manage PROPERTIES LABELS integration TIMEOUT 600)
