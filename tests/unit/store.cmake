# A store to play with, for the tests of this room.
set(store_bench ${CMAKE_CURRENT_LIST_DIR}/hub/store.c)
edge_test(unit/hub/test_store.c SOURCES ${store_bench} LINKS edge::hub_store edge::uv)
edge_test(unit/hub/test_store_damage.c SOURCES ${store_bench} LINKS edge::hub_store edge::uv)
