edge_test(unit/common/test_http_client.c LINKS edge::http_client)
