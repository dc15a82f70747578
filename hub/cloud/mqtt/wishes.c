#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/cloud/mqtt/line.h"

enum {
    WISHES = EDGE_FEATURE_C2D | EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS,
    RID_MAX = 40,     /* of a method, as the heads have it */
    LOCK_PAUSES = 60, /* times the least pause: IoT Hub waits a minute too */
};

/* ---- subscriptions ---- */

static const struct subscription {
    unsigned feature;
    uint8_t qos;
    const char *filter; /* NULL: devicebound */
} subscriptions[] = {
    {EDGE_FEATURE_TWIN_RES, 0, "$iothub/twin/res/#"},
    {EDGE_FEATURE_DESIRED, 0, "$iothub/twin/PATCH/properties/desired/#"},
    {EDGE_FEATURE_METHODS, 0, "$iothub/methods/POST/#"},
    {EDGE_FEATURE_C2D, 1, NULL},
};

static unsigned needs(const struct hub_line *line)
{
    return line->wanted | (line->twins ? EDGE_FEATURE_TWIN_RES : 0u);
}

static int change(struct hub_line *line, const struct subscription *subscription, bool on)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf topic = EDGE_BUF_INIT(4 * EDGE_ID_MAX + 64);
    const char *filter = subscription->filter;
    int rc = 0;

    if (!filter) {
        rc = edge_topic_devicebound(&topic, &line->who);
        rc = rc == 0 ? edge_buf_puts(&topic, "#") : rc;
        filter = topic.data;
    }
    if (rc < 0)
        return rc;
    return on ? hub_wire_subscribe(line->wire, filter, subscription->qos, subscription->feature)
              : hub_wire_unsubscribe(line->wire, filter);
}

/* What cannot be asked for now is, with the next answer to one of them. */
static void adjust(struct hub_line *line)
{
    unsigned need = needs(line);

    for (size_t i = 0; i < EDGE_ARRAY_LEN(subscriptions); i++) {
        unsigned feature = subscriptions[i].feature;
        bool on = need & feature;

        if (on == !!(line->on & feature) || change(line, &subscriptions[i], on) < 0)
            continue;
        line->on ^= feature;
        line->granted &= ~feature;
    }
}

void hub_line_subscribe(struct hub_line *line)
{
    if (hub_line_serves(line))
        adjust(line);
}

void hub_line_subscribe_all(struct hub_line *line, bool present)
{
    line->ready_due = line->wanted != 0;
    if (present) { /* what it was subscribed to is not known */
        line->on = WISHES & ~needs(line);
        if (*line->who.module)
            line->on &= ~(unsigned) EDGE_FEATURE_C2D;
    }
    adjust(line);
}

void hub_line_granted(struct hub_line *line, unsigned feature)
{
    line->granted |= feature & line->on;
    hub_line_subscribe(line);
    hub_line_pump(line);
    hub_line_say_ready(line);
}

void hub_line_say_ready(struct hub_line *line)
{
    const struct hub_cloud_options *options = &line->lines->options;

    if (!line->ready_due || !hub_line_serves(line) || (needs(line) & ~line->granted))
        return;
    line->ready_due = false;
    options->events.ready(&line->who, line->wanted, options->arg);
}

static void keep_text(char **place, const char *text)
{
    char *copy = edge_strdup(text);

    if (!copy)
        return; /* the name it had is good enough */
    free(*place);
    *place = copy;
}

void hub_line_want(struct hub_lines *lines, const struct edge_identity *who,
                   const struct hub_wish *wish)
{
    struct hub_line *line = hub_lines_need(lines, who);
    unsigned before;

    if (!line) {
        edge_warn("upstream wish dropped: too many identities, or no memory");
        return;
    }
    line->used_ms = edge_now_ms();
    before = line->wanted;
    line->wanted = wish->features & WISHES;
    if (*who->module)
        line->wanted &= ~(unsigned) EDGE_FEATURE_C2D;
    keep_text(&line->client, wish->client);
    keep_text(&line->model_id, wish->model_id);
    line->ready_due = line->wanted != 0;
    hub_line_start(line);
    hub_line_subscribe(line);
    hub_line_rearm(line);
    if (line->wanted & ~before & EDGE_FEATURE_C2D)
        hub_line_fit_session(line);
    hub_lines_attend(line);
}

/* ---- cloud-to-device messages ---- */

static struct hub_lock *find_lock(struct hub_line *line, uint16_t id)
{
    for (unsigned i = 0; i < line->nlocks; i++)
        if (line->locks[i].id == id)
            return &line->locks[i];
    return NULL;
}

static void remove_lock(struct hub_line *line, struct hub_lock *lock)
{
    size_t behind = (size_t) (&line->locks[line->nlocks] - (lock + 1));

    memmove(lock, lock + 1, behind * sizeof *lock);
    line->nlocks--;
}

static void acknowledge(struct hub_line *line)
{
    while (line->nlocks > 0 && line->locks[0].accepted) {
        hub_wire_ack(line->wire, line->locks[0].id);
        remove_lock(line, &line->locks[0]);
    }
}

void hub_line_settle(struct hub_lines *lines, const struct edge_identity *who, uint64_t lock,
                     enum hub_outcome outcome)
{
    struct hub_line *line = hub_lines_find(lines, who);
    struct hub_lock *found = line ? find_lock(line, (uint16_t) lock) : NULL;

    if (!found || lock >> 16 != line->epoch)
        return; /* of a connection that is gone */
    if (outcome == HUB_ACCEPTED || outcome == HUB_REJECTED) {
        found->accepted = true;
    } else {
        remove_lock(line, found);
        hub_line_again(line);
    }
    acknowledge(line);
    hub_line_drained(line);
}

void hub_line_expire(struct hub_line *line, int64_t now_ms)
{
    bool any = false;

    while (line->nlocks > 0 && line->locks[0].expires_ms <= now_ms) {
        remove_lock(line, &line->locks[0]);
        acknowledge(line); /* those behind it, however late this is */
        any = true;
    }
    if (any)
        hub_line_again(line);
}

static uint64_t lock_for(struct hub_line *line, uint16_t id)
{
    const int64_t life_ms = (int64_t) LOCK_PAUSES * line->lines->options.pause_min_ms;

    if (id != 0)
        line->locks[line->nlocks++] =
            (struct hub_lock){.id = id, .expires_ms = edge_now_ms() + life_ms};
    hub_line_rearm(line);
    return (uint64_t) line->epoch << 16 | id;
}

static void take_c2d(struct hub_line *line, const struct edge_incoming *in,
                     const struct mqtt_publish *publish)
{
    const struct hub_cloud_options *options = &line->lines->options;
    struct edge_message message = {.delivery_count = publish->dup};
    struct edge_err err = {0};
    int rc;

    if (!(line->wanted & EDGE_FEATURE_C2D) || line->state == LINE_DRAINING ||
        (publish->id && find_lock(line, publish->id)))
        return;
    if (line->nlocks == HUB_LINE_LOCKS_MAX) {
        hub_line_again(line);
        return;
    }
    rc = edge_bag_parse_from_hub((const char *) in->bag.data, in->bag.len, &message, &err);
    if (rc == 0)
        rc = edge_message_set_body(&message, publish->payload.data, publish->payload.len);
    if (rc == 0) {
        options->events.message(&line->who, &message, lock_for(line, publish->id), options->arg);
    } else if (rc == -ENOMEM) {
        hub_line_again(line);
    } else {
        edge_warn("cloud-to-device message dropped id=%s: %s", line->name, err.text);
        if (publish->qos > 0)
            hub_wire_ack(line->wire, publish->id);
    }
    edge_message_fini(&message);
}

/* ---- everything else that comes ---- */

static void take_answer(struct hub_line *line, const struct edge_incoming *in,
                        const struct mqtt_publish *publish)
{
    hub_line_answer(line, in, publish->payload);
}

static void take_desired(struct hub_line *line, const struct edge_incoming *in,
                         const struct mqtt_publish *publish)
{
    const struct hub_cloud_options *options = &line->lines->options;

    (void) in;
    if ((line->wanted & EDGE_FEATURE_DESIRED) && publish->payload.len > 0)
        options->events.desired(&line->who, (const char *) publish->payload.data,
                                publish->payload.len, options->arg);
}

static void take_method(struct hub_line *line, const struct edge_incoming *in,
                        const struct mqtt_publish *publish)
{
    const struct hub_cloud_options *options = &line->lines->options;
    char rid[RID_MAX + 1] = "";

    if (!(line->wanted & EDGE_FEATURE_METHODS) || in->rid.len > RID_MAX)
        return; /* its caller sees a timeout */
    memcpy(rid, in->rid.data, in->rid.len);
    options->events.method(&line->who, rid, in->method, publish->payload, options->arg);
}

void hub_line_take(struct hub_line *line, const struct mqtt_publish *publish)
{
    static void (*const takes[])(struct hub_line * line, const struct edge_incoming *in,
                                 const struct mqtt_publish *publish) = {
        [EDGE_INCOMING_UNKNOWN] = NULL,         [EDGE_INCOMING_ANSWER] = take_answer,
        [EDGE_INCOMING_DESIRED] = take_desired, [EDGE_INCOMING_METHOD] = take_method,
        [EDGE_INCOMING_C2D] = take_c2d,
    };
    EDGE_CLEANUP(edge_free)
    char *topic = strndup((const char *) publish->topic.data, publish->topic.len);
    struct edge_incoming in = {0};

    if (topic)
        edge_incoming_read(topic, &in);
    if (publish->qos > 0 && in.kind != EDGE_INCOMING_C2D && topic)
        hub_wire_ack(line->wire, publish->id);
    if (takes[in.kind])
        takes[in.kind](line, &in, publish);
}
