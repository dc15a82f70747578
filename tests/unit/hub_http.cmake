edge_test(unit/hub/test_method_request.c LINKS edge::hub_method_request)
edge_test(unit/hub/test_http_calls.c LINKS edge::hub_http edge::http_server)
