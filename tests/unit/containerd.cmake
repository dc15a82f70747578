foreach(part call wire metrics events)
  edge_test(unit/agent/test_containerd_${part}.c LINKS edge::agent_containerd edge::proto)
endforeach()
