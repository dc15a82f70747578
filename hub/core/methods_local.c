/* Direct methods that modules call: permitted, perhaps waiting for their target. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "hub/core/methods.h"
#include "hub/core/permissions.h"

typedef void invoke_done(enum hub_result result, const char *why, int status,
                         struct edge_bytes payload, void *arg);

struct hub_refusal {
    struct hub_refusal *next;
    enum hub_result result;
    invoke_done *done;
    void *arg;
    char why[4 * EDGE_ID_MAX + 160];
};

void hub_methods_refuse(struct hub_task *task)
{
    struct hub_methods *methods = EDGE_CONTAINER_OF(task, struct hub_methods, refuse);
    struct hub_refusal *refusal;

    while ((refusal = methods->refused)) {
        methods->refused = refusal->next;
        refusal->done(refusal->result, refusal->why, 0, (struct edge_bytes){NULL, 0}, refusal->arg);
        free(refusal);
    }
}

/* The answer never comes from within the call, but without memory. */
static void refuse(struct hub_core *core, enum hub_result result, const char *why,
                   invoke_done *done, void *arg)
{
    struct hub_refusal *refusal = calloc(1, sizeof *refusal);

    if (!refusal) {
        done(HUB_FAILED, "no memory", 0, (struct edge_bytes){NULL, 0}, arg);
        return;
    }
    refusal->result = result;
    refusal->done = done;
    refusal->arg = arg;
    (void) snprintf(refusal->why, sizeof refusal->why, "%s", why);
    refusal->next = core->methods->refused;
    core->methods->refused = refusal;
    hub_later(core, &core->methods->refuse);
}

static bool permitted(const struct hub_core *core, const struct hub_invocation *invocation,
                      char *why, size_t size)
{
    char caller[2 * EDGE_ID_MAX + 2];
    char target[2 * EDGE_ID_MAX + 2];

    if (hub_may_call(core->methods->permissions, core->options.self->who.device, invocation->caller,
                     invocation->target))
        return true;
    edge_identity_format(invocation->caller, caller, sizeof caller);
    edge_identity_format(invocation->target, target, sizeof target);
    (void) snprintf(why, size,
                    "%s may not call methods of %s: $edgeHub's desired property "
                    "directMethodPermissions does not list it",
                    caller, target);
    return false;
}

/* What a call that waits needs later. */
static bool keep(struct hub_call *call, const struct hub_invocation *invocation)
{
    size_t len = invocation->payload.len;

    call->name = edge_strdup(invocation->name);
    call->payload = malloc(len + 1);
    if (!call->name || !call->payload)
        return false;
    if (len > 0)
        memcpy(call->payload, invocation->payload.data, len);
    call->len = len;
    call->client->core->methods->bytes += len;
    return true;
}

static void send_waiting(struct hub_call *call)
{
    hub_call_until(call, edge_now_ms() + call->response_s * INT64_C(1000));
    hub_call_send(call, call->name, (struct edge_bytes){call->payload, call->len});
}

/* From the first: they were added in front. */
static struct hub_call *oldest_waiting(const struct hub_client *client)
{
    struct hub_call *oldest = NULL;

    for (struct hub_call *call = client->calls ? client->calls->first : NULL; call;
         call = call->next)
        if (call->state == HUB_CALL_WAITING)
            oldest = call;
    return oldest;
}

/* The session may end from within its events, and the client with it. */
void hub_methods_available(struct hub_client *client)
{
    struct hub_session *session = client->session;
    struct hub_call *call;

    hub_session_hold(session);
    while (!session->ended && hub_client_listens(client, EDGE_FEATURE_METHODS) &&
           (call = oldest_waiting(client)))
        send_waiting(call);
    hub_session_release(session);
}

/* @return NULL: it has been refused */
static struct hub_call *make(struct hub_core *core, const struct hub_invocation *invocation,
                             struct hub_client *client, unsigned wait_s)
{
    struct hub_call *call =
        client ? hub_call_create(client, edge_now_ms() + wait_s * INT64_C(1000)) : NULL;

    if (call) {
        edge_identity_format(invocation->caller, call->caller, sizeof call->caller);
        call->response_s = invocation->response_s;
        if (keep(call, invocation) && core->methods->bytes <= HUB_CALLS_BYTES_MAX)
            return call;
        hub_call_drop(call);
    }
    if (client)
        (void) hub_client_tidy(client);
    return NULL;
}

void hub_core_invoke(struct hub_core *core, const struct hub_invocation *invocation,
                     invoke_done *done, void *arg)
{
    struct hub_client *client = hub_client_find(core, invocation->target);
    bool here = client && hub_client_listens(client, EDGE_FEATURE_METHODS);
    struct hub_call *call;
    char target[2 * EDGE_ID_MAX + 2];
    char why[4 * EDGE_ID_MAX + 160];

    if (!permitted(core, invocation, why, sizeof why)) {
        refuse(core, HUB_REFUSED, why, done, arg);
        return;
    }
    if (invocation->payload.len > HUB_CALL_PAYLOAD_MAX) {
        refuse(core, HUB_TOO_LARGE, "the payload is larger than 128 KiB", done, arg);
        return;
    }
    if (!here && invocation->connect_s == 0) {
        edge_identity_format(invocation->target, target, sizeof target);
        (void) snprintf(why, sizeof why, "Client %s not found", target);
        refuse(core, HUB_NOT_FOUND, why, done, arg);
        return;
    }
    call = make(core, invocation, hub_client_need(core, invocation->target),
                here ? invocation->response_s : invocation->connect_s);
    if (!call) {
        refuse(core, HUB_THROTTLED, "too many direct methods are under way", done, arg);
        return;
    }
    call->done = done;
    call->arg = arg;
    if (here)
        send_waiting(call);
}
