edge_fuzz(fuzz_cert LINKS edge::tls)
