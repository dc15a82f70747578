edge_test(unit/agent/test_rootfs.c LINKS edge::agent_rootfs)
edge_test(integration/test_rootfs.c
  SOURCES integration/sandbox.c LINKS edge::agent_rootfs edge::agent_spec)
