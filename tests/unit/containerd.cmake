set(core_is_opaque TSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/tsan.supp)

foreach(part call wire metrics events)
  edge_test(unit/agent/test_containerd_${part}.c LINKS edge::agent_containerd edge::proto)
  set_tests_properties(unit.agent.containerd_${part} PROPERTIES ENVIRONMENT ${core_is_opaque})
endforeach()

# Against a real containerd, started in namespaces of its own. Needs root.
function(edge_containerd_test part)
  set(name integration.containerd.${part})
  add_executable(test.${name} integration/test_containerd_${part}.c integration/containerd_host.c)
  set_target_properties(test.${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_link_libraries(test.${name}
    PRIVATE edge::agent_containerd edge::crypto edge::cmocka edge_warnings)
  add_test(NAME ${name}
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integration/private_host.sh $<TARGET_FILE:test.${name}>)
  set_tests_properties(${name} PROPERTIES LABELS integration TIMEOUT 600 ENVIRONMENT ${core_is_opaque})
endfunction()
edge_containerd_test(content)
edge_containerd_test(tasks)
edge_containerd_test(events)

# Debian's python3, which has python3-protobuf.
add_test(NAME conformance.protos
  COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/conformance/protos.py
    ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/debs)
set_tests_properties(conformance.protos PROPERTIES LABELS conformance TIMEOUT 300)
