edge_fuzz(fuzz_store_log LINKS edge::hub_store)
edge_fuzz(fuzz_store_files LINKS edge::hub_store)
