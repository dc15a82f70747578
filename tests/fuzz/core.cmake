edge_fuzz(fuzz_hub_record LINKS edge::hub_core)
edge_fuzz(fuzz_hub_queue_name LINKS edge::hub_core)
edge_fuzz(fuzz_hub_config LINKS edge::hub_core_pure)
edge_fuzz(fuzz_hub_twin LINKS edge::hub_core_pure)
