/* agent/image/registry.h - one repository, as its registry and perhaps a mirror serve it (OCI
 * distribution specification, the pulling half). Blocking; any number of threads on one session. */
#ifndef AGENT_IMAGE_REGISTRY_H
#define AGENT_IMAGE_REGISTRY_H

#include "agent/image/credentials.h"
#include "common/http/client.h"

struct agent_session;

/** @param config, ref, auths  borrowed for the session's life; so is @p cancel */
EDGE_MUST_CHECK int agent_session_open(const struct agent_images_config *config,
                                       const struct agent_reference *ref,
                                       const struct agent_registry_auth *auths, size_t nauths,
                                       struct edge_cancel *cancel, struct agent_session **ret,
                                       struct edge_err *err);
struct agent_session *agent_session_close(struct agent_session *session);
EDGE_DEFINE_CLEANUP(struct agent_session *, agent_session_close)

/** How many places there are to ask: a mirror first, the registry itself last. */
size_t agent_session_places(const struct agent_session *session);
/** Place @p index was found unreachable a moment ago: ask the next one. */
bool agent_session_place_down(struct agent_session *session, size_t index);
const char *agent_session_place_host(const struct agent_session *session, size_t index);

struct agent_session_get {
    size_t place;
    const char *what;   /* "manifests/latest", "blobs/sha256:…" */
    const char *accept; /* or NULL */
    int64_t offset;     /* > 0: only what follows these bytes */
    int64_t max_body;   /* 0: no limit (with on_body) */
    int total_ms;       /* 0: no limit */
    /** As in struct edge_http_request, but only for 200 and 206. */
    int (*on_head)(const struct edge_http_response *response, void *arg);
    int (*on_body)(struct edge_bytes data, void *arg);
    void *arg;
};

enum { AGENT_SESSION_NO_RANGE = 1 };

/**
 * Ask once (twice when the registry first wants to know who asks).
 * @param response  `{0}` before; fini it whatever is returned
 * @param ret_asked_ms  how long the registry wants us to wait, -1 when it does not say
 * @return 0 for 200 and 206 · AGENT_SESSION_NO_RANGE for 416 · -ENOENT · EDGE_EAUTH ·
 * EDGE_EUNAVAILABLE (no connection, 408, 429, 5xx: try again) · EDGE_EREMOTE other refusals ·
 * EDGE_EPROTOCOL, EDGE_ELIMIT, EDGE_EINVALID, -ECANCELED · codes of the callbacks; err names the
 * registry and the key of config.yaml to set where one helps
 */
EDGE_MUST_CHECK int agent_session_get(struct agent_session *session,
                                      const struct agent_session_get *get,
                                      struct edge_http_response *response, int64_t *ret_asked_ms,
                                      struct edge_err *err);

#endif
