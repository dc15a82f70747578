edge_test(unit/agent/test_outcome.c LINKS edge::agent_source)
edge_test(unit/agent/test_source.c LINKS edge::agent_source)
