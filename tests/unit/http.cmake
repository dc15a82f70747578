edge_test(unit/common/test_http_client.c LINKS edge::http_client)
target_link_options(test.unit.common.http_client PRIVATE -Wl,--wrap=free)
include(${CMAKE_CURRENT_LIST_DIR}/http_server.cmake)
