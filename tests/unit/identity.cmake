edge_test(unit/agent/test_identity.c
  LINKS edge::agent_identity edge::crypto edge::http_server edge::iothub edge::json edge::loop)
