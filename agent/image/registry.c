#include "agent/image/registry.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/image/auth.h"
#include "agent/image/headers.h"
#include "common/base/clock.h"
#include "common/json/json.h"

enum { PLACES = 2, REDIRECTS = 5, DOWN_MS = 60000 };

struct place {
    char *host;       /* as configured and as people know it */
    const char *dial; /* where to connect */
    char *path;       /* "/v2/<prefix><repository>/" */
    const char *ca;
    bool plain_http;
    _Atomic int64_t down_until_ms;
    struct agent_auth *auth;
};

struct agent_session {
    struct place places[PLACES];
    size_t nplaces;
    struct edge_cancel *cancel;
};

struct agent_session *agent_session_close(struct agent_session *session)
{
    if (!session)
        return NULL;
    for (size_t i = 0; i < session->nplaces; i++) {
        agent_auth_destroy(session->places[i].auth);
        free(session->places[i].host);
        free(session->places[i].path);
    }
    free(session);
    return NULL;
}

/* @param host  taken   @param prefix  goes before the repository, "" or "x/" */
static int add_place(struct agent_session *session, const struct agent_registry *registry,
                     char *host, const char *prefix, const char *repository, const char *ca,
                     struct agent_credentials credentials)
{
    struct place *place = &session->places[session->nplaces++];
    const struct agent_auth_peer peer = {
        .host = host,
        .repository = repository,
        .ca = ca,
        .plain_http = registry && registry->plain_http,
        .credentials = credentials,
    };

    place->host = host;
    if (!host)
        return -ENOMEM;
    place->dial = agent_same_registry(host, "docker.io") ? "registry-1.docker.io" : host;
    place->ca = ca;
    place->plain_http = peer.plain_http;
    place->path = edge_format("/v2/%s%s/", prefix, repository);
    place->auth = agent_auth_create(&peer);
    return place->path && place->auth ? 0 : -ENOMEM;
}

/* "host:port/prefix": the mirror's own entry among the registries says how it is reached. */
static int add_mirror(struct agent_session *session, const struct agent_images_config *config,
                      const struct agent_registry *of, const struct agent_reference *ref,
                      const struct agent_registry_auth *auths, size_t nauths)
{
    size_t len = strcspn(of->mirror, "/");
    char *host = strndup(of->mirror, len);
    const char *slash = of->mirror + len;
    const struct agent_registry *own = host ? agent_registry_find(config, host) : NULL;
    struct agent_credentials credentials = {0};
    char prefix[256];

    if (host)
        credentials = agent_credentials_for(config, auths, nauths, host, ref->repository);
    while (*slash == '/')
        slash++;
    (void) snprintf(prefix, sizeof prefix, "%.250s", slash);
    len = strlen(prefix);
    if (len > 0 && prefix[len - 1] != '/')
        (void) snprintf(prefix + len, sizeof prefix - len, "/");
    return add_place(session, own, host, prefix, ref->repository, own && own->ca ? own->ca : of->ca,
                     credentials);
}

static int add_places(struct agent_session *session, const struct agent_images_config *config,
                      const struct agent_reference *ref, const struct agent_registry_auth *auths,
                      size_t nauths)
{
    const struct agent_registry *registry = agent_registry_find(config, ref->registry);
    int rc = 0;

    if (registry && registry->mirror)
        rc = add_mirror(session, config, registry, ref, auths, nauths);
    if (rc < 0)
        return rc;
    return add_place(session, registry, edge_strdup(ref->registry), "", ref->repository,
                     registry ? registry->ca : NULL,
                     agent_credentials_for(config, auths, nauths, ref->registry, ref->repository));
}

int agent_session_open(const struct agent_images_config *config, const struct agent_reference *ref,
                       const struct agent_registry_auth *auths, size_t nauths,
                       struct edge_cancel *cancel, struct agent_session **ret, struct edge_err *err)
{
    EDGE_CLEANUP(agent_session_close) struct agent_session *session = calloc(1, sizeof *session);

    if (!session || add_places(session, config, ref, auths, nauths) < 0)
        return edge_fail(err, -ENOMEM, "no memory for a registry session");
    session->cancel = cancel;
    *ret = EDGE_TAKE(session);
    return 0;
}

size_t agent_session_places(const struct agent_session *session)
{
    return session->nplaces;
}

bool agent_session_place_down(struct agent_session *session, size_t index)
{
    return edge_now_ms() < atomic_load(&session->places[index].down_until_ms);
}

const char *agent_session_place_host(const struct agent_session *session, size_t index)
{
    return session->places[index].host;
}

static int pass_head(const struct edge_http_response *response, void *arg)
{
    const struct agent_session_get *get = arg;

    if (!get->on_head || (response->status != 200 && response->status != 206))
        return 0;
    return get->on_head(response, get->arg);
}

static int pass_body(struct edge_bytes data, void *arg)
{
    const struct agent_session_get *get = arg;

    return get->on_body(data, get->arg);
}

/* One request with one pass. */
static int ask(struct agent_session *session, struct place *place,
               const struct agent_session_get *get, const struct agent_auth_pass *pass,
               struct edge_http_response *response, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free)
    char *url = edge_format("%s://%s%s%s", place->plain_http ? "http" : "https", place->dial,
                            place->path, get->what);
    struct edge_http_header headers[3];
    char range[40];
    struct edge_http_request request = {
        .url = url,
        .headers = headers,
        .ca_file = place->ca,
        .username = pass->username,
        .password = pass->password,
        .total_ms = get->total_ms,
        .redirects = REDIRECTS,
        .max_body = get->max_body,
        .cancel = session->cancel,
        .on_head = pass_head,
        .on_body = get->on_body ? pass_body : NULL,
        .arg = (void *) (uintptr_t) get,
    };

    if (!url)
        return edge_fail(err, -ENOMEM, "no memory for a URL");
    if (pass->bearer)
        headers[request.nheaders++] = (struct edge_http_header){"Authorization", pass->bearer};
    if (get->accept)
        headers[request.nheaders++] = (struct edge_http_header){"Accept", get->accept};
    if (get->offset > 0) {
        (void) snprintf(range, sizeof range, "bytes=%lld-", (long long) get->offset);
        headers[request.nheaders++] = (struct edge_http_header){"Range", range};
    }
    return edge_http_request(&request, response, err);
}

/* The registry's own words: the first error's message, made harmless for a line of text. */
static void own_words(const struct edge_http_response *response, char text[160])
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = NULL;
    const struct edge_json *first;

    text[0] = '\0';
    if (!response->body.data ||
        edge_json_parse(response->body.data, response->body.len, &body, NULL) < 0)
        return;
    first = edge_json_at(edge_json_get(body, "errors"), 0);
    (void) snprintf(text, 160, ": %.150s",
                    edge_json_str(edge_json_get(first, "message"),
                                  edge_json_str(edge_json_get(first, "code"), "no reason given")));
}

/* Advice for what no retry will cure. */
static int explain(const struct place *place, const struct edge_http_response *response, int rc,
                   struct edge_err *err)
{
    if (response->fault == EDGE_HTTP_FAULT_TRUST)
        return edge_wrap(err, rc,
                         "registry %s (name the CA that signed its certificate as `ca` of this "
                         "registry in config.yaml)",
                         place->host);
    if (response->fault == EDGE_HTTP_FAULT_HANDSHAKE)
        return edge_wrap(err, rc,
                         "registry %s (if it speaks plain HTTP, set `plain_http: true` for this "
                         "registry in config.yaml)",
                         place->host);
    return edge_wrap(err, rc, "registry %s", place->host);
}

static int64_t asked_ms(const struct edge_http_response *response)
{
    const char *value = edge_http_response_header(response, "Retry-After");
    int64_t ms;

    if (!value || agent_retry_after_read(value, edge_wall_ns() / 1000000000, &ms) < 0)
        return -1;
    return ms;
}

/* An answer's status as one of our codes. */
static int judge(const struct place *place, const struct agent_session_get *get,
                 const struct edge_http_response *response, struct edge_err *err)
{
    int status = response->status;
    int code = EDGE_EREMOTE;
    char words[160];

    if (status == 200 || status == 206)
        return 0;
    if (status == 416)
        return AGENT_SESSION_NO_RANGE;
    own_words(response, words);
    if (status == 404)
        code = -ENOENT;
    else if (status == 401 || status == 403)
        code = EDGE_EAUTH;
    else if (status == 408 || status == 429 || status >= 500)
        code = EDGE_EUNAVAILABLE;
    else if (status < 400)
        code = EDGE_EPROTOCOL;
    code = edge_fail(err, code, "registry %s answers %d for %.80s%s", place->host, status,
                     get->what, words);
    if (err)
        err->status = status;
    return code;
}

static int ask_with_pass(struct agent_session *session, struct place *place,
                         const struct agent_session_get *get, struct edge_http_response *response,
                         struct edge_err *err)
{
    int rc = 0;

    for (int round = 0;; round++) {
        struct agent_auth_pass pass = {0};

        rc = agent_auth_pass(place->auth, &pass);
        if (rc < 0)
            return edge_fail(err, rc, "no memory for credentials");
        rc = ask(session, place, get, &pass, response, err);
        if (rc == 0 && response->status == 401 && round < 2)
            rc = agent_auth_improve(place->auth, &pass, response, session->cancel, err);
        else
            round = 2;
        agent_auth_pass_fini(&pass);
        if (rc < 0 || round >= 2)
            return rc;
    }
}

int agent_session_get(struct agent_session *session, const struct agent_session_get *get,
                      struct edge_http_response *response, int64_t *ret_asked_ms,
                      struct edge_err *err)
{
    struct place *place = &session->places[get->place];
    int rc = ask_with_pass(session, place, get, response, err);

    *ret_asked_ms = asked_ms(response);
    if (rc < 0 && response->status == 0) {
        if (rc == EDGE_EUNAVAILABLE || rc == EDGE_EAUTH)
            atomic_store(&place->down_until_ms, edge_now_ms() + DOWN_MS);
        return rc == -ECANCELED ? rc : explain(place, response, rc, err);
    }
    return rc < 0 ? rc : judge(place, get, response, err);
}
