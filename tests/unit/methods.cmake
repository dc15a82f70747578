foreach(subject entry request tasks)
  edge_test(unit/agent/test_methods_${subject}.c LINKS edge::agent_methods_format)
endforeach()
edge_test(unit/agent/test_methods.c LINKS edge::agent_methods edge::agent_log_format edge::zlib)
edge_test(unit/agent/test_methods_collect.c LINKS edge::agent_methods edge::agent_log_format edge::zlib)

add_executable(methods_driver ${CMAKE_CURRENT_LIST_DIR}/../integration/methods_driver.c)
set_target_properties(methods_driver PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(methods_driver PRIVATE edge::agent_methods edge_warnings)
add_test(NAME conformance.blob
  COMMAND python3 ${CMAKE_CURRENT_LIST_DIR}/../conformance/test_blob.py $<TARGET_FILE:methods_driver>)
set_tests_properties(conformance.blob PROPERTIES LABELS conformance TIMEOUT 300)
