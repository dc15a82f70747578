/* agent/identity/call.h - one exchange of JSON with edge-securityd. For this room only; worker
 * threads. */
#ifndef AGENT_IDENTITY_CALL_H
#define AGENT_IDENTITY_CALL_H

#include "agent/identity/identity.h"
#include "common/json/json.h"

struct identity_call {
    const struct agent_identity_daemon *daemon;
    const char *socket; /* one of the daemon's */
    const char *method;
    const char *path;             /* encoded, with its query */
    const struct edge_json *body; /* or NULL */
};

/**
 * @param ret  what came with 200, an object; NULL: nothing is expected
 * @return 0 · EDGE_EUNAVAILABLE nobody answers, or 429 or 503 · EDGE_EAUTH 401 or 403 · -ENOENT 404
 * · EDGE_EREMOTE another status; err then has the daemon's own words · EDGE_EPROTOCOL · -ECANCELED
 */
EDGE_MUST_CHECK int identity_call(const struct identity_call *call, struct edge_json **ret,
                                  struct edge_err *err);

/** @p before, @p id percent-encoded, @p after. The caller frees it; NULL without memory. */
char *identity_path(const char *before, const char *id, const char *after);

/** A text that has to be there, copied. @return 0, EDGE_EPROTOCOL, -ENOMEM */
EDGE_MUST_CHECK int identity_take(const struct edge_json *object, const char *name, char **ret,
                                  struct edge_err *err);

#endif
