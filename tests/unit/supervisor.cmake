edge_test(unit/agent/test_identities.c LINKS edge::agent_supervisor)
edge_test(unit/agent/test_listing.c LINKS edge::agent_supervisor)
