edge_test(unit/emulator/test_query.c LINKS edge::emulator_query)
edge_test(unit/emulator/test_store.c LINKS edge::emulator_store)
edge_test(unit/emulator/test_cloud.c SOURCES unit/emulator/cloud_house.c LINKS edge::emulator_cloud)
edge_test(unit/emulator/test_chain.c SOURCES unit/emulator/cloud_house.c LINKS edge::emulator_cloud)
