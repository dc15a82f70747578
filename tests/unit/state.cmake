edge_test(unit/agent/test_state.c LINKS edge::agent_state)
edge_test(unit/agent/test_state_damage.c LINKS edge::agent_state)
