foreach(subject entry request tasks)
  edge_test(unit/agent/test_methods_${subject}.c LINKS edge::agent_methods_format)
endforeach()
edge_test(unit/agent/test_methods.c LINKS edge::agent_methods edge::agent_log_format edge::zlib)
