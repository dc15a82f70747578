edge_fuzz(fuzz_json LINKS edge::json)
