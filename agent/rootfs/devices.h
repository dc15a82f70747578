/* agent/rootfs/devices.h - inside the room: device nodes of the host. Blocking; any thread. */
#ifndef AGENT_ROOTFS_DEVICES_H
#define AGENT_ROOTFS_DEVICES_H

#include "agent/spec/spec.h"

struct rootfs_devices {
    struct agent_device_node *nodes; /* paths and accesses are owned by this list */
    size_t len;
};
void rootfs_devices_fini(struct rootfs_devices *devices);

enum { ROOTFS_MAX_DEVICES = 4096 };

/**
 * Look up Devices: a node, or every node in and below a folder.
 * @return 0, -ENOENT and other errno, EDGE_EINVALID (no device there), EDGE_ELIMIT
 */
int rootfs_devices_find(struct rootfs_devices *devices, const struct agent_device_option *wanted,
                        struct edge_err *err);

/** Every node below @p dev ("/dev") but for terminals and what is mounted there; for privileged
 * containers. Paths that are in the list already stay as they are. */
int rootfs_devices_add_all(struct rootfs_devices *devices, const char *dev, struct edge_err *err);

#endif
