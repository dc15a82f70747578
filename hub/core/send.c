/* Messages to IoT Hub, and what it says of them. */
#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/core/outbox.h"

enum {
    SENDER_MESSAGES = 64,
    SENDER_BYTES = 1024 * 1024,
    SHARE = 16, /* messages in a row for one that has waited for the pipe */
};

/* A message under way. It may come back when the core has gone. */
struct sending {
    struct hub_life *life;
    struct hub_lane *lane;
    uint64_t id;
    size_t size;
    int64_t since_ms, enqueued_ns;
    struct hub_series *sent, *send, *process;
};

static void on_ok(struct sending *sending)
{
    struct hub_outbox *outbox = sending->lane->outbox;

    hub_queue_ack(sending->lane->queue, sending->id);
    if (outbox->state == HUB_FLOWING)
        outbox->pause_ms = 0;
    if (!edge_timer_armed(outbox->client->core->pipe->rest))
        outbox->client->core->pipe->rest_ms = 0;
    hub_series_count(sending->sent);
    hub_series_observe(sending->send, (double) (edge_now_ms() - sending->since_ms) / 1e3);
    hub_series_observe(sending->process, (double) (edge_wall_ns() - sending->enqueued_ns) / 1e9);
}

static void on_failed(struct sending *sending)
{
    hub_outbox_fail(sending->lane->outbox, &hub_pause_failed);
}

static void on_throttled(struct sending *sending)
{
    hub_pipe_throttle(sending->lane->outbox->client->core->pipe);
    hub_outbox_fail(sending->lane->outbox, &hub_pause_failed);
}

static void on_refused(struct sending *sending)
{
    hub_outbox_fail(sending->lane->outbox, &hub_pause_refused);
}

static void on_never(struct sending *sending)
{
    hub_queue_drop(sending->lane->queue, sending->id, HUB_DROP_REJECTED);
}

static const struct {
    void (*act)(struct sending *sending);
    bool tell;
} results[] = {
    [HUB_OK] = {on_ok, false},           [HUB_BAD] = {on_never, true},
    [HUB_REFUSED] = {on_refused, true},  [HUB_NOT_FOUND] = {on_refused, true},
    [HUB_CONFLICT] = {on_failed, false}, [HUB_TOO_LARGE] = {on_never, true},
    [HUB_QUOTA] = {on_refused, true},    [HUB_THROTTLED] = {on_throttled, false},
    [HUB_FAILED] = {on_failed, false},   [HUB_UNAVAILABLE] = {on_failed, false},
    [HUB_TIMEOUT] = {on_failed, false},  [HUB_GONE] = {on_failed, false},
};

static void count_retry(struct hub_client *client)
{
    hub_metrics_count(client->core->metrics, HUB_COUNT_RETRY,
                      (const char *[]){client->name, "Send"});
}

static void on_sent(enum hub_result result, const char *why, void *arg)
{
    struct sending sending = *(struct sending *) arg;
    struct hub_core *core = hub_life_release(sending.life);
    struct hub_outbox *outbox;

    free(arg);
    if (!core)
        return;
    outbox = sending.lane->outbox;
    if (results[result].tell && outbox->state == HUB_FLOWING)
        edge_log_about(EDGE_LOG_WARN, outbox->client->name,
                       "IoT Hub does not take a message: client=%s %s reason=%s",
                       outbox->client->name, results[result].act == on_never ? "dropped" : "waits",
                       why ? why : "");
    outbox->messages--;
    outbox->bytes -= sending.size;
    core->pipe->messages--;
    core->pipe->bytes -= sending.size;
    results[result].act(&sending);
    if (outbox->state == HUB_DRAINING && outbox->messages == 0) {
        count_retry(outbox->client);
        hub_outbox_drained(outbox);
    } else if (outbox->state == HUB_FLOWING) {
        hub_later(core, &outbox->task);
    }
    hub_pipe_pass_on(core->pipe);
    if (core->pipe->messages == 0)
        hub_core_drained(core);
}

/* Sending */

static void note(struct sending *sending, const struct hub_record *record)
{
    struct hub_client *client = sending->lane->outbox->client;
    struct hub_metrics *metrics = client->core->metrics;
    const char *output = record->message.sys[EDGE_SYS_OUTPUT];
    const char *label = sending->lane->label;

    output = output ? output : "";
    sending->sent = hub_metrics_counter(
        metrics, HUB_COUNT_SENT, (const char *[]){client->name, "upstream", output, "", label});
    sending->send = hub_metrics_summary(metrics, HUB_TIME_SEND,
                                        (const char *[]){client->name, "upstream", output, ""});
    sending->process = hub_metrics_summary(metrics, HUB_TIME_PROCESS,
                                           (const char *[]){client->name, "upstream", label});
}

/* @return 0, EDGE_EPROTOCOL or -ENOMEM */
static int send_one(struct hub_lane *lane, const struct hub_stored *stored)
{
    struct hub_outbox *outbox = lane->outbox;
    struct hub_core *core = outbox->client->core;
    struct sending *sending;
    struct hub_record record;

    if (hub_record_read(stored->data, &record) < 0)
        return EDGE_EPROTOCOL;
    sending = malloc(sizeof *sending);
    if (!sending)
        return -ENOMEM;
    *sending = (struct sending){
        .life = hub_life_hold(core),
        .lane = lane,
        .id = stored->id,
        .size = stored->data.len,
        .since_ms = edge_now_ms(),
        .enqueued_ns = stored->enqueued_ns,
    };
    note(sending, &record);
    outbox->messages++;
    outbox->bytes += sending->size;
    core->pipe->messages++;
    core->pipe->bytes += sending->size;
    record.message.enqueued_ns = stored->enqueued_ns;
    record.message.delivery_count = stored->taken;
    core->upstream->ops->send(core->upstream->self, &outbox->client->who, &record.message, on_sent,
                              sending);
    return 0;
}

/* What is being read goes before what is less urgent. */
static struct hub_lane *take(struct hub_outbox *outbox, struct hub_stored *ret)
{
    for (size_t i = 0; i < outbox->n; i++) {
        struct hub_lane *lane = outbox->lanes[i];

        if (lane->said == 0) {
            lane->said = hub_queue_take(lane->queue, ret);
            if (lane->said == 0)
                return lane;
        }
        if (lane->said == HUB_QUEUE_WAIT)
            return NULL;
    }
    return NULL;
}

static bool may_send(const struct hub_outbox *outbox)
{
    const struct hub_core *core = outbox->client->core;

    return outbox->state == HUB_FLOWING && core->online && core->upstream && !core->ending &&
           !edge_timer_armed(core->pipe->rest) && outbox->messages < SENDER_MESSAGES &&
           outbox->bytes < SENDER_BYTES;
}

/* @return false: there is no more */
static bool send_next(struct hub_outbox *outbox)
{
    struct hub_stored stored;
    struct hub_lane *lane = take(outbox, &stored);
    int rc = lane ? send_one(lane, &stored) : 0;

    if (rc == EDGE_EPROTOCOL) {
        edge_error("message cannot be read, it is dropped: queue=%s", hub_queue_name(lane->queue));
        hub_queue_drop(lane->queue, stored.id, HUB_DROP_CORRUPT);
    } else if (rc < 0) {
        hub_outbox_fail(outbox, &hub_pause_failed);
        if (outbox->messages == 0)
            hub_outbox_drained(outbox);
    }
    return lane;
}

void hub_outbox_send(struct hub_task *task)
{
    struct hub_outbox *outbox = EDGE_CONTAINER_OF(task, struct hub_outbox, task);
    struct hub_pipe *pipe = outbox->client->core->pipe;
    bool others = pipe->waiting.next != &pipe->waiting;
    unsigned max = outbox->granted ? SHARE : SENDER_MESSAGES;
    bool more = true;

    if (others && !outbox->granted)
        max = 0;
    outbox->granted = false;
    while (max > 0 && more && may_send(outbox) && hub_pipe_has_room(pipe)) {
        more = send_next(outbox);
        max--;
    }
    if (more && may_send(outbox))
        hub_ring_add(&pipe->waiting, &outbox->turn);
    hub_pipe_pass_on(pipe);
}
