foreach(part subnet ports hold hosts resolv nft record cni)
  edge_test(unit/agent/network/test_${part}.c LINKS edge::agent_network edge::json)
endforeach()

# Bridges and rules in namespaces of their own: these need root, the CNI plugins and nft.
foreach(part network network_conflict network_life)
  edge_test(integration/test_${part}.c
    SOURCES integration/netlab.c integration/netcase.c LINKS edge::agent_network)
endforeach()
