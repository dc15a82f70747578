# A store to play with, for the tests of this room.
set(store_bench ${CMAKE_CURRENT_LIST_DIR}/hub/store.c)
edge_test(unit/hub/test_store.c SOURCES ${store_bench} LINKS edge::hub_store edge::uv)
edge_test(unit/hub/test_store_damage.c SOURCES ${store_bench} LINKS edge::hub_store edge::uv)
edge_test(unit/hub/test_store_fault.c SOURCES ${store_bench} ${CMAKE_CURRENT_LIST_DIR}/hub/fault_vfs.c ${CMAKE_CURRENT_LIST_DIR}/hub/fault_files.c
  LINKS edge::hub_store edge::uv edge::sqlite3)
edge_test(unit/hub/test_store_wait.c SOURCES ${store_bench} ${CMAKE_CURRENT_LIST_DIR}/hub/fault_files.c LINKS edge::hub_store edge::uv)
edge_test(unit/hub/test_store_documents.c SOURCES ${store_bench} ${CMAKE_CURRENT_LIST_DIR}/hub/fault_vfs.c
  LINKS edge::hub_store edge::uv edge::sqlite3)
add_subdirectory(${CMAKE_CURRENT_LIST_DIR}/../bench/store ${PROJECT_BINARY_DIR}/tests/bench/store)
edge_test(unit/hub/test_store_limit.c SOURCES ${store_bench} LINKS edge::hub_store edge::uv)
edge_test(unit/hub/test_store_index.c LINKS edge::hub_store)
edge_test(unit/hub/test_store_kill.c SOURCES ${store_bench} LINKS edge::hub_store edge::uv)
edge_test(unit/hub/test_store_disk.c SOURCES ${store_bench} LINKS edge::hub_store edge::uv)
edge_test(unit/hub/test_store_log.c SOURCES ${store_bench} LINKS edge::hub_store edge::uv)
edge_test(unit/hub/test_store_record.c LINKS edge::hub_store)
edge_test(unit/hub/test_store_power.c SOURCES ${store_bench} ${CMAKE_CURRENT_LIST_DIR}/hub/power_tape.c
  ${CMAKE_CURRENT_LIST_DIR}/hub/power_disk.c ${CMAKE_CURRENT_LIST_DIR}/hub/power_world.c LINKS edge::hub_store edge::uv)
set_tests_properties(unit.hub.store_power PROPERTIES LABELS "unit;crash" TIMEOUT 3600)
# Their fsyncs wait for a busy disk.
set_tests_properties(unit.hub.store_documents unit.hub.store_fault unit.hub.store_damage unit.hub.store_kill PROPERTIES TIMEOUT 600 COST 60)
