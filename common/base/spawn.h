/* common/base/spawn.h - run a helper program (a CNI plugin, nft) to its end.
 * Blocking: worker threads only. posix_spawn, never fork: other threads hold locks. */
#ifndef EDGE_BASE_SPAWN_H
#define EDGE_BASE_SPAWN_H

#include "common/base/bytes.h"
#include "common/base/cancel.h"
#include "common/base/err.h"

struct edge_spawn {
    const char *const *argv;    /* argv[0] is the path or a name in PATH; NULL at the end */
    const char *const *env;     /* "K=V", NULL at the end; NULL: inherit */
    struct edge_bytes input;    /* written to its standard input, then closed */
    int timeout_ms;             /* > 0; then it and its children are killed: -ETIMEDOUT */
    struct edge_cancel *cancel; /* they are killed when it fires: -ECANCELED; or NULL */
    int keep; /* a descriptor that it and its children have open as long as they live; 0: none */
};

/**
 * @param output  receives standard output; its ceiling is the limit (excess is dropped)
 * @param errors  receives standard error likewise; may be the same as @p output
 * @param ret_status  exit code, or 128 + signal; set when 0 is returned
 * @return 0 when the child ran to an end, whatever its code; -ENOENT, -ETIMEDOUT, -ECANCELED, other
 * errno
 */
EDGE_MUST_CHECK int edge_spawn_run(const struct edge_spawn *spawn, struct edge_buf *output,
                                   struct edge_buf *errors, int *ret_status, struct edge_err *err);

#endif
