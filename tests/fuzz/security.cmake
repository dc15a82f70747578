edge_fuzz(fuzz_dps LINKS edge::security_provision edge::security_identities)
edge_fuzz(fuzz_workload LINKS edge::security_workload edge::security_api)
