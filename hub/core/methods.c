/* Direct methods under way: made, answered, forgotten. */
#include "hub/core/methods.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/json/json.h"

static void watch(struct hub_methods *methods)
{
    int64_t now = edge_now_ms();
    int64_t first = INT64_MAX;

    for (struct hub_task *at = methods->calls.next; at != &methods->calls; at = at->next) {
        const struct hub_call *call = EDGE_CONTAINER_OF(at, struct hub_call, all);

        if (call->deadline_ms < first)
            first = call->deadline_ms;
    }
    if (first == INT64_MAX)
        edge_timer_disarm(methods->timer);
    else
        edge_timer_arm(methods->timer, first > now ? (uint64_t) (first - now) : 0);
}

/* Only for who comes earlier than all others; who goes leaves a timer that finds nothing due. */
void hub_call_until(struct hub_call *call, int64_t deadline_ms)
{
    struct edge_timer *timer = call->client->core->methods->timer;
    int64_t left = deadline_ms - edge_now_ms();

    call->deadline_ms = deadline_ms;
    left = left > 0 ? left : 0;
    if (!edge_timer_armed(timer) || edge_timer_left(timer) > (uint64_t) left)
        edge_timer_arm(timer, (uint64_t) left);
}

struct hub_call *hub_call_create(struct hub_client *client, int64_t deadline_ms)
{
    struct hub_methods *methods = client->core->methods;
    struct hub_call *call;

    if (!client->calls)
        client->calls = calloc(1, sizeof *client->calls);
    if (!client->calls || client->calls->count == HUB_CALLS_CLIENT_MAX ||
        methods->count == HUB_CALLS_MAX)
        return NULL;
    call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->client = client;
    call->started_ms = edge_now_ms();
    (void) snprintf(call->rid, sizeof call->rid, "%" PRIx64 "-%" PRIx32, (uint64_t) methods->begun,
                    ++methods->number);
    call->next = client->calls->first;
    client->calls->first = call;
    client->calls->count++;
    methods->count++;
    hub_ring_add(&methods->calls, &call->all);
    hub_call_until(call, deadline_ms);
    return call;
}

static void unlink_call(struct hub_call *call)
{
    struct hub_client *client = call->client;
    struct hub_call **at = &client->calls->first;

    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    client->calls->count--;
    client->core->methods->count--;
    client->core->methods->bytes -= call->len;
    hub_never(&call->all);
    if (client->calls->count > 0)
        return;
    free(client->calls);
    client->calls = NULL;
}

static void free_call(struct hub_call *call)
{
    free(call->cloud_rid);
    free(call->name);
    free(call->payload);
    free(call);
}

void hub_call_drop(struct hub_call *call)
{
    unlink_call(call);
    free_call(call);
}

static void count(const struct hub_call *call)
{
    const char *const labels[] = {call->cloud_rid ? "upstream" : call->caller, call->client->name};
    struct hub_metrics *metrics = call->client->core->metrics;

    hub_metrics_count(metrics, HUB_COUNT_METHODS, labels);
    hub_metrics_observe(metrics, HUB_TIME_METHODS, labels,
                        (double) (edge_now_ms() - call->started_ms) / 1000);
}

/* It is over: whoever called hears of it, and it is freed. HUB_OK: @p status and @p payload count.
 */
static void end_call(struct hub_call *call, enum hub_result result, const char *why, int status,
                     struct edge_bytes payload)
{
    struct hub_core *core = call->client->core;
    const struct hub_upstream *upstream = core->upstream;

    unlink_call(call);
    if (result == HUB_OK)
        count(call);
    if (call->done)
        call->done(result, why, status, payload, call->arg);
    else if (result == HUB_OK && upstream && core->online)
        upstream->ops->method_reply(upstream->self, &call->client->who, call->cloud_rid, status,
                                    payload);
    else if (result != HUB_TIMEOUT) /* IoT Hub has answered that itself */
        hub_methods_fail(core, &call->client->who, call->cloud_rid, result, why);
    free_call(call);
}

static struct edge_bytes json_of(struct edge_bytes payload)
{
    static const uint8_t null[] = "null";
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;

    if (payload.len > 0 &&
        edge_json_parse((const char *) payload.data, payload.len, &json, NULL) == 0)
        return payload;
    return (struct edge_bytes){null, sizeof null - 1};
}

void hub_call_send(struct hub_call *call, const char *name, struct edge_bytes payload)
{
    const struct hub_session *session = call->client->session;

    call->state = HUB_CALL_SENT;
    session->events.method(call->rid, name, json_of(payload), session->arg);
}

bool hub_methods_reply(struct hub_session *session, const char *rid, int status,
                       struct edge_bytes payload)
{
    const struct hub_calls *calls = session->client->calls;

    for (struct hub_call *call = calls ? calls->first : NULL; call; call = call->next) {
        if (call->state == HUB_CALL_SENT && strcmp(call->rid, rid) == 0) {
            end_call(call, HUB_OK, NULL, status, json_of(payload));
            return true;
        }
    }
    return false;
}

static void expire(struct hub_call *call)
{
    struct hub_client *client = call->client;
    char why[2 * EDGE_ID_MAX + 100];

    if (call->state == HUB_CALL_WAITING) {
        (void) snprintf(why, sizeof why, "Client %s not found", client->name);
        end_call(call, HUB_NOT_FOUND, why, 0, (struct edge_bytes){NULL, 0});
    } else {
        (void) snprintf(why, sizeof why, "Timed out waiting for %s to answer the method request %s",
                        client->name, call->rid);
        end_call(call, HUB_TIMEOUT, why, 0, (struct edge_bytes){NULL, 0});
    }
    (void) hub_client_tidy(client);
}

static void on_deadline(void *arg)
{
    struct hub_methods *methods = arg;
    int64_t now = edge_now_ms();
    struct hub_task end = {0};
    struct hub_task *at;

    hub_ring_add(&methods->calls, &end); /* those that come meanwhile are behind it */
    while ((at = hub_ring_take(&methods->calls)) != &end) {
        struct hub_call *call = EDGE_CONTAINER_OF(at, struct hub_call, all);

        hub_ring_add(&methods->calls, at);
        if (call->deadline_ms <= now)
            expire(call);
    }
    watch(methods);
}

/* A kept session may come back with its answers, another one cannot. */
void hub_methods_gone(struct hub_client *client)
{
    struct hub_call *next;

    if (!client->calls || client->kept)
        return;
    for (struct hub_call *call = client->calls->first; call; call = next) {
        next = call->next;
        if (call->state == HUB_CALL_SENT)
            end_call(call, HUB_GONE, "the client has gone before it answered", 0,
                     (struct edge_bytes){NULL, 0});
        if (!client->calls)
            return;
    }
}

void hub_methods_permit(struct hub_methods *methods, struct edge_json *permissions)
{
    edge_json_free(methods->permissions);
    methods->permissions = permissions;
}

int hub_methods_create(struct hub_core *core, struct hub_methods **ret)
{
    struct hub_methods *methods = calloc(1, sizeof *methods);

    if (!methods)
        return -ENOMEM;
    methods->core = core;
    methods->begun = edge_wall_ns();
    methods->refuse.run = hub_methods_refuse;
    hub_ring_init(&methods->calls);
    methods->timer = edge_timer_create(core->options.loop, on_deadline, methods);
    if (!methods->timer) {
        free(methods);
        return -ENOMEM;
    }
    *ret = methods;
    return 0;
}

struct hub_methods *hub_methods_destroy(struct hub_methods *methods)
{
    struct hub_task *at;

    if (!methods)
        return NULL;
    while ((at = hub_ring_take(&methods->calls)))
        end_call(EDGE_CONTAINER_OF(at, struct hub_call, all), HUB_GONE, "the hub ends", 0,
                 (struct edge_bytes){NULL, 0});
    hub_never(&methods->refuse);
    hub_methods_refuse(&methods->refuse);
    edge_timer_destroy(methods->timer);
    edge_json_free(methods->permissions);
    free(methods);
    return NULL;
}
