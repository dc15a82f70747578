# A hub's door with a store and a cloud, for the tests of this room.
edge_library(auth_house SOURCES unit/hub/auth_house.c LINKS edge::hub_auth edge::json edge::cmocka)
edge_test(unit/hub/test_auth.c LINKS edge::auth_house)
edge_test(unit/hub/test_auth_wait.c LINKS edge::auth_house)
edge_test(unit/hub/test_auth_scope.c LINKS edge::auth_house)
edge_test(unit/hub/test_auth_proof.c LINKS edge::hub_auth_proof edge::tls)
edge_test(unit/hub/test_auth_http.c LINKS edge::hub_auth edge::http_server edge::tls)
