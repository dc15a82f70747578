/* From a sender to queues: a message is written as a record once, and put into all of them at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/core/internal.h"
#include "hub/core/names.h"

enum {
    RECORD_MAX = HUB_STORE_BODY_MAX,
    RECORD_KEPT = 64 * 1024,             /* of memory, between messages */
    UNCOMMITTED_MAX = 256 * 1024 * 1024, /* 1,000 clients with 25 messages of 10 KiB each */
    SYSTEM_MAX = EDGE_SYS_MAX + 5 + 16,  /* properties, ours, and what the caller adds */
};

/* What a route means here. */
struct lane {
    int number; /* the ledger's */
    int64_t ttl_s;
    uint32_t priority;
    struct hub_queue *queue; /* of a module's input; NULL: upstream has one a sender */
};
struct hub_router {
    struct hub_core *core;
    struct edge_routes *routes; /* NULL: none yet */
    struct lane lanes[EDGE_ROUTES_MAX];
    bool inside; /* conditions look at properties or bodies */
    char now[EDGE_TIME_TEXT];
    int unrouted; /* the ledger's number of no route */
    struct edge_buf record;
    struct edge_route_match matches[EDGE_ROUTES_MAX];
    struct hub_target targets[EDGE_ROUTES_MAX];
    struct edge_route_property properties[EDGE_PROPERTIES_MAX], system[SYSTEM_MAX];
};

_Static_assert((int) EDGE_ROUTES_MAX <= (int) HUB_STORE_TARGETS_MAX, "a message may go everywhere");

int hub_router_create(struct hub_core *core, struct hub_router **ret)
{
    struct hub_router *router = calloc(1, sizeof *router);

    if (!router)
        return -ENOMEM;
    router->core = core;
    router->unrouted = hub_store_route(core->options.store, "");
    if (router->unrouted < 0) {
        free(router);
        return -ENOMEM;
    }
    edge_buf_init(&router->record, RECORD_MAX);
    *ret = router;
    return 0;
}

struct hub_router *hub_router_destroy(struct hub_router *router)
{
    if (!router)
        return NULL;
    (void) edge_routes_free(router->routes);
    edge_buf_fini(&router->record);
    free(router);
    return NULL;
}

static struct hub_queue *input_queue(struct hub_core *core, const struct edge_route_sink *sink,
                                     uint32_t priority)
{
    struct hub_queue_name name = {.priority = priority, .input = sink->input};
    char text[HUB_STORE_NAME_MAX + 1];
    struct hub_queue *queue = NULL;

    name.who = core->options.self->who;
    if (strlen(sink->module) > EDGE_ID_MAX)
        return NULL;
    memcpy(name.who.module, sink->module, strlen(sink->module) + 1);
    if (hub_queue_name_write(&name, text) == 0)
        queue = hub_store_queue(core->options.store, text);
    if (queue)
        hub_inputs_add(core, queue, &name.who, sink->input, priority, true);
    return queue;
}

static void set_lane(struct hub_router *router, size_t index, int64_t default_ttl_s)
{
    const struct edge_route_entry *entry = edge_routes_at(router->routes, index);
    struct lane *lane = &router->lanes[index];
    const struct edge_route_sink *sink = edge_route_sink(entry->route);

    *lane = (struct lane){
        .number = hub_store_route(router->core->options.store, entry->name),
        .ttl_s = entry->ttl_s > 0 ? entry->ttl_s : default_ttl_s,
        .priority = entry->priority,
    };
    if (lane->number < 0)
        lane->number = router->unrouted; /* over 1,000 names since it was opened */
    if (sink->upstream)
        return;
    lane->queue = input_queue(router->core, sink, entry->priority);
    if (!lane->queue)
        edge_error("route leads to what cannot be a queue, it refuses messages: route=%s",
                   entry->name);
}

void hub_router_set(struct hub_router *router, struct edge_routes *routes, int64_t default_ttl_s)
{
    (void) edge_routes_free(router->routes);
    router->routes = routes;
    router->inside = edge_routes_look_inside(routes);
    hub_inputs_unroute(router->core);
    for (size_t i = 0; i < edge_routes_count(routes); i++)
        set_lane(router, i, default_ttl_s);
    hub_inputs_prune(router->core);
}

/* Names of hub.md 5.5.3 */
static const char *const system_names[EDGE_SYS_MAX] = {
    [EDGE_SYS_MESSAGE_ID] = "messageId",
    [EDGE_SYS_CORRELATION_ID] = "cid",
    [EDGE_SYS_USER_ID] = "userId",
    [EDGE_SYS_TO] = "to",
    [EDGE_SYS_CONTENT_TYPE] = "contentType",
    [EDGE_SYS_CONTENT_ENCODING] = "contentEncoding",
    [EDGE_SYS_EXPIRY] = "absolute-expiry-time",
    [EDGE_SYS_OUTPUT] = "outputName",
    [EDGE_SYS_INTERFACE_ID] = "iothub-interface-id",
    [EDGE_SYS_SUBJECT] = "dt-subject",
    [EDGE_SYS_SCHEMA] = "messageSchema",
    [EDGE_SYS_CREATION_TIME] = "creationTime",
    [EDGE_SYS_ACK] = "ack",
};

static size_t add_property(struct edge_route_property *to, size_t n, const char *name,
                           const char *value)
{
    if (!name || !value)
        return n;
    to[n] = (struct edge_route_property){name, value};
    return n + 1;
}

/* Of the application's properties on the wire, of the system's to a route. */
static const char *operation_of(const struct edge_message *message)
{
    for (size_t i = 0; i < message->nproperties; i++) {
        if (strcasecmp(message->properties[i].name, "iothub-operation") == 0)
            return message->properties[i].value;
    }
    return NULL;
}

static size_t list_system(struct hub_router *router, const struct edge_identity *sender,
                          const struct edge_message *message,
                          const struct edge_route_property *more, size_t nmore)
{
    const struct edge_identity *self = &router->core->options.self->who;
    const char *origin = strcmp(sender->device, self->device) == 0 ? "internal" : "downstream";
    size_t n = 0;

    for (size_t i = 0; i < nmore && i < 16; i++)
        n = add_property(router->system, n, more[i].name, more[i].value);
    for (unsigned i = 0; i < EDGE_SYS_MAX; i++)
        n = add_property(router->system, n, system_names[i], message->sys[i]);
    n = add_property(router->system, n, "operation", operation_of(message));
    edge_time_format(edge_wall_ns(), router->now);
    n = add_property(router->system, n, "enqueuedTime", router->now);
    n = add_property(router->system, n, "connectionDeviceId", sender->device);
    n = add_property(router->system, n, "connectionModuleId",
                     sender->module[0] ? sender->module : NULL);
    return add_property(router->system, n, "edgeHubOriginInterface", origin);
}

static void look_inside(struct hub_router *router, const struct edge_identity *sender,
                        const struct edge_message *message, const struct edge_route_property *more,
                        size_t nmore, struct edge_route_message *ret)
{
    for (size_t i = 0; i < message->nproperties; i++)
        router->properties[i] =
            (struct edge_route_property){message->properties[i].name, message->properties[i].value};
    ret->properties = router->properties;
    ret->nproperties = message->nproperties;
    ret->system = router->system;
    ret->nsystem = list_system(router, sender, message, more, nmore);
    ret->body = (struct edge_bytes){message->body, message->len};
}

/* @return how many targets, or negative: one of them has no queue */
static int aim(struct hub_router *router, const struct edge_identity *sender, size_t nmatches)
{
    struct hub_client *client = NULL;

    for (size_t i = 0; i < nmatches; i++) {
        const struct lane *lane = &router->lanes[router->matches[i].route];
        struct hub_queue *queue = lane->queue;

        if (router->matches[i].sink->upstream) {
            client = hub_client_need(router->core, sender);
            queue = client ? hub_outbox_queue(client, lane->priority) : NULL;
        }
        if (!queue)
            return -ENOMEM;
        router->targets[i] = (struct hub_target){queue, lane->number, lane->ttl_s};
    }
    return (int) nmatches;
}

/* A message the store has taken and not yet committed. */
struct putting {
    struct hub_life *life;
    hub_done *done;
    void *arg;
};

static void on_stored(int rc, void *arg)
{
    struct putting putting = *(struct putting *) arg;
    bool alive = hub_life_release(putting.life);

    free(arg);
    if (!putting.done)
        return;
    if (!alive)
        putting.done(HUB_GONE, NULL, putting.arg);
    else if (rc < 0)
        putting.done(HUB_FAILED, "it could not be written to disk", putting.arg);
    else
        putting.done(HUB_OK, NULL, putting.arg);
}

static void answer(hub_done *done, void *arg, enum hub_result result, const char *why)
{
    if (done)
        done(result, why, arg);
}

static void put(struct hub_router *router, size_t ntargets, hub_done *done, void *arg)
{
    struct hub_store *store = router->core->options.store;
    struct edge_bytes bytes = {(const uint8_t *) router->record.data, router->record.len};
    struct putting *putting = malloc(sizeof *putting);
    int rc;

    if (!putting) {
        answer(done, arg, HUB_FAILED, "out of memory");
        return;
    }
    *putting = (struct putting){hub_life_hold(router->core), done, arg};
    rc = hub_store_put(store, bytes, router->targets, ntargets, on_stored, putting);
    if (rc == 0)
        return;
    (void) hub_life_release(putting->life);
    free(putting);
    if (rc == HUB_STORE_FULL)
        answer(done, arg, HUB_THROTTLED, "the store is full");
    else
        answer(done, arg, HUB_FAILED, edge_strerror(rc));
}

static int write_record(struct hub_router *router, const struct edge_message *message,
                        const struct edge_identity *sender)
{
    int rc;

    router->record.len = 0;
    rc = hub_record_write(message, sender, &router->record);
    if (rc < 0)
        edge_buf_fini(&router->record); /* its error stays otherwise */
    return rc;
}

/* Memory that a large message took is not kept for small ones. */
static void trim_record(struct hub_router *router)
{
    if (router->record.len > RECORD_KEPT)
        edge_buf_fini(&router->record);
}

static void unrouted(struct hub_router *router, const struct edge_identity *sender,
                     const struct edge_message *message)
{
    const char *output = message->sys[EDGE_SYS_OUTPUT];
    char from[2 * EDGE_ID_MAX + 2];

    edge_identity_format(sender, from, sizeof from);
    hub_store_count_unrouted(router->core->options.store, router->unrouted);
    hub_metrics_count(router->core->metrics, HUB_COUNT_DROPPED,
                      (const char *[]){"no_route", from, output ? output : ""});
}

void hub_router_send(struct hub_router *router, const char *source,
                     const struct edge_identity *sender, const struct edge_message *message,
                     const struct edge_route_property *more, size_t nmore, hub_done *done,
                     void *arg)
{
    struct edge_route_message subject = {.source = source};
    int ntargets;
    size_t n;

    if (!router->routes) {
        answer(done, arg, HUB_UNAVAILABLE, "there is no configuration yet");
        return;
    }
    if (router->inside)
        look_inside(router, sender, message, more, nmore, &subject);
    n = edge_routes_match(router->routes, &subject, router->matches, EDGE_ROUTES_MAX);
    if (n == 0) {
        unrouted(router, sender, message);
        answer(done, arg, HUB_OK, NULL);
        return;
    }
    ntargets = aim(router, sender, n);
    if (ntargets < 0 || hub_store_uncommitted(router->core->options.store) > UNCOMMITTED_MAX) {
        answer(done, arg, HUB_UNAVAILABLE, "too much waits to be written to disk");
        return;
    }
    if (write_record(router, message, sender) < 0) {
        answer(done, arg, HUB_FAILED, "out of memory");
        return;
    }
    put(router, (size_t) ntargets, done, arg);
    trim_record(router);
}
