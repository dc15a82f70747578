edge_test(unit/common/test_tls_cert.c LINKS edge::tls)
edge_test(unit/common/test_tls_token.c LINKS edge::tls)
