edge_test(unit/emulator/test_query.c LINKS edge::emulator_query)
edge_test(unit/emulator/test_store.c LINKS edge::emulator_store)
