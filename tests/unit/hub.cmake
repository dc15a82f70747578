edge_test(unit/hub/test_hub_settings.c LINKS edge::hub_settings)
