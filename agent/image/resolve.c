/* From a name to a manifest: asked at the registry or read from the content store, and verified. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/image/backoff.h"
#include "agent/image/internal.h"
#include "agent/image/media.h"

enum { MANIFEST_TOTAL_MS = 300000 };

/* What is asked for: by tag (no digest) or by digest. */
struct wanted {
    char *what; /* "manifests/…" */
    const char *digest;
};

static int mismatch(const char *what, const char *digest, struct edge_err *err)
{
    return edge_fail(err, EDGE_EDIGEST, "what is served as %.100s has digest %s", what, digest);
}

/* @p response is the manifest: verify it and keep it. */
static int keep(const struct wanted *wanted, struct edge_http_response *response,
                struct agent_root *ret, struct edge_err *err)
{
    const char *told = edge_http_response_header(response, "Docker-Content-Digest");
    const char *type = edge_http_response_header(response, "Content-Type");
    char digest[AGENT_DIGEST_TEXT];

    agent_digest_of(response->body.data ? response->body.data : "", response->body.len, digest);
    if (wanted->digest && strcmp(wanted->digest, digest) != 0)
        return mismatch(wanted->what, digest, err);
    if (told && agent_digest_is_sha256(told) && strcmp(told, digest) != 0)
        return mismatch(told, digest, err);
    memcpy(ret->digest, digest, sizeof digest);
    ret->text = response->body;
    response->body = (struct edge_buf){0};
    ret->descriptor = (struct agent_ctrd_descriptor){
        .media_type = agent_media_find(type ? type : "")->name,
        .digest = ret->digest,
        .size = (int64_t) ret->text.len,
    };
    return 0;
}

static int ask_place(struct agent_run *run, size_t place, const struct wanted *wanted,
                     struct agent_root *ret, int64_t *ret_asked_ms, struct edge_err *err)
{
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    const struct agent_session_get get = {
        .place = place,
        .what = wanted->what,
        .accept = agent_manifest_accept,
        .max_body = run->images->limits.max_manifest_bytes,
        .total_ms = MANIFEST_TOTAL_MS,
    };
    int rc = agent_session_get(run->session, &get, &response, ret_asked_ms, err);

    if (rc == AGENT_SESSION_NO_RANGE)
        return edge_fail(err, EDGE_EPROTOCOL, "registry %s answers 416 to a request for all",
                         agent_session_place_host(run->session, place));
    if (rc == 0)
        rc = keep(wanted, &response, ret, err);
    return rc == EDGE_EDIGEST
               ? edge_wrap(err, rc, "registry %s", agent_session_place_host(run->session, place))
               : rc;
}

/* The mirror first; whatever is wrong with it, the registry itself has the last word. */
static int ask_places(struct agent_run *run, const struct wanted *wanted, struct agent_root *ret,
                      int64_t *ret_asked_ms, struct edge_err *err)
{
    size_t last = agent_session_places(run->session) - 1;
    int rc;

    for (size_t i = 0; i < last; i++) {
        if (agent_session_place_down(run->session, i))
            continue;
        rc = ask_place(run, i, wanted, ret, ret_asked_ms, err);
        if (rc == 0 || rc == -ECANCELED)
            return rc;
    }
    return ask_place(run, last, wanted, ret, ret_asked_ms, err);
}

static int fetch(struct agent_run *run, const struct wanted *wanted, bool patient,
                 struct agent_root *ret, struct edge_err *err)
{
    struct agent_backoff backoff = {patient ? 0 : AGENT_BACKOFF_TRIES};

    if (!wanted->what)
        return edge_fail(err, -ENOMEM, "no memory for a manifest");
    for (;;) {
        int64_t asked_ms = -1;
        int rc = ask_places(run, wanted, ret, &asked_ms, err);

        if (rc != EDGE_EUNAVAILABLE || !agent_backoff_again(&backoff, asked_ms, run->stop))
            return edge_cancelled(run->stop) ? edge_fail(err, -ECANCELED, "cancelled") : rc;
    }
}

/* containerd verified it when it was written. */
static int from_store(struct agent_run *run, const char *digest, struct agent_root *ret,
                      struct edge_err *err)
{
    EDGE_CLEANUP(agent_manifest_free) struct agent_manifest *manifest = NULL;
    struct edge_bytes text;
    int rc = agent_store_read(run->images, run->stop, digest, &ret->text, err);

    if (rc < 0)
        return rc;
    text = (struct edge_bytes){(const uint8_t *) ret->text.data, ret->text.len};
    rc = agent_manifest_parse(text, NULL, &run->images->limits, &manifest, err);
    if (rc < 0) {
        agent_root_fini(ret);
        return rc;
    }
    (void) snprintf(ret->digest, sizeof ret->digest, "%s", digest);
    ret->descriptor = (struct agent_ctrd_descriptor){
        .media_type = manifest->media_type,
        .digest = ret->digest,
        .size = (int64_t) ret->text.len,
    };
    return 0;
}

static int by_digest(struct agent_run *run, const char *digest, bool patient,
                     struct agent_root *ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *what = edge_format("manifests/%s", digest);
    const struct wanted wanted = {what, digest};
    int rc = from_store(run, digest, ret, err);

    return rc == -ENOENT ? fetch(run, &wanted, patient, ret, err) : rc;
}

int agent_resolve_root(struct agent_run *run, bool patient, struct agent_root *ret,
                       struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *what = NULL;

    if (run->ref.digest)
        return by_digest(run, run->ref.digest, patient, ret, err);
    what = edge_format("manifests/%s", run->ref.tag);
    return fetch(run, &(struct wanted){what, NULL}, patient, ret, err);
}

int agent_resolve_manifest(struct agent_run *run, const struct agent_manifest_blob *blob,
                           struct agent_root *ret, struct edge_err *err)
{
    int rc = by_digest(run, blob->digest, true, ret, err);

    if (rc < 0)
        return rc;
    if ((int64_t) ret->text.len != blob->size) {
        agent_root_fini(ret);
        return edge_fail(err, EDGE_EDIGEST, "manifest %s has not the size its index says",
                         blob->digest);
    }
    return 0;
}
