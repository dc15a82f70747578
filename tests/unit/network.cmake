edge_test(integration/test_network.c SOURCES integration/netlab.c integration/netcase.c LINKS edge::agent_network)
