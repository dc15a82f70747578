/* agent/rootfs/mount.h - inside the room: containerd's mounts as arguments of mount(2).
 * The calling thread must have a working directory of its own (unshare CLONE_FS). */
#ifndef AGENT_ROOTFS_MOUNT_H
#define AGENT_ROOTFS_MOUNT_H

#include "agent/containerd/client.h"
#include "common/base/bytes.h"
#include "common/base/err.h"

/** Options cut in what are flags to mount(2) and what the file system reads. */
struct rootfs_mount_options {
    unsigned long flags;
    char *data;   /* owned; "" for none */
    char *folder; /* owned; where to stand while mounting, or NULL: lowerdir is relative to it */
};
void rootfs_mount_options_fini(struct rootfs_mount_options *options);

/** @param options  NULL at the end, or NULL
 * @return 0, EDGE_ELIMIT when the data do not fit in a page even when shortened, -ENOMEM */
int rootfs_mount_options_parse(char *const *options, struct rootfs_mount_options *ret,
                               struct edge_err *err);

/** Mount all of them on @p at, read-only and without devices or set-uid programs. */
int rootfs_mount(const struct agent_ctrd_mounts *mounts, const char *at, struct edge_err *err);

#endif
