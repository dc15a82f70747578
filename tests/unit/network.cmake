edge_test(integration/test_network.c
  SOURCES integration/netlab.c integration/netcase.c LINKS edge::agent_network)
edge_test(integration/test_network_life.c
  SOURCES integration/netlab.c integration/netcase.c LINKS edge::agent_network)
