edge_test(unit/common/test_http_client.c LINKS edge::http_client)
include(${CMAKE_CURRENT_LIST_DIR}/http_server.cmake)
