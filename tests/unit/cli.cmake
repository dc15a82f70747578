edge_test(unit/agent/test_cli_frames.c LINKS edge::agent_cli)
