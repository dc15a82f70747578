foreach(subject condition errors body route set)
  edge_test(unit/common/test_routing_${subject}.c LINKS edge::routing)
endforeach()

add_subdirectory(bench/route)

add_test(NAME integration.routes
  COMMAND python3 ${CMAKE_CURRENT_LIST_DIR}/../integration/test_routes.py $<TARGET_FILE:edgectl>)
set_tests_properties(integration.routes PROPERTIES LABELS integration TIMEOUT 300)
