edge_fuzz(fuzz_http_head LINKS edge::http_server)
