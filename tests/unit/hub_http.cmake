edge_test(unit/hub/test_method_request.c LINKS edge::hub_method_request)
