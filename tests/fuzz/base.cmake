edge_fuzz(fuzz_time LINKS edge::base)
