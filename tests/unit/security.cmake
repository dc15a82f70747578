edge_test(unit/agent/security/test_keys.c LINKS edge::security_keys)
edge_test(unit/agent/security/test_token.c LINKS edge::security_keys edge::p11-kit)
edge_test(unit/agent/security/test_certs.c LINKS edge::security_certs edge::tls)
edge_test(unit/agent/security/test_provision.c LINKS edge::security_provision)
edge_test(unit/agent/security/test_identities.c LINKS edge::security_identities)
edge_test(unit/agent/security/test_places.c LINKS
  edge::security_watchdog edge::security_workload edge::security_api)
edge_test(unit/agent/security/test_watchdog.c LINKS edge::security_watchdog)
