edge_fuzz(fuzz_upstream_mqtt LINKS edge::hub_cloud_mqtt edge::mqtt_fakes)
target_sources(fuzz_upstream_mqtt PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/upstream_place.c)
edge_fuzz(fuzz_upstream_amqp LINKS edge::hub_cloud_amqp edge::hub_amqp)
target_sources(fuzz_upstream_amqp PRIVATE
  ${PROJECT_SOURCE_DIR}/tests/fuzz/upstream_place.c
  ${PROJECT_SOURCE_DIR}/tests/unit/hub/fake_stream.c ${PROJECT_SOURCE_DIR}/tests/unit/hub/fake_backend.c)
