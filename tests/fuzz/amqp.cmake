edge_fuzz(fuzz_amqp LINKS edge::hub_amqp)
target_sources(fuzz_amqp PRIVATE
  ${PROJECT_SOURCE_DIR}/tests/unit/hub/fake_stream.c ${PROJECT_SOURCE_DIR}/tests/unit/hub/fake_backend.c)
edge_fuzz(fuzz_amqp_message LINKS edge::hub_amqp edge::json)
