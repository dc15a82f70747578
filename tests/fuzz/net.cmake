edge_fuzz(fuzz_websocket LINKS edge::net)
edge_fuzz(fuzz_net_head LINKS edge::net)
