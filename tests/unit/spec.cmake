edge_test(unit/agent/test_spec.c LINKS edge::agent_spec)
edge_test(unit/agent/test_options.c LINKS edge::agent_spec)
edge_test(unit/agent/test_user.c LINKS edge::agent_spec)
edge_test(integration/test_spec.c
  SOURCES integration/sandbox.c LINKS edge::agent_rootfs edge::agent_spec)
