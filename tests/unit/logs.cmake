edge_test(unit/agent/test_log_line.c LINKS edge::agent_log_format)
edge_test(unit/agent/test_log_stream.c LINKS edge::agent_log_format)
edge_test(unit/agent/test_log_names.c LINKS edge::agent_log_format edge::zlib)
edge_test(unit/agent/test_logs.c LINKS edge::agent_logs edge::agent_log_format edge::zlib)

set(here ${CMAKE_CURRENT_LIST_DIR}/../integration)
add_test(NAME integration.logger COMMAND python3 ${here}/test_logger.py $<TARGET_FILE:edge-logger>)
add_test(NAME integration.logger_full_disk
  COMMAND ${here}/small_disk.sh ${here}/test_logger.py $<TARGET_FILE:edge-logger>)
set_tests_properties(integration.logger integration.logger_full_disk
  PROPERTIES LABELS integration TIMEOUT 600)
