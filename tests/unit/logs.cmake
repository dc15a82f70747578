edge_test(unit/agent/test_log_line.c LINKS edge::agent_log_format)
edge_test(unit/agent/test_log_stream.c LINKS edge::agent_log_format)
edge_test(unit/agent/test_log_names.c LINKS edge::agent_log_format edge::zlib)
edge_test(unit/agent/test_logs.c LINKS edge::agent_logs edge::agent_log_format edge::zlib)
