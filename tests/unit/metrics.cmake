edge_test(unit/agent/test_metrics.c LINKS edge::agent_metrics)
