edge_test(unit/hub/test_mqtt_codec.c LINKS edge::mqtt_codec)
edge_test(unit/hub/test_mqtt_client.c SOURCES unit/hub/fake_stream.c LINKS edge::mqtt_client)
