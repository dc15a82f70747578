edge_test(unit/common/test_net_stream.c LINKS edge::net edge::ssl edge::crypto_lib edge::threads)
edge_test(unit/common/test_net_dial.c LINKS edge::net edge::http_server)
