/* agent/rootfs/host.h - inside the room: what this host can do. Blocking; any thread. */
#ifndef AGENT_ROOTFS_HOST_H
#define AGENT_ROOTFS_HOST_H

#include "agent/spec/spec.h"

/** Look; nothing here can fail, what cannot be seen is not there. */
void rootfs_probe_host(struct agent_host *ret);

/** The same for a cgroup tree mounted at @p root ("/sys/fs/cgroup"). @return abilities */
unsigned rootfs_probe_cgroups(const char *root);

#endif
