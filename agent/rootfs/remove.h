/* agent/rootfs/remove.h - inside the room: remove what a module may have filled: folders nested
 * deeper than any path or stack is long. Blocking; any thread. */
#ifndef AGENT_ROOTFS_REMOVE_H
#define AGENT_ROOTFS_REMOVE_H

#include "common/base/err.h"

/** rm -r of the folder @p name in @p dir (or AT_FDCWD), following nothing. Absent is success.
 * @return 0 or errno; what can go is gone all the same */
int rootfs_remove(int dir, const char *name, struct edge_err *err);

#endif
