edge_test(unit/hub/test_workload.c
  LINKS edge::hub_workload edge::crypto edge::http_server edge::json edge::tls)
edge_test(unit/common/test_aead.c LINKS edge::crypto)
