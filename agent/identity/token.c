/* The workload API, as the agent's own module $edgeAgent uses it. */
#include <errno.h>
#include <stdlib.h>

#include "agent/identity/call.h"
#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/iothub/identity.h"
#include "common/iothub/sas.h"

#define MODULE      "$edgeAgent"
#define API_VERSION "?api-version=2020-07-07"

enum { DIGEST = 32 };

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

static int sign(const struct agent_identity_daemon *daemon, const char *generation,
                const char *data, uint8_t ret[DIGEST], struct edge_err *err)
{
    EDGE_CLEANUP(edge_free)
    char *path = identity_path("/modules/%24edgeAgent/genid/", generation, "/sign" API_VERSION);
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = sign_body(data);
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf digest = EDGE_BUF_INIT(DIGEST);
    const struct identity_call call = {daemon, daemon->workload_socket, "POST", path, body};
    const char *text;
    int rc;

    if (!path || !body)
        return -ENOMEM;
    rc = identity_call(&call, &answer, err);
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

/* The agent as IoT Hub names it; the caller frees it. */
static char *resource_of(const struct agent_device *device)
{
    struct edge_identity who = {.module = MODULE};

    if (strlen(device->device_id) >= sizeof who.device)
        return NULL;
    memcpy(who.device, device->device_id, strlen(device->device_id));
    return edge_identity_resource(&who, device->hub_name);
}

int agent_identity_token(const struct agent_identity_daemon *daemon,
                         const struct agent_device *device, int64_t lifetime_s, char **ret,
                         struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *resource = resource_of(device);
    int64_t se = edge_wall_ns() / 1000000000 + lifetime_s;
    EDGE_CLEANUP(edge_free) char *data = resource ? edge_sas_data(resource, se) : NULL;
    uint8_t digest[DIGEST];
    int rc;

    if (!data)
        return -ENOMEM;
    rc = sign(daemon, device->generation_id, data, digest, err);
    if (rc < 0)
        return rc;
    *ret = edge_sas_token(resource, se, digest, NULL);
    explicit_bzero(digest, sizeof digest);
    return *ret ? 0 : -ENOMEM;
}

int agent_identity_trust_bundle(const struct agent_identity_daemon *daemon, char **ret_pem,
                                struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    const struct identity_call call = {daemon, daemon->workload_socket, "GET",
                                       "/trust-bundle" API_VERSION, NULL};
    int rc = identity_call(&call, &answer, err);

    return rc < 0 ? rc : identity_take(answer, "certificate", ret_pem, err);
}
