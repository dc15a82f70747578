foreach(part record names metrics)
  edge_test(unit/hub/test_core_${part}.c LINKS edge::hub_core)
endforeach()
