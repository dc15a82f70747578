/* From queues of inputs to the module, and back: what it says of each message. */
#include <errno.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/core/inputs.h"
#include "hub/core/wanted.h"

enum {
    MAX_WINDOW = 128,
    TURN = 128, /* messages of one client in a row */
};

static bool has_some(const struct hub_input *input)
{
    return input->wanted && (input->said == 0 || input->said == HUB_QUEUE_WAIT) &&
           input->state == HUB_INPUT_TAKING && input->under_way < input->window;
}

/* Of the same priority, what is being read holds up nobody. */
static bool is_before(const struct hub_input *a, const struct hub_input *b)
{
    return a->priority != b->priority ? a->priority < b->priority : a->said == 0 && b->said != 0;
}

/* The first priority that has something, NULL while that is being read; of the same priority, in
 * turns. */
static struct hub_input *choose(struct hub_inputs *inputs)
{
    struct hub_input *best = NULL;
    size_t at = 0;

    for (size_t i = 0; i < inputs->n; i++) {
        size_t index = (inputs->last + 1 + i) % inputs->n;
        struct hub_input *input = inputs->list[index];

        if (has_some(input) && (!best || is_before(input, best))) {
            best = input;
            at = index;
        }
    }
    inputs->last = at;
    return best && best->said == 0 ? best : NULL;
}

static void note(struct hub_flight *flight, const struct hub_input *input,
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
static int depart(struct hub_input *input, const struct hub_stored *stored, int64_t now,
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

static void deliver(struct hub_input *input, const struct hub_stored *stored, int64_t now)
{
    struct hub_session *session = input->inputs->session;
    struct hub_record record;
    uint64_t lock;
    int rc = depart(input, stored, now, &record, &lock);

    if (rc == EDGE_EPROTOCOL) {
        edge_error("message cannot be read, it is dropped: queue=%s", hub_queue_name(input->queue));
        hub_queue_drop(input->queue, stored->id, HUB_DROP_CORRUPT);
    } else if (rc < 0) {
        hub_input_release(input, 0);
        hub_input_settled(input);
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
void hub_inputs_deliver(struct hub_task *task)
{
    struct hub_inputs *inputs = EDGE_CONTAINER_OF(task, struct hub_inputs, task);
    struct hub_core *core = inputs->client->core;
    int64_t now = edge_now_ms();
    unsigned n = 0;
    struct hub_input *input;
    struct hub_stored stored;

    for (; n < TURN && may_deliver(inputs) && (input = choose(inputs)); n++) {
        input->said = hub_queue_take(input->queue, &stored);
        if (input->said == 0)
            deliver(input, &stored, now);
    }
    if (inputs->flights.count > 0 && hub_inputs_patience_ms(inputs) > 0)
        hub_inputs_due(inputs, now + hub_inputs_patience_ms(inputs), now);
    if (n == TURN)
        hub_later(core, &inputs->task);
}

/* What was under way to a session that has ended comes again. */
static void rewind_all(struct hub_inputs *inputs)
{
    for (size_t i = 0; i < inputs->n; i++) {
        struct hub_input *input = inputs->list[i];

        if (input->under_way > 0 || input->state != HUB_INPUT_TAKING)
            hub_queue_rewind(input->queue);
        input->under_way = 0;
        input->state = HUB_INPUT_TAKING;
        input->window = HUB_INPUT_FIRST_WINDOW;
        input->said = 0;
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
    for (size_t i = 0; i < inputs->n; i++)
        inputs->list[i]->wanted = hub_wanted_has(client, inputs->list[i]->name);
    if (client->session)
        hub_later(client->core, &inputs->task);
}

static void accept(struct hub_input *input, const struct hub_flight *flight)
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
    struct hub_input *input = flight ? flight->of : NULL;

    if (!flight)
        return false;
    input->under_way--;
    if (outcome == HUB_ACCEPTED)
        accept(input, flight);
    else if (outcome == HUB_REJECTED)
        hub_queue_drop(input->queue, flight->id, HUB_DROP_REJECTED);
    else
        hub_input_release(input, flight->taken);
    hub_flights_remove(&inputs->flights, flight);
    hub_input_settled(input);
    hub_later(client->core, &inputs->task);
    return true;
}
