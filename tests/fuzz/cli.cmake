edge_fuzz(fuzz_frames LINKS edge::agent_cli)
