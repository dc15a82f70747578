edge_fuzz(fuzz_scope LINKS edge::hub_auth_proof)
