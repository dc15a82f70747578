foreach(part record names metrics)
  edge_test(unit/hub/test_core_${part}.c LINKS edge::hub_core)
endforeach()
# The control plane with the data plane, the store and IoT Hub mocked.
foreach(part twins methods config report c2d)
  edge_test(unit/hub/test_core_${part}.c
    SOURCES unit/hub/mock_core.c LINKS edge::hub_core edge::json edge::iothub)
endforeach()
