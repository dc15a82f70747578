/* What is counted elsewhere, as metrics: clients, queues, the ledger. And the hub's health. */
#include <stdio.h>

#include "hub/core/internal.h"

enum { PRIORITIES = 16 };

struct printing {
    struct hub_core *core;
    struct edge_buf *out;
    const struct hub_client *client;
    struct {
        uint32_t priority;
        uint64_t length;
    } upstream[PRIORITIES]; /* of all senders */
    size_t n;
};

static void print_queue(const struct printing *p, const char *endpoint, uint32_t priority,
                        uint64_t length)
{
    char text[12];

    (void) snprintf(text, sizeof text, "%u", priority);
    hub_metrics_line(p->core->metrics, p->out, "queue_length",
                     (const char *[]){"endpoint", endpoint, "priority", text, NULL},
                     (double) length);
}

static void on_input(const struct hub_queue *queue, const char *input, uint32_t priority, void *arg)
{
    const struct printing *p = arg;
    char endpoint[HUB_STORE_NAME_MAX + 1];

    (void) snprintf(endpoint, sizeof endpoint, "%s/%s", p->client->name, input);
    print_queue(p, endpoint, priority, hub_queue_length(queue));
}

static void on_upstream(const struct hub_queue *queue, uint32_t priority, void *arg)
{
    struct printing *p = arg;
    size_t i = 0;

    while (i < p->n && p->upstream[i].priority != priority)
        i++;
    if (i == PRIORITIES)
        return;
    if (i == p->n)
        p->n++;
    p->upstream[i].priority = priority;
    p->upstream[i].length += hub_queue_length(queue);
}

static void print_queues(struct printing *p)
{
    (void) edge_buf_puts(p->out, "# TYPE edgehub_queue_length gauge\n");
    for (p->client = p->core->first; p->client; p->client = p->client->next) {
        hub_inputs_each(p->client, on_input, p);
        hub_outbox_each(p->client, on_upstream, p);
    }
    for (size_t i = 0; i < p->n; i++)
        print_queue(p, "iothub", p->upstream[i].priority, p->upstream[i].length);
}

static const char *const drops[HUB_DROP_MAX] = {
    [HUB_DROP_LIMIT] = "limit",       [HUB_DROP_ROUTE] = "route_removed",
    [HUB_DROP_REJECTED] = "rejected", [HUB_DROP_CORRUPT] = "corrupt",
    [HUB_DROP_NO_ROUTE] = "no_route",
};

static void print_entry(const struct printing *p, const char *route, const char *state,
                        const char *reason, uint64_t value)
{
    hub_metrics_line(p->core->metrics, p->out, "ledger_messages",
                     (const char *[]){"route", route, "state", state, "reason", reason, NULL},
                     (double) value);
}

static void on_route(const char *name, const struct hub_ledger *ledger, void *arg)
{
    const struct printing *p = arg;

    print_entry(p, name, "in", "", ledger->in);
    print_entry(p, name, "delivered", "", ledger->delivered);
    print_entry(p, name, "expired", "", ledger->expired);
    print_entry(p, name, "pending", "", ledger->pending);
    for (size_t i = 0; i < HUB_DROP_MAX; i++)
        if (ledger->dropped[i] > 0)
            print_entry(p, name, "dropped", drops[i], ledger->dropped[i]);
}

/* Who sent what has expired is not known any more: it goes by route. */
static void on_expired(const char *name, const struct hub_ledger *ledger, void *arg)
{
    struct hub_core *core = arg;

    if (ledger->expired > 0)
        hub_series_set(hub_metrics_counter(core->metrics, HUB_COUNT_DROPPED,
                                           (const char *[]){"ttl_expiry", "", name}),
                       ledger->expired);
}

static void print_gauge(const struct printing *p, const char *name, double value)
{
    (void) edge_buf_printf(p->out, "# TYPE edgehub_%s gauge\n", name);
    hub_metrics_line(p->core->metrics, p->out, name, NULL, value);
}

void hub_core_metrics(struct hub_core *core, struct edge_buf *out)
{
    struct printing p = {.core = core, .out = out};
    struct hub_store_figures figures;

    hub_store_figures(core->options.store, &figures);
    hub_store_each_route(core->options.store, on_expired, core);
    hub_metrics_print(core->metrics, out);
    print_gauge(&p, "connected_clients", core->sessions);
    print_gauge(&p, "upstream_connected", core->online);
    print_gauge(&p, "store_pending_messages", (double) figures.pending);
    print_gauge(&p, "store_pending_bytes", (double) figures.pending_bytes);
    print_gauge(&p, "store_max_bytes", (double) figures.max_bytes);
    print_queues(&p);
    (void) edge_buf_puts(out, "# TYPE edgehub_ledger_messages gauge\n");
    hub_store_each_route(core->options.store, on_route, &p);
}

void hub_core_health(struct hub_core *core, struct edge_buf *out)
{
    struct hub_store_figures figures;
    const char *between = "";

    hub_store_figures(core->options.store, &figures);
    (void) edge_buf_printf(out,
                           "{\"connected\":%u,\"upstream\":%s,\"pending\":%llu,"
                           "\"pendingBytes\":%llu,\"wrong\":[",
                           core->sessions, core->online ? "true" : "false",
                           (unsigned long long) figures.pending,
                           (unsigned long long) figures.pending_bytes);
    const struct {
        bool is;
        const char *text;
    } wrong[] = {
        {!core->online, "IoT Hub cannot be reached"},
        {figures.full, "the store is full"},
        {core->unbalanced, "the ledger does not balance"},
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(wrong); i++) {
        if (!wrong[i].is)
            continue;
        (void) edge_buf_printf(out, "%s\"%s\"", between, wrong[i].text);
        between = ",";
    }
    (void) edge_buf_puts(out, "]}");
}
