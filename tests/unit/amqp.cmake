edge_test(unit/hub/test_amqp_head.c
  SOURCES unit/hub/fake_stream.c unit/hub/fake_backend.c unit/hub/amqp_client.c
  LINKS edge::hub_amqp edge::proton)
