edge_test(unit/hub/test_cloud_login.c LINKS edge::hub_cloud_mqtt edge::hub_mqtt)
edge_test(unit/hub/test_cloud_mqtt.c
  SOURCES unit/hub/line_site.c unit/hub/fake_backend.c LINKS edge::hub_cloud edge::hub_mqtt edge::hub_amqp edge::json)
edge_test(unit/hub/test_cloud_amqp.c
  SOURCES unit/hub/line_site.c unit/hub/fake_backend.c LINKS edge::hub_cloud edge::hub_mqtt edge::hub_amqp edge::json)
edge_test(unit/hub/test_cloud_amqp_traffic.c
  SOURCES unit/hub/line_site.c unit/hub/fake_backend.c LINKS edge::hub_cloud edge::hub_mqtt edge::hub_amqp edge::json)
edge_test(unit/hub/test_cloud_amqp_room.c
  SOURCES unit/hub/line_site.c unit/hub/fake_backend.c LINKS edge::hub_cloud edge::hub_mqtt edge::hub_amqp edge::json)
edge_test(unit/hub/test_cloud_words.c LINKS edge::hub_cloud_words)
if(TARGET emulator_cloud)
  edge_test(unit/hub/test_cloud_chain.c
    SOURCES unit/hub/line_site.c unit/hub/fake_backend.c unit/emulator/cloud_house.c
    LINKS edge::hub_cloud edge::hub_mqtt edge::hub_amqp edge::emulator_cloud edge::json)
endif()
