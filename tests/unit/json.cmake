edge_test(unit/common/test_json.c LINKS edge::json)
