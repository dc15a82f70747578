edge_fuzz(fuzz_query LINKS edge::emulator_query)
