foreach(subject condition errors body route set)
  edge_test(unit/common/test_routing_${subject}.c LINKS edge::routing)
endforeach()
