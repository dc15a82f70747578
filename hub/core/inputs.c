/* Queues of a module's inputs, and what is under way from them to the module.
 *
 *                 released, or unsettled too long
 *    taking  ------------------------------------------>  waiting for the others under way
 *      ^                                                        | all of them settled
 *      |            pause is over: rewind                       v
 *      +--------------------------------------------------- pausing
 *
 * A queue can only be rewound as a whole: what was released comes again when nothing else of it is
 * under way, so that nothing else is sent twice, and in its order. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/core/flights.h"
#include "hub/core/internal.h"

enum {
    FIRST_WINDOW = 16, /* under way of a queue that nothing was ever accepted of */
    MAX_WINDOW = 128,
    TURN = 128, /* messages of one client in a row */
    AGAIN_MS = 100,
    AGAIN_MAX_MS = 10 * 1000,
};

enum state { TAKING, WAITING, PAUSING };

struct input {
    struct hub_inputs *inputs;
    struct hub_queue *queue;
    char *name;
    uint32_t priority;
    char label[12]; /* the priority */
    bool routed;
    bool ready; /* there may be something to take */
    enum state state;
    unsigned under_way, window;
    uint64_t pause_ms;
    int64_t again_ms; /* when the pause is over */
};
struct hub_inputs {
    struct hub_client *client;
    struct hub_task task;
    struct hub_session *session; /* whose messages are under way; NULL: nobody's */
    struct input **list;
    size_t n, last;
    struct hub_flights flights;
    struct edge_timer *timer; /* pauses; what is unsettled too long */
};

static void deliver_some(struct hub_task *task);
static void on_timer(void *arg);

static struct hub_inputs *need(struct hub_client *client)
{
    struct hub_inputs *inputs = client->inputs;

    if (inputs)
        return inputs;
    inputs = calloc(1, sizeof *inputs);
    if (!inputs)
        return NULL;
    inputs->client = client;
    inputs->session = client->session;
    inputs->task.run = deliver_some;
    inputs->timer = edge_timer_create(client->core->options.loop, on_timer, inputs);
    if (!inputs->timer) {
        free(inputs);
        return NULL;
    }
    client->inputs = inputs;
    return inputs;
}

static void on_ready(struct hub_queue *queue, void *arg)
{
    struct input *input = arg;

    (void) queue;
    input->ready = true;
    if (hub_client_listens(input->inputs->client, EDGE_FEATURE_INPUTS))
        hub_later(input->inputs->client->core, &input->inputs->task);
}

/* All priorities of an input are led to, or none. */
static struct input *find(struct hub_inputs *inputs, const struct hub_queue *queue,
                          const char *name, bool routed)
{
    struct input *found = NULL;

    for (size_t i = 0; i < inputs->n; i++) {
        struct input *input = inputs->list[i];

        if (strcmp(input->name, name) != 0)
            continue;
        input->routed = input->routed || routed;
        if (input->queue == queue)
            found = input;
    }
    return found;
}

static int append(struct hub_inputs *inputs, struct input *input)
{
    struct input **list = realloc(inputs->list, (inputs->n + 1) * sizeof(struct input *));

    if (!list)
        return -ENOMEM;
    inputs->list = list;
    list[inputs->n++] = input;
    return 0;
}

static int make(struct hub_inputs *inputs, struct hub_queue *queue, const char *name,
                uint32_t priority, bool routed)
{
    struct input *input = calloc(1, sizeof *input);

    if (!input)
        return -ENOMEM;
    *input = (struct input){
        .inputs = inputs,
        .queue = queue,
        .name = strdup(name),
        .priority = priority,
        .routed = routed,
        .ready = true,
        .window = FIRST_WINDOW,
    };
    (void) snprintf(input->label, sizeof input->label, "%u", priority);
    if (!input->name || append(inputs, input) < 0) {
        free(input->name);
        free(input);
        return -ENOMEM;
    }
    hub_queue_consume(queue, on_ready, input);
    return 0;
}

void hub_inputs_add(struct hub_core *core, struct hub_queue *queue, const struct edge_identity *who,
                    const char *input, uint32_t priority, bool routed)
{
    struct hub_client *client = hub_client_need(core, who);
    struct hub_inputs *inputs = client ? need(client) : NULL;

    if (inputs && find(inputs, queue, input, routed))
        return;
    if (!inputs || make(inputs, queue, input, priority, routed) < 0)
        edge_error("input is not served, out of memory: queue=%s", hub_queue_name(queue));
    else
        hub_later(core, &inputs->task);
}

static void free_input(struct input *input)
{
    hub_queue_consume(input->queue, NULL, NULL);
    free(input->name);
    free(input);
}

void hub_inputs_free(struct hub_client *client)
{
    struct hub_inputs *inputs = client->inputs;

    if (!inputs)
        return;
    for (size_t i = 0; i < inputs->n; i++)
        free_input(inputs->list[i]);
    hub_never(&inputs->task);
    (void) edge_timer_destroy(inputs->timer);
    hub_flights_fini(&inputs->flights);
    free(inputs->list);
    free(inputs);
    client->inputs = NULL;
}

void hub_inputs_unroute(struct hub_core *core)
{
    for (struct hub_client *client = core->first; client; client = client->next)
        for (size_t i = 0; client->inputs && i < client->inputs->n; i++)
            client->inputs->list[i]->routed = false;
}

/* Locks of it are void: what they stand for is gone. */
static void void_locks(struct hub_inputs *inputs, const struct input *input)
{
    for (unsigned i = 0; i < inputs->flights.size; i++) {
        struct hub_flight *flight = &inputs->flights.slots[i];

        if (flight->lock != 0 && flight->of == input)
            hub_flights_remove(&inputs->flights, flight);
    }
}

static void prune(struct hub_client *client)
{
    struct hub_inputs *inputs = client->inputs;
    size_t kept = 0;

    for (size_t i = 0; i < inputs->n; i++) {
        struct input *input = inputs->list[i];

        if (input->routed || (client->features & EDGE_FEATURE_INPUTS)) {
            inputs->list[kept++] = input;
            continue;
        }
        if (hub_queue_length(input->queue) > 0)
            edge_warn("no route leads there any more, its messages are dropped: queue=%s "
                      "messages=%llu",
                      hub_queue_name(input->queue),
                      (unsigned long long) hub_queue_length(input->queue));
        void_locks(inputs, input);
        hub_queue_clear(input->queue, HUB_DROP_ROUTE);
        free_input(input);
    }
    inputs->n = kept;
    inputs->last = 0;
}

void hub_inputs_prune(struct hub_core *core)
{
    struct hub_client *next;

    for (struct hub_client *client = core->first; client; client = next) {
        next = client->next;
        if (!client->inputs)
            continue;
        prune(client);
        if (client->inputs->n > 0)
            continue;
        hub_inputs_free(client);
        (void) hub_client_tidy(client);
    }
}

void hub_inputs_each(const struct hub_client *client,
                     void (*fn)(const struct hub_queue *queue, const char *input, uint32_t priority,
                                void *arg),
                     void *arg)
{
    for (size_t i = 0; client->inputs && i < client->inputs->n; i++) {
        const struct input *input = client->inputs->list[i];

        fn(input->queue, input->name, input->priority, arg);
    }
}

/* The timer */

static void due(struct hub_inputs *inputs, int64_t at_ms, int64_t now_ms)
{
    uint64_t left = at_ms > now_ms ? (uint64_t) (at_ms - now_ms) : 0;

    if (!edge_timer_armed(inputs->timer) || edge_timer_left(inputs->timer) > left)
        edge_timer_arm(inputs->timer, left);
}

/* MQTT sends again on a new connection alone; a client of AMQP may have forgotten the message. */
static int64_t patience_ms(const struct hub_inputs *inputs)
{
    const struct hub_session *session = inputs->session;

    if (!session || session->protocol == HUB_MQTT || session->protocol == HUB_MQTT_WS)
        return 0;
    return (int64_t) inputs->client->core->options.settings.ack_timeout_s * 1000;
}

/* The last of what was under way has been settled. */
static void settled_all(struct input *input)
{
    int64_t now = edge_now_ms();

    if (input->state != WAITING || input->under_way > 0)
        return;
    input->state = PAUSING;
    input->again_ms = now + (int64_t) input->pause_ms;
    due(input->inputs, input->again_ms, now);
}

static void release(struct input *input, unsigned taken)
{
    uint64_t pause = (uint64_t) AGAIN_MS << (taken < 10 ? taken : 10);

    if (pause > AGAIN_MAX_MS)
        pause = AGAIN_MAX_MS;
    if (input->state == TAKING)
        input->pause_ms = 0;
    input->state = WAITING;
    if (pause > input->pause_ms)
        input->pause_ms = pause;
}

static void check_unsettled(struct hub_inputs *inputs, int64_t now)
{
    int64_t patience = patience_ms(inputs);

    for (unsigned i = 0; patience > 0 && i < inputs->flights.size; i++) {
        struct hub_flight *flight = &inputs->flights.slots[i];
        struct input *input = flight->of;

        if (flight->lock == 0)
            continue;
        if (flight->since_ms + patience > now) {
            due(inputs, flight->since_ms + patience, now);
            continue;
        }
        input->under_way--;
        release(input, 0);
        hub_flights_remove(&inputs->flights, flight);
        settled_all(input);
    }
}

static void on_timer(void *arg)
{
    struct hub_inputs *inputs = arg;
    int64_t now = edge_now_ms();

    for (size_t i = 0; i < inputs->n; i++) {
        struct input *input = inputs->list[i];

        if (input->state != PAUSING)
            continue;
        if (input->again_ms > now) {
            due(inputs, input->again_ms, now);
            continue;
        }
        hub_queue_rewind(input->queue);
        input->state = TAKING;
        input->ready = true;
    }
    check_unsettled(inputs, now);
    hub_later(inputs->client->core, &inputs->task);
}

/* Delivering */

static bool can_take(const struct input *input)
{
    return input->ready && input->state == TAKING && input->under_way < input->window;
}

/* The first priority that has something; of the same priority, in turns. */
static struct input *choose(struct hub_inputs *inputs)
{
    struct input *best = NULL;
    size_t at = 0;

    for (size_t i = 0; i < inputs->n; i++) {
        size_t index = (inputs->last + 1 + i) % inputs->n;
        struct input *input = inputs->list[index];

        if (can_take(input) && (!best || input->priority < best->priority)) {
            best = input;
            at = index;
        }
    }
    inputs->last = at;
    return best;
}

static void note(struct hub_flight *flight, const struct input *input,
                 const struct hub_record *record)
{
    struct hub_metrics *metrics = input->inputs->client->core->metrics;
    const char *output = record->message.sys[EDGE_SYS_OUTPUT];
    const char *to = input->inputs->client->name;
    char from[2 * EDGE_ID_MAX + 2];

    edge_identity_format(&record->sender, from, sizeof from);
    output = output ? output : "";
    flight->sent = hub_metrics_counter(
        metrics, HUB_COUNT_SENT, (const char *[]){from, to, output, input->name, input->label});
    flight->send = hub_metrics_summary(metrics, HUB_TIME_SEND,
                                       (const char *[]){from, to, output, input->name});
    flight->process =
        hub_metrics_summary(metrics, HUB_TIME_PROCESS, (const char *[]){from, to, input->label});
}

/* The record is copied: while it is delivered the client may settle others of this queue. */
static struct edge_bytes copy(struct hub_core *core, struct edge_bytes data)
{
    core->scratch.len = 0;
    if (edge_buf_append(&core->scratch, data.data, data.len) < 0) {
        edge_buf_fini(&core->scratch);
        return (struct edge_bytes){NULL, 0};
    }
    return (struct edge_bytes){(const uint8_t *) core->scratch.data, core->scratch.len};
}

/* @return 0, EDGE_EPROTOCOL or -ENOMEM */
static int depart(struct input *input, const struct hub_stored *stored, int64_t now,
                  struct hub_record *record, uint64_t *ret_lock)
{
    struct hub_inputs *inputs = input->inputs;
    struct edge_bytes bytes = copy(inputs->client->core, stored->data);
    struct hub_flight *flight;

    if (!bytes.data)
        return -ENOMEM;
    if (hub_record_read(bytes, record) < 0)
        return EDGE_EPROTOCOL;
    flight = hub_flights_add(&inputs->flights);
    if (!flight)
        return -ENOMEM;
    flight->of = input;
    flight->id = stored->id;
    flight->taken = stored->taken;
    flight->since_ms = now;
    flight->enqueued_ns = stored->enqueued_ns;
    note(flight, input, record);
    input->under_way++;
    *ret_lock = flight->lock;
    return 0;
}

static void deliver(struct input *input, const struct hub_stored *stored, int64_t now)
{
    struct hub_session *session = input->inputs->session;
    struct hub_record record;
    uint64_t lock;
    int rc = depart(input, stored, now, &record, &lock);

    if (rc == EDGE_EPROTOCOL) {
        edge_error("message cannot be read, it is dropped: queue=%s", hub_queue_name(input->queue));
        hub_queue_drop(input->queue, stored->id, HUB_DROP_CORRUPT);
    } else if (rc < 0) {
        release(input, 0);
        settled_all(input);
    } else {
        record.message.sys[EDGE_SYS_INPUT] = input->name;
        record.message.enqueued_ns = stored->enqueued_ns;
        record.message.delivery_count = stored->taken;
        session->events.deliver(&record.message, lock, session->arg);
    }
}

static bool may_deliver(const struct hub_inputs *inputs)
{
    return hub_client_listens(inputs->client, EDGE_FEATURE_INPUTS) &&
           inputs->session == inputs->client->session && !inputs->session->paused &&
           inputs->flights.count < HUB_FLIGHTS_MAX;
}

/* Whoever is told may settle, pause or end the session: it is looked at anew each time. */
static void deliver_some(struct hub_task *task)
{
    struct hub_inputs *inputs = EDGE_CONTAINER_OF(task, struct hub_inputs, task);
    struct hub_core *core = inputs->client->core;
    int64_t now = edge_now_ms();
    unsigned n = 0;
    struct input *input;
    struct hub_stored stored;

    for (; n < TURN && may_deliver(inputs) && (input = choose(inputs)); n++) {
        input->ready = hub_queue_take(input->queue, &stored) == 0;
        if (input->ready)
            deliver(input, &stored, now);
    }
    if (inputs->flights.count > 0 && patience_ms(inputs) > 0)
        due(inputs, now + patience_ms(inputs), now);
    if (n == TURN)
        hub_later(core, &inputs->task);
}

/* What was under way to a session that has ended comes again. */
static void rewind_all(struct hub_inputs *inputs)
{
    for (size_t i = 0; i < inputs->n; i++) {
        struct input *input = inputs->list[i];

        if (input->under_way > 0 || input->state != TAKING)
            hub_queue_rewind(input->queue);
        input->under_way = 0;
        input->state = TAKING;
        input->window = FIRST_WINDOW;
        input->ready = true;
    }
    hub_flights_clear(&inputs->flights);
    edge_timer_disarm(inputs->timer);
}

void hub_inputs_session(struct hub_client *client)
{
    struct hub_inputs *inputs = client->inputs;

    if (!inputs)
        return;
    if (inputs->session != client->session) {
        rewind_all(inputs);
        inputs->session = client->session;
    }
    if (client->session)
        hub_later(client->core, &inputs->task);
}

static void accept(struct input *input, const struct hub_flight *flight)
{
    int64_t now = edge_now_ms();

    hub_queue_ack(input->queue, flight->id);
    if (input->window < MAX_WINDOW)
        input->window++;
    hub_series_count(flight->sent);
    hub_series_observe(flight->send, (double) (now - flight->since_ms) / 1e3);
    hub_series_observe(flight->process, (double) (edge_wall_ns() - flight->enqueued_ns) / 1e9);
}

bool hub_inputs_settle(struct hub_client *client, uint64_t lock, enum hub_outcome outcome)
{
    struct hub_inputs *inputs = client->inputs;
    struct hub_flight *flight = inputs ? hub_flights_find(&inputs->flights, lock) : NULL;
    struct input *input = flight ? flight->of : NULL;

    if (!flight)
        return false;
    input->under_way--;
    if (outcome == HUB_ACCEPTED)
        accept(input, flight);
    else if (outcome == HUB_REJECTED)
        hub_queue_drop(input->queue, flight->id, HUB_DROP_REJECTED);
    else
        release(input, flight->taken);
    hub_flights_remove(&inputs->flights, flight);
    settled_all(input);
    hub_later(client->core, &inputs->task);
    return true;
}
