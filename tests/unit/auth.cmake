edge_test(unit/hub/test_auth_proof.c LINKS edge::hub_auth_proof edge::tls)
edge_test(unit/hub/test_auth.c LINKS edge::hub_auth edge::hub_store edge::json)
edge_test(unit/hub/test_auth_http.c LINKS edge::hub_auth edge::http_server edge::tls)
