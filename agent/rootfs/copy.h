/* agent/rootfs/copy.h - inside the room: copy a folder's content by descriptors, following nothing.
 * Blocking; any thread. */
#ifndef AGENT_ROOTFS_COPY_H
#define AGENT_ROOTFS_COPY_H

#include "common/base/err.h"

/**
 * Copy what is in the folder @p from into the empty folder @p to, and the folder's own owner, mode
 * and times: files, folders, links (as links) and FIFOs with owner, mode, extended attributes and
 * times. Devices and sockets are left out.
 * @return 0, errno, or EDGE_ELIMIT (folders nested too deep)
 */
int rootfs_copy(int from, int to, struct edge_err *err);

#endif
