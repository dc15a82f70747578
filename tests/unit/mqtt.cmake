edge_test(unit/hub/test_mqtt_codec.c LINKS edge::mqtt_codec)
edge_test(unit/hub/test_mqtt_client.c SOURCES unit/hub/fake_stream.c LINKS edge::mqtt_client)
edge_test(unit/hub/test_mqtt_user.c LINKS edge::hub_mqtt)
edge_test(unit/hub/test_mqtt_head.c SOURCES unit/hub/fake_stream.c unit/hub/fake_backend.c
  LINKS edge::hub_mqtt edge::json)
