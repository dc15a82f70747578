#include "common/workload/workload.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/encode.h"
#include "common/iothub/sas.h"

enum { DIGEST = 32 };

static const char *version_of(const struct edge_workload *w)
{
    return w->version ? w->version : "2020-07-07";
}

int edge_workload_post(const struct edge_workload *w, const char *what,
                       const struct edge_json *body, struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *module = edge_daemon_path("/modules/", w->module, "/genid/");
    EDGE_CLEANUP(edge_free) char *generation = edge_daemon_path("", w->generation, "/");
    EDGE_CLEANUP(edge_free) char *version = edge_daemon_path("?api-version=", version_of(w), "");
    EDGE_CLEANUP(edge_free) char *path = NULL;
    struct edge_daemon_call call = {.socket = w->socket, .method = "POST", .cancel = w->cancel};

    if (module && generation && version)
        path = edge_format("%s%s%s%s", module, generation, what, version);
    if (!path || !body)
        return -ENOMEM;
    call.path = path;
    call.body = body;
    return edge_daemon_call(&call, ret, err);
}

static struct edge_json *sign_body(const char *data)
{
    struct edge_json *body = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *encoded = edge_base64(data, strlen(data));

    if (!body || !encoded || edge_json_set_str(body, "keyId", "primary") < 0 ||
        edge_json_set_str(body, "algo", "HMACSHA256") < 0 ||
        edge_json_set_str(body, "data", encoded) < 0)
        return edge_json_free(body);
    return body;
}

static int sign(const struct edge_workload *w, const char *data, uint8_t ret[DIGEST],
                struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = sign_body(data);
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf digest = EDGE_BUF_INIT(DIGEST);
    const char *text;
    int rc = edge_workload_post(w, "sign", body, &answer, err);

    if (rc < 0)
        return rc;
    text = edge_json_str(edge_json_get(answer, "digest"), "");
    rc = edge_base64_decode(text, strlen(text), &digest);
    if (rc == -ENOMEM)
        return rc;
    if (rc < 0 || digest.len != DIGEST)
        return edge_fail(err, EDGE_EPROTOCOL, "edge-securityd's signature is not one");
    memcpy(ret, digest.data, DIGEST);
    return 0;
}

int edge_workload_token(const struct edge_workload *w, const char *resource, int64_t se, char **ret,
                        struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *data = edge_sas_data(resource, se);
    uint8_t digest[DIGEST];
    int rc;

    if (!data)
        return -ENOMEM;
    rc = sign(w, data, digest, err);
    if (rc < 0)
        return rc;
    *ret = edge_sas_token(resource, se, digest, NULL);
    explicit_bzero(digest, sizeof digest);
    return *ret ? 0 : -ENOMEM;
}

int edge_workload_trust_bundle(const struct edge_workload *w, char **ret_pem, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free)
    char *path = edge_daemon_path("/trust-bundle?api-version=", version_of(w), "");
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    const struct edge_daemon_call call = {
        .socket = w->socket, .method = "GET", .path = path, .cancel = w->cancel};
    int rc = path ? edge_daemon_call(&call, &answer, err) : -ENOMEM;

    return rc < 0 ? rc : edge_daemon_take(answer, "certificate", ret_pem, err);
}
