edge_test(unit/hub/test_cloud_login.c LINKS edge::hub_cloud_mqtt edge::hub_mqtt)
edge_test(unit/hub/test_cloud_mqtt.c
  SOURCES unit/hub/line_house.c unit/hub/fake_backend.c LINKS edge::hub_cloud_mqtt edge::hub_mqtt edge::json)
