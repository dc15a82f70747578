edge_test(unit/common/test_loop.c LINKS edge::loop)
edge_test(unit/common/test_pool.c LINKS edge::loop)
