/* Queues of each sender towards IoT Hub, and what is under way from them.
 *
 *              it failed                     all under way have come back: rewind
 *    FLOWING ------------->  DRAINING  -----------------------------------------> RESTING
 *       ^                                                                            |
 *       +----------------- the pause is over, or IoT Hub is there again --------------+
 *
 * A sender that is refused rests alone. All senders share a window (the pipe); when it is full they
 * wait for it in turn. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/crypto/hmac.h"
#include "hub/core/internal.h"
#include "hub/core/names.h"

enum {
    SENDER_MESSAGES = 64,
    SENDER_BYTES = 1024 * 1024,
    PIPE_MESSAGES = 1024,
    PIPE_BYTES = 8 * 1024 * 1024,
    SHARE = 16, /* messages in a row for one that has waited for the pipe */
};

struct pauses {
    unsigned first_ms, max_ms;
};
static const struct pauses failed = {100, 30 * 1000};
static const struct pauses refused = {30 * 1000, 5 * 60 * 1000};
static const struct pauses throttled = {1000, 60 * 1000};

struct hub_pipe {
    struct hub_core *core;
    unsigned messages;
    size_t bytes;
    struct hub_task waiting; /* ring of outboxes' `turn` */
    struct edge_timer *rest; /* armed: nobody sends */
    unsigned rest_ms;        /* the last such pause; 0: all is well */
};

enum state { FLOWING, DRAINING, RESTING };

struct lane {
    struct hub_outbox *outbox;
    struct hub_queue *queue;
    uint32_t priority;
    char label[12]; /* the priority */
    bool ready;     /* there may be something to take */
};
struct hub_outbox {
    struct hub_client *client;
    struct hub_task task;
    struct hub_task turn; /* in the pipe's ring: it waits for the pipe */
    bool granted;         /* it has waited, and may send some */
    struct lane **lanes;  /* by priority */
    size_t n;
    enum state state;
    const struct pauses *why; /* of DRAINING and RESTING */
    unsigned pause_ms;
    unsigned messages; /* under way */
    size_t bytes;
    struct edge_timer *timer;
    unsigned empty; /* minutes */
};

/* A message under way. It may come back when the core has gone. */
struct sending {
    struct hub_life *life;
    struct lane *lane;
    uint64_t id;
    size_t size;
    int64_t since_ms, enqueued_ns;
    struct hub_series *sent, *send, *process;
};

static void send_some(struct hub_task *task);
static void on_rested(void *arg);
static void on_pipe_rested(void *arg);

/* Half of it for certain, and half by chance. */
static uint64_t jittered(unsigned ms)
{
    uint32_t chance = 0;

    edge_ignore(edge_random(&chance, sizeof chance)); /* no chance is a chance too */
    return ms / 2 + chance % (ms / 2 + 1);
}

static unsigned longer(unsigned ms, const struct pauses *pauses)
{
    if (ms < pauses->first_ms)
        return pauses->first_ms;
    return 2 * ms < pauses->max_ms ? 2 * ms : pauses->max_ms;
}

int hub_pipe_create(struct hub_core *core)
{
    struct hub_pipe *pipe = calloc(1, sizeof *pipe);

    if (!pipe)
        return -ENOMEM;
    pipe->core = core;
    hub_ring_init(&pipe->waiting);
    pipe->rest = edge_timer_create(core->options.loop, on_pipe_rested, pipe);
    core->pipe = pipe;
    return pipe->rest ? 0 : -ENOMEM;
}

void hub_pipe_destroy(struct hub_core *core)
{
    if (core->pipe)
        (void) edge_timer_destroy(core->pipe->rest);
    core->pipe = edge_free(core->pipe);
}

static bool has_room(const struct hub_pipe *pipe)
{
    return pipe->messages < PIPE_MESSAGES && pipe->bytes < PIPE_BYTES;
}

/* Who has waited longest may send, if there is room. */
static void pass_on(struct hub_pipe *pipe)
{
    struct hub_task *turn = has_room(pipe) ? hub_ring_take(&pipe->waiting) : NULL;
    struct hub_outbox *outbox;

    if (!turn)
        return;
    outbox = EDGE_CONTAINER_OF(turn, struct hub_outbox, turn);
    outbox->granted = true;
    hub_later(pipe->core, &outbox->task);
}

/* Outboxes and their queues */

static struct hub_outbox *need(struct hub_client *client)
{
    struct hub_outbox *outbox = client->outbox;

    if (outbox)
        return outbox;
    outbox = calloc(1, sizeof *outbox);
    if (!outbox)
        return NULL;
    outbox->client = client;
    outbox->task.run = send_some;
    outbox->timer = edge_timer_create(client->core->options.loop, on_rested, outbox);
    if (!outbox->timer) {
        free(outbox);
        return NULL;
    }
    client->outbox = outbox;
    return outbox;
}

static void on_ready(struct hub_queue *queue, void *arg)
{
    struct lane *lane = arg;

    (void) queue;
    lane->ready = true;
    lane->outbox->empty = 0;
    if (lane->outbox->state == FLOWING)
        hub_later(lane->outbox->client->core, &lane->outbox->task);
}

static struct lane *find_lane(const struct hub_outbox *outbox, uint32_t priority)
{
    for (size_t i = 0; i < outbox->n; i++)
        if (outbox->lanes[i]->priority == priority)
            return outbox->lanes[i];
    return NULL;
}

static struct lane *add_lane(struct hub_outbox *outbox, struct hub_queue *queue, uint32_t priority)
{
    struct lane **lanes = realloc(outbox->lanes, (outbox->n + 1) * sizeof(struct lane *));
    struct lane *lane = lanes ? calloc(1, sizeof *lane) : NULL;
    size_t at = outbox->n;

    if (lanes)
        outbox->lanes = lanes;
    if (!lane)
        return NULL;
    *lane = (struct lane){outbox, queue, priority, "", true};
    (void) snprintf(lane->label, sizeof lane->label, "%u", priority);
    for (; at > 0 && lanes[at - 1]->priority > priority; at--)
        lanes[at] = lanes[at - 1];
    lanes[at] = lane;
    outbox->n++;
    hub_queue_consume(queue, on_ready, lane);
    hub_later(outbox->client->core, &outbox->task);
    return lane;
}

void hub_outbox_add(struct hub_core *core, struct hub_queue *queue, const struct edge_identity *who,
                    uint32_t priority)
{
    struct hub_client *client = hub_client_need(core, who);
    struct hub_outbox *outbox = client ? need(client) : NULL;

    if (!outbox || (!find_lane(outbox, priority) && !add_lane(outbox, queue, priority)))
        edge_error("queue is not served, out of memory: queue=%s", hub_queue_name(queue));
}

struct hub_queue *hub_outbox_queue(struct hub_client *client, uint32_t priority)
{
    struct hub_outbox *outbox = need(client);
    struct lane *lane = outbox ? find_lane(outbox, priority) : NULL;
    struct hub_queue_name name = {.upstream = true, .priority = priority};
    char text[HUB_STORE_NAME_MAX + 1];
    struct hub_queue *queue;

    if (!outbox)
        return NULL;
    outbox->empty = 0;
    if (lane)
        return lane->queue;
    name.who = client->who;
    if (hub_queue_name_write(&name, text) < 0)
        return NULL;
    queue = hub_store_queue(client->core->options.store, text);
    lane = queue ? add_lane(outbox, queue, priority) : NULL;
    return lane ? queue : NULL;
}

void hub_outbox_free(struct hub_client *client)
{
    struct hub_outbox *outbox = client->outbox;

    if (!outbox)
        return;
    for (size_t i = 0; i < outbox->n; i++) {
        hub_queue_consume(outbox->lanes[i]->queue, NULL, NULL);
        free(outbox->lanes[i]);
    }
    hub_never(&outbox->task);
    hub_never(&outbox->turn);
    (void) edge_timer_destroy(outbox->timer);
    free(outbox->lanes);
    free(outbox);
    client->outbox = NULL;
}

static bool is_empty(const struct hub_outbox *outbox)
{
    for (size_t i = 0; i < outbox->n; i++)
        if (hub_queue_length(outbox->lanes[i]->queue) > 0)
            return false;
    return outbox->messages == 0;
}

void hub_outbox_tick(struct hub_client *client)
{
    struct hub_outbox *outbox = client->outbox;

    if (!outbox || client->session || !is_empty(outbox))
        return;
    outbox->empty++;
    if (outbox->empty < 2)
        return;
    hub_outbox_free(client);
    pass_on(client->core->pipe); /* in case it was its turn */
    (void) hub_client_tidy(client);
}

void hub_outbox_each(const struct hub_client *client,
                     void (*fn)(const struct hub_queue *queue, uint32_t priority, void *arg),
                     void *arg)
{
    for (size_t i = 0; client->outbox && i < client->outbox->n; i++)
        fn(client->outbox->lanes[i]->queue, client->outbox->lanes[i]->priority, arg);
}

/* Failing and coming back */

/* Everything that was under way has come back. */
static void drained(struct hub_outbox *outbox)
{
    for (size_t i = 0; i < outbox->n; i++) {
        hub_queue_rewind(outbox->lanes[i]->queue);
        outbox->lanes[i]->ready = true;
    }
    outbox->state = RESTING;
    if (outbox->client->core->online)
        edge_timer_arm(outbox->timer, jittered(outbox->pause_ms));
}

static void fail(struct hub_outbox *outbox, const struct pauses *why)
{
    bool again = outbox->state == FLOWING;

    if (again || outbox->why != why)
        outbox->pause_ms = longer(outbox->pause_ms, why);
    outbox->why = why;
    if (!again)
        return;
    outbox->state = DRAINING;
    hub_never(&outbox->turn);
}

static void flow(struct hub_outbox *outbox)
{
    if (outbox->state != RESTING)
        return;
    edge_timer_disarm(outbox->timer);
    outbox->state = FLOWING;
    hub_later(outbox->client->core, &outbox->task);
}

static void on_rested(void *arg)
{
    flow(arg);
}

static void wake_all(struct hub_core *core)
{
    for (struct hub_client *client = core->first; client; client = client->next)
        if (client->outbox)
            hub_later(core, &client->outbox->task);
}

static void on_pipe_rested(void *arg)
{
    struct hub_pipe *pipe = arg;

    wake_all(pipe->core);
}

static void throttle(struct hub_pipe *pipe)
{
    if (edge_timer_armed(pipe->rest))
        return;
    pipe->rest_ms = longer(pipe->rest_ms, &throttled);
    edge_info("IoT Hub throttles, nothing is sent for a while: about=%u ms", pipe->rest_ms);
    edge_timer_arm(pipe->rest, jittered(pipe->rest_ms));
}

void hub_outbox_online(struct hub_core *core)
{
    for (struct hub_client *client = core->first; client; client = client->next) {
        struct hub_outbox *outbox = client->outbox;

        if (!outbox)
            continue;
        edge_timer_disarm(outbox->timer);
        outbox->pause_ms = 0;
        if (core->online)
            flow(outbox);
    }
    core->pipe->rest_ms = 0;
    edge_timer_disarm(core->pipe->rest);
    if (core->online)
        wake_all(core);
}

void hub_outbox_refused(struct hub_client *client)
{
    struct hub_outbox *outbox = client->outbox;

    if (!outbox || outbox->state != FLOWING)
        return;
    fail(outbox, &refused);
    if (outbox->messages == 0)
        drained(outbox);
}

/* Results */

static void on_ok(struct sending *sending)
{
    struct hub_outbox *outbox = sending->lane->outbox;

    hub_queue_ack(sending->lane->queue, sending->id);
    if (outbox->state == FLOWING)
        outbox->pause_ms = 0;
    if (!edge_timer_armed(outbox->client->core->pipe->rest))
        outbox->client->core->pipe->rest_ms = 0;
    hub_series_count(sending->sent);
    hub_series_observe(sending->send, (double) (edge_now_ms() - sending->since_ms) / 1e3);
    hub_series_observe(sending->process, (double) (edge_wall_ns() - sending->enqueued_ns) / 1e9);
}

static void on_failed(struct sending *sending)
{
    fail(sending->lane->outbox, &failed);
}

static void on_throttled(struct sending *sending)
{
    throttle(sending->lane->outbox->client->core->pipe);
    fail(sending->lane->outbox, &failed);
}

static void on_refused(struct sending *sending)
{
    fail(sending->lane->outbox, &refused);
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
    if (results[result].tell && outbox->state == FLOWING)
        edge_warn("IoT Hub does not take a message: client=%s %s reason=%s", outbox->client->name,
                  results[result].act == on_never ? "dropped" : "waits", why ? why : "");
    outbox->messages--;
    outbox->bytes -= sending.size;
    core->pipe->messages--;
    core->pipe->bytes -= sending.size;
    results[result].act(&sending);
    if (outbox->state == DRAINING && outbox->messages == 0) {
        count_retry(outbox->client);
        drained(outbox);
    } else if (outbox->state == FLOWING) {
        hub_later(core, &outbox->task);
    }
    pass_on(core->pipe);
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
static int send_one(struct lane *lane, const struct hub_stored *stored)
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

static struct lane *take(struct hub_outbox *outbox, struct hub_stored *ret)
{
    for (size_t i = 0; i < outbox->n; i++) {
        struct lane *lane = outbox->lanes[i];

        if (!lane->ready)
            continue;
        lane->ready = hub_queue_take(lane->queue, ret) == 0;
        if (lane->ready)
            return lane;
    }
    return NULL;
}

static bool may_send(const struct hub_outbox *outbox)
{
    const struct hub_core *core = outbox->client->core;

    return outbox->state == FLOWING && core->online && core->upstream &&
           !edge_timer_armed(core->pipe->rest) && outbox->messages < SENDER_MESSAGES &&
           outbox->bytes < SENDER_BYTES;
}

/* @return false: there is no more */
static bool send_next(struct hub_outbox *outbox)
{
    struct hub_stored stored;
    struct lane *lane = take(outbox, &stored);
    int rc = lane ? send_one(lane, &stored) : 0;

    if (rc == EDGE_EPROTOCOL) {
        edge_error("message cannot be read, it is dropped: queue=%s", hub_queue_name(lane->queue));
        hub_queue_drop(lane->queue, stored.id, HUB_DROP_CORRUPT);
    } else if (rc < 0) {
        fail(outbox, &failed);
        if (outbox->messages == 0)
            drained(outbox);
    }
    return lane;
}

static void send_some(struct hub_task *task)
{
    struct hub_outbox *outbox = EDGE_CONTAINER_OF(task, struct hub_outbox, task);
    struct hub_pipe *pipe = outbox->client->core->pipe;
    bool others = pipe->waiting.next != &pipe->waiting;
    unsigned max = outbox->granted ? SHARE : SENDER_MESSAGES;
    bool more = true;

    if (others && !outbox->granted)
        max = 0;
    outbox->granted = false;
    while (max > 0 && more && may_send(outbox) && has_room(pipe)) {
        more = send_next(outbox);
        max--;
    }
    if (more && may_send(outbox))
        hub_ring_add(&pipe->waiting, &outbox->turn);
    pass_on(pipe);
}
