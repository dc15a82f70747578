foreach(part record names metrics)
  edge_test(unit/hub/test_core_${part}.c LINKS edge::hub_core)
endforeach()
# The data plane with a store on disk and real routes; the control plane and hub/auth are mocked.
edge_library(core_house SOURCES unit/hub/core_house.c unit/hub/mock_control.c LINKS edge::hub_core edge::cmocka)
foreach(part sessions messages inputs outbox)
  edge_test(unit/hub/test_core_${part}.c LINKS edge::core_house)
endforeach()
edge_test(unit/hub/test_core_priority.c SOURCES unit/hub/fault_files.c LINKS edge::core_house edge::hub_store)
# The control plane with the data plane, the store and IoT Hub mocked.
foreach(part twins methods config report c2d)
  edge_test(unit/hub/test_core_${part}.c
    SOURCES unit/hub/mock_core.c LINKS edge::hub_core edge::json edge::iothub)
endforeach()
edge_test(unit/hub/test_core_hub.c LINKS edge::hub_core)
