/* Direct methods from IoT Hub: to a client that listens, or to $edgeHub itself. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/json/json.h"
#include "hub/core/answer.h"
#include "hub/core/methods.h"

enum { REFRESH_MAX = 100 /* identities of one call */ };

static void reply(struct hub_core *core, const struct edge_identity *who, const char *rid,
                  int status, const char *json)
{
    const struct hub_upstream *upstream = core->upstream;

    if (upstream && core->online)
        upstream->ops->method_reply(
            upstream->self, who, rid, status,
            (struct edge_bytes){(const uint8_t *) json, json ? strlen(json) : 0});
}

void hub_methods_fail(struct hub_core *core, const struct edge_identity *who, const char *rid,
                      enum hub_result result, const char *why)
{
    EDGE_CLEANUP(edge_free) char *json = hub_error(result, why);

    reply(core, who, rid, result == HUB_GONE ? 404 : hub_status(result), json ? json : "null");
}

/* $edgeHub's own. */

/* A refresh of several identities; answered after the last. */
struct refresh {
    struct hub_life *life;
    char *rid;
    unsigned left;
    bool failed;
};

static void on_refreshed(enum hub_result result, const char *why, void *arg)
{
    struct refresh *refresh = arg;
    struct hub_core *core;

    (void) why;
    if (result != HUB_OK && result != HUB_NOT_FOUND)
        refresh->failed = true;
    if (--refresh->left > 0)
        return;
    core = hub_life_release(refresh->life);
    if (core && refresh->failed)
        hub_methods_fail(core, &core->options.self->who, refresh->rid, HUB_FAILED,
                         "not every identity could be refreshed");
    else if (core)
        reply(core, &core->options.self->who, refresh->rid, 200, "null");
    free(refresh->rid);
    free(refresh);
}

/* @return how many there are; 0: not as it should be */
static unsigned read_ids(const struct edge_json *ids, struct edge_identity *ret)
{
    size_t n = edge_json_len(ids);

    if (!edge_json_is(ids, EDGE_JSON_ARRAY) || n > REFRESH_MAX)
        return 0;
    for (size_t i = 0; i < n; i++) {
        const char *id = edge_json_str(edge_json_at(ids, i), "");

        if (edge_identity_parse(id, strlen(id), &ret[i]) < 0)
            return 0;
    }
    return (unsigned) n;
}

static void start_refresh(struct hub_core *core, const char *rid, const struct edge_identity *ids,
                          unsigned n)
{
    struct refresh *refresh = calloc(1, sizeof *refresh);

    if (refresh)
        refresh->rid = edge_strdup(rid);
    if (!refresh || !refresh->rid) {
        free(refresh);
        hub_methods_fail(core, &core->options.self->who, rid, HUB_FAILED, "no memory");
        return;
    }
    refresh->life = hub_life_hold(core);
    refresh->left = n;
    for (unsigned i = 0; i < n; i++)
        hub_auth_refresh(core->options.auth, &ids[i], on_refreshed, refresh);
}

static void refresh_scope(struct hub_core *core, const char *rid, struct edge_bytes payload)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    EDGE_CLEANUP(edge_free)
    struct edge_identity *ids = calloc(REFRESH_MAX, sizeof *ids);
    unsigned n = 0;

    if (ids && payload.len > 0 &&
        edge_json_parse((const char *) payload.data, payload.len, &json, NULL) == 0)
        n = read_ids(edge_json_get_nocase(json, "deviceIds"), ids);
    if (n == 0) {
        hub_methods_fail(core, &core->options.self->who, rid, HUB_BAD,
                         "the payload must be {\"deviceIds\": [1 to 100 ids]}");
        return;
    }
    start_refresh(core, rid, ids, n);
}

static void own(struct hub_core *core, const char *rid, const char *name, struct edge_bytes payload)
{
    const struct edge_identity *self = &core->options.self->who;

    edge_info("direct method of $edgeHub: name=%.64s", name);
    if (strcmp(name, "RefreshDeviceScopeIdentityCache") == 0)
        refresh_scope(core, rid, payload);
    else if (strcmp(name, "ping") == 0)
        reply(core, self, rid, 200, "null");
    else
        hub_methods_fail(core, self, rid, HUB_NOT_FOUND, "$edgeHub has no such method");
}

/* A client's. */

static void to_client(struct hub_client *client, const char *rid, const char *name,
                      struct edge_bytes payload)
{
    struct hub_call *call =
        hub_call_create(client, edge_now_ms() + HUB_CALL_CLOUD_S * INT64_C(1000));
    char *cloud_rid = call ? edge_strdup(rid) : NULL;

    if (!cloud_rid) {
        if (call)
            hub_call_drop(call);
        hub_methods_fail(client->core, &client->who, rid, HUB_THROTTLED,
                         "too many direct methods are under way");
        return;
    }
    call->cloud_rid = cloud_rid;
    hub_call_send(call, name, payload);
}

void hub_methods_request(struct hub_client *client, const char *rid, const char *name,
                         struct edge_bytes payload)
{
    struct hub_core *core = client->core;
    char why[2 * EDGE_ID_MAX + 100];

    if (strlen(rid) > HUB_CALL_RID_MAX) {
        edge_warn("direct method of IoT Hub passed over, its request id is too long: client=%s",
                  client->name);
    } else if (edge_identity_equal(&client->who, &core->options.self->who)) {
        own(core, rid, name, payload);
    } else if (payload.len > HUB_CALL_PAYLOAD_MAX || strlen(name) > HUB_CALL_NAME_MAX) {
        hub_methods_fail(core, &client->who, rid, HUB_TOO_LARGE,
                         "the method's name or payload is too long");
    } else if (hub_client_listens(client, EDGE_FEATURE_METHODS)) {
        to_client(client, rid, name, payload);
    } else {
        (void) snprintf(why, sizeof why, "%s is not connected here, or has no methods",
                        client->name);
        hub_methods_fail(core, &client->who, rid, HUB_NOT_FOUND, why);
    }
}
