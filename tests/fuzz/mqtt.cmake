edge_fuzz(fuzz_mqtt LINKS edge::mqtt_codec)
edge_fuzz(fuzz_mqtt_head LINKS edge::mqtt_fakes)
edge_fuzz(fuzz_mqtt_user LINKS edge::hub_mqtt)
