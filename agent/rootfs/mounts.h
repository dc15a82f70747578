/* agent/rootfs/mounts.h - inside the room: what of the host is mounted where, and that nobody's
 * mount hides one of ours. Blocking; any thread. */
#ifndef AGENT_ROOTFS_MOUNTS_H
#define AGENT_ROOTFS_MOUNTS_H

#include "agent/rootfs/rootfs.h"
#include "agent/rootfs/volumes.h"

struct rootfs_mounts {
    const struct agent_rootfs_request *request;
    struct agent_bind *binds; /* texts borrowed from the request and from volumes */
    size_t nbinds;
    struct rootfs_volume *volumes; /* open, locked */
    size_t nvolumes;
};

/** Make sources and volumes, and the list of binds: injected ones that no user's mount replaces,
 * and the user's. */
int rootfs_mounts_prepare(const struct agent_rootfs_request *request, struct rootfs_mounts *ret,
                          struct edge_err *err);
/** In a view: as above, but links in the image are followed first (/var/run is often /run). */
int rootfs_mounts_check_links(const struct rootfs_mounts *mounts, struct edge_err *err);
void rootfs_mounts_fini(struct rootfs_mounts *mounts);

/** A container id, which becomes part of paths. */
bool rootfs_id_ok(const char *id);

#endif
