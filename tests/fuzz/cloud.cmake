edge_fuzz(fuzz_cloud_twin LINKS edge::agent_twin edge::iothub)
edge_fuzz(fuzz_cloud_reported LINKS edge::agent_reported edge::iothub)
