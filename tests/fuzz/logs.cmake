edge_fuzz(fuzz_log_line LINKS edge::agent_log_format edge::json)
