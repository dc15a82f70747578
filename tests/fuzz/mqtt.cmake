edge_fuzz(fuzz_mqtt LINKS edge::mqtt_codec)
