/* agent/rootfs/view.h - inside the room: a look into a container's root file system.
 *
 * The snapshot's mounts are made, read-only, in a mount namespace that belongs to one short-lived
 * thread, and the caller's function runs there with that root as its `/` (chroot of this thread
 * alone): no link in the image can lead out, and however this process ends, no mount stays. */
#ifndef AGENT_ROOTFS_VIEW_H
#define AGENT_ROOTFS_VIEW_H

#include "agent/containerd/client.h"
#include "common/base/err.h"

/** Runs on the thread of the view. Paths are the container's; what it needs of the host must have
 * been opened before. Descriptors it opens must be closed when it returns. */
typedef int (*rootfs_view_fn)(void *arg, struct edge_err *err);

/**
 * @param at  an existing folder of the host to mount on; any number of views may share it
 * @return what @p fn returned; errno or EDGE_ELIMIT when the view could not be made
 */
int rootfs_view(const struct agent_ctrd_mounts *mounts, const char *at, rootfs_view_fn fn,
                void *arg, struct edge_err *err);

#endif
