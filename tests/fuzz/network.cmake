edge_fuzz(fuzz_network_record LINKS edge::agent_network edge::json)
edge_fuzz(fuzz_cni_result LINKS edge::agent_network edge::json)
edge_fuzz(fuzz_network_names LINKS edge::agent_network)
