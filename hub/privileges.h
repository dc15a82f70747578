/* hub/privileges.h - from root to a user of its own, in a container that was started as root.
 * Before threads start. Source: hub.md 0.4; capabilities(7). */
#ifndef HUB_PRIVILEGES_H
#define HUB_PRIVILEGES_H

#include <sys/types.h>

#include "common/base/err.h"

/** Make @p dir and everything in it the user's, then become the user for good, keeping one right:
 * to listen on ports below 1024. Not root, or uid 0 asked for: nothing to do.
 * @return 0, or errno with what was not allowed */
EDGE_MUST_CHECK int hub_become(uid_t uid, const char *dir, struct edge_err *err);

#endif
