edge_test(unit/agent/test_plan.c LINKS edge::agent_plan)
edge_test(unit/agent/test_plan_reasons.c LINKS edge::agent_plan)
edge_test(unit/agent/test_plan_worlds.c LINKS edge::agent_plan)
