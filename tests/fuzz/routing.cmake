edge_fuzz(fuzz_route LINKS edge::routing)
edge_fuzz(fuzz_route_body LINKS edge::routing)
