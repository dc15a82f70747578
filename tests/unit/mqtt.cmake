edge_test(unit/hub/test_mqtt_codec.c LINKS edge::mqtt_codec)
