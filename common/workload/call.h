/* common/workload/call.h - one exchange of JSON with edge-securityd over one of its sockets.
 * Blocking; worker threads, any number at once. */
#ifndef EDGE_WORKLOAD_CALL_H
#define EDGE_WORKLOAD_CALL_H

#include "common/base/cancel.h"
#include "common/base/err.h"
#include "common/json/json.h"

struct edge_daemon_call {
    const char *socket; /* its path */
    const char *method;
    const char *path;             /* encoded, with its query */
    const struct edge_json *body; /* or NULL */
    struct edge_cancel *cancel;   /* or NULL */
};

/**
 * @param ret  what came with a 2xx status, an object; NULL: nothing is expected
 * @return 0 · EDGE_EUNAVAILABLE nobody answers, or 429 or 503 · EDGE_EAUTH 401 or 403 · -ENOENT 404
 * · EDGE_EREMOTE another status; err then has the daemon's own words · EDGE_EPROTOCOL · -ECANCELED
 */
EDGE_MUST_CHECK int edge_daemon_call(const struct edge_daemon_call *call, struct edge_json **ret,
                                     struct edge_err *err);

/** @p before, @p id percent-encoded, @p after. The caller frees it; NULL without memory. */
char *edge_daemon_path(const char *before, const char *id, const char *after);

/** A text that has to be there, copied. @return 0, EDGE_EPROTOCOL, -ENOMEM */
EDGE_MUST_CHECK int edge_daemon_take(const struct edge_json *object, const char *name, char **ret,
                                     struct edge_err *err);

#endif
