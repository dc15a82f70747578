edge_fuzz(fuzz_containerd LINKS edge::agent_containerd edge::proto)
