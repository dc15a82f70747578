edge_test(unit/hub/test_amqp_head.c
  SOURCES unit/hub/amqp_house.c unit/hub/fake_stream.c unit/hub/fake_backend.c unit/hub/amqp_client.c
  LINKS edge::hub_amqp edge::proton)
edge_test(unit/hub/test_amqp_rules.c
  SOURCES unit/hub/amqp_house.c unit/hub/fake_stream.c unit/hub/fake_backend.c unit/hub/amqp_client.c
  LINKS edge::hub_amqp edge::proton)
edge_test(unit/hub/test_amqp_credit.c
  SOURCES unit/hub/amqp_house.c unit/hub/fake_stream.c unit/hub/fake_backend.c unit/hub/amqp_client.c
  LINKS edge::hub_amqp edge::proton)
edge_test(unit/hub/test_amqp_chain.c
  SOURCES unit/hub/amqp_house.c unit/hub/fake_stream.c unit/hub/fake_backend.c unit/hub/amqp_client.c
  LINKS edge::hub_amqp edge::proton)
edge_test(unit/hub/test_amqp_many.c
  SOURCES unit/hub/fake_stream.c unit/hub/amqp_client.c LINKS edge::hub_amqp edge::proton)
edge_test(unit/hub/test_amqp_frames.c LINKS edge::amqp_codec)
edge_test(unit/hub/test_amqp_message.c LINKS edge::hub_amqp)
edge_test(unit/hub/test_amqp_json.c LINKS edge::hub_amqp edge::json)
edge_test(unit/hub/test_amqp_address.c LINKS edge::hub_amqp)
