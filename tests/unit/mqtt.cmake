# A stream without a network, a backend that does as it is told.
edge_library(mqtt_fakes SOURCES unit/hub/fake_stream.c unit/hub/fake_backend.c LINKS edge::hub_mqtt)
edge_test(unit/hub/test_mqtt_codec.c LINKS edge::mqtt_codec)
edge_test(unit/hub/test_mqtt_client.c LINKS edge::mqtt_fakes)
edge_test(unit/hub/test_mqtt_user.c LINKS edge::hub_mqtt)
edge_test(unit/hub/test_mqtt_window.c LINKS edge::hub_mqtt)
foreach(part head traffic)
  edge_test(unit/hub/test_mqtt_${part}.c
    SOURCES unit/hub/mqtt_house.c LINKS edge::mqtt_fakes edge::json)
endforeach()
# For clients of other makers: conformance/test_mosquitto.py
add_executable(mqtt-test-server conformance/mqtt_server.c unit/hub/fake_backend.c)
set_target_properties(mqtt-test-server PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(mqtt-test-server PRIVATE edge::hub_mqtt edge::threads edge_warnings)
edge_test(unit/hub/test_dps_mqtt.c LINKS edge::mqtt_fakes edge::dps_mqtt)
edge_test(unit/hub/test_load_histogram.c LINKS edge::base)
add_subdirectory(bench/load)
