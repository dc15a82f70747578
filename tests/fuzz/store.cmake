edge_fuzz(fuzz_store_log LINKS edge::hub_store)
