edge_test(unit/hub/test_hub_setup.c LINKS edge::hub_setup)
