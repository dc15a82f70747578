/* Queues of senders; senders that fail and come back. */
#include "hub/core/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "hub/core/names.h"

static void on_rested(void *arg);

static struct hub_outbox *need(struct hub_client *client)
{
    struct hub_outbox *outbox = client->outbox;

    if (outbox)
        return outbox;
    outbox = calloc(1, sizeof *outbox);
    if (!outbox)
        return NULL;
    outbox->client = client;
    outbox->task.run = hub_outbox_send;
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
    struct hub_lane *lane = arg;

    (void) queue;
    lane->said = 0;
    lane->outbox->empty = 0;
    if (lane->outbox->state == HUB_FLOWING)
        hub_later(lane->outbox->client->core, &lane->outbox->task);
}

static struct hub_lane *find_lane(const struct hub_outbox *outbox, uint32_t priority)
{
    for (size_t i = 0; i < outbox->n; i++)
        if (outbox->lanes[i]->priority == priority)
            return outbox->lanes[i];
    return NULL;
}

static struct hub_lane *add_lane(struct hub_outbox *outbox, struct hub_queue *queue,
                                 uint32_t priority)
{
    struct hub_lane **lanes = realloc(outbox->lanes, (outbox->n + 1) * sizeof(struct hub_lane *));
    struct hub_lane *lane = lanes ? calloc(1, sizeof *lane) : NULL;
    size_t at = outbox->n;

    if (lanes)
        outbox->lanes = lanes;
    if (!lane)
        return NULL;
    *lane = (struct hub_lane){outbox, queue, priority, "", 0};
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
    struct hub_lane *lane = outbox ? find_lane(outbox, priority) : NULL;
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
    hub_pipe_pass_on(client->core->pipe); /* in case it was its turn */
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
void hub_outbox_drained(struct hub_outbox *outbox)
{
    for (size_t i = 0; i < outbox->n; i++) {
        hub_queue_rewind(outbox->lanes[i]->queue);
        outbox->lanes[i]->said = 0;
    }
    outbox->state = HUB_RESTING;
    if (outbox->client->core->online)
        edge_timer_arm(outbox->timer, edge_pause_jittered(outbox->pause_ms));
}

void hub_outbox_fail(struct hub_outbox *outbox, const struct edge_pauses *why)
{
    bool again = outbox->state == HUB_FLOWING;

    if (again || outbox->why != why)
        outbox->pause_ms = edge_pause_longer(outbox->pause_ms, why);
    outbox->why = why;
    if (!again)
        return;
    outbox->state = HUB_DRAINING;
    hub_never(&outbox->turn);
}

static void flow(struct hub_outbox *outbox)
{
    if (outbox->state != HUB_RESTING)
        return;
    edge_timer_disarm(outbox->timer);
    outbox->state = HUB_FLOWING;
    hub_later(outbox->client->core, &outbox->task);
}

static void on_rested(void *arg)
{
    flow(arg);
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
        hub_outbox_wake_all(core);
}

void hub_outbox_refused(struct hub_client *client)
{
    struct hub_outbox *outbox = client->outbox;

    if (!outbox || outbox->state != HUB_FLOWING)
        return;
    hub_outbox_fail(outbox, &hub_pause_refused);
    if (outbox->messages == 0)
        hub_outbox_drained(outbox);
}
