edge_fuzz(fuzz_upstream_mqtt LINKS edge::hub_cloud_mqtt edge::mqtt_fakes)
