edge_test(unit/common/test_http_head.c LINKS edge::http_server)
edge_test(unit/common/test_http_server.c LINKS edge::http_server edge::threads)
edge_test(unit/common/test_http_websocket.c LINKS edge::http_server edge::threads)
include(${PROJECT_SOURCE_DIR}/tests/fuzz/http_server.cmake)
