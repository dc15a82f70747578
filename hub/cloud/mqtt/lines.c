#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/cloud/mqtt/line.h"

enum {
    PAUSE_MIN_MS = 1000,
    PAUSE_MAX_MS = 60 * 1000,
    ANSWER_MS = 20 * 1000,
    KEEP_ALIVE_S = 230, /* below the 4 minutes after which Azure's load balancers forget a flow */
    SELF_KEEP_ALIVE_S = 10, /* one connection tells whether IoT Hub is there */
    PORT = 8883,
    PORT_WEBSOCKET = 443,
};

/* ---- what comes in the next turn ---- */

void hub_lines_attend(struct hub_line *line)
{
    struct hub_lines *lines = line->lines;

    if (line->due)
        return;
    line->due = true;
    line->next_due = lines->due;
    lines->due = line;
    edge_timer_arm(lines->turn, 0);
}

void hub_lines_fail(struct hub_lines *lines, struct hub_call *call, enum hub_result result,
                    const char *why)
{
    call->result = result;
    (void) snprintf(call->why, sizeof call->why, "%s", why);
    hub_calls_add(&lines->failed, call);
    edge_timer_arm(lines->turn, 0);
}

static void tell_failure(struct hub_call *call)
{
    switch (call->kind) {
    case HUB_CALL_SEND:
        call->done.sent(call->result, call->why, call->arg);
        break;
    case HUB_CALL_GET:
        call->done.got(call->result, call->why, NULL, 0, call->arg);
        break;
    case HUB_CALL_PATCH:
        call->done.patched(call->result, call->why, 0, call->arg);
        break;
    case HUB_CALL_REPLY:
        break;
    }
}

static void tell_failures(struct hub_lines *lines)
{
    struct hub_call *call;

    while ((call = hub_calls_take(&lines->failed)) != NULL) {
        if (lines->closing)
            call->result = HUB_GONE;
        tell_failure(call);
        if (call->line)
            call->line->failing--;
        hub_call_free(call);
    }
}

static void forget(struct hub_line *line)
{
    struct hub_lines *lines = line->lines;

    edge_map_remove(&lines->map, line->name);
    *line->link = line->next;
    if (line->next)
        line->next->link = line->link;
    hub_line_free(line);
}

static void on_turn(void *arg)
{
    struct hub_lines *lines = arg;
    struct hub_line *line;

    tell_failures(lines);
    while ((line = lines->due) != NULL) {
        lines->due = line->next_due;
        line->due = false;
        hub_line_say_ready(line);
        if (hub_line_forgotten(line))
            forget(line);
    }
}

/* ---- reachable or not ---- */

void hub_lines_up(struct hub_lines *lines)
{
    lines->up = true;
    lines->said[0] = '\0';
    lines->options.events.connected(true, "", lines->options.arg);
    for (struct hub_line *line = lines->all; line; line = line->next)
        hub_line_start(line);
}

void hub_lines_down(struct hub_lines *lines, const char *why)
{
    bool news = lines->up || strcmp(lines->said, why) != 0;

    lines->up = false;
    (void) snprintf(lines->said, sizeof lines->said, "%s", why);
    for (struct hub_line *line = lines->all; line; line = line->next)
        if (line != lines->self)
            hub_line_stop(line, why);
    if (news)
        lines->options.events.connected(false, lines->said, lines->options.arg);
}

/* ---- slots ---- */

static void give_slots(struct hub_lines *lines)
{
    while (lines->queue && lines->opening < HUB_LINES_OPENING && lines->up && !lines->closing) {
        struct hub_line *line = lines->queue;

        lines->queue = line->next_queued;
        if (!lines->queue)
            lines->queue_last = &lines->queue;
        lines->opening++;
        line->slot = true;
        hub_line_step(line, LINE_EV_SLOT);
    }
}

void hub_lines_queue(struct hub_line *line)
{
    struct hub_lines *lines = line->lines;

    if (line == lines->self) {
        hub_line_step(line, LINE_EV_SLOT);
        return;
    }
    line->next_queued = NULL;
    *lines->queue_last = line;
    lines->queue_last = &line->next_queued;
    give_slots(lines);
}

void hub_lines_unqueue(struct hub_line *line)
{
    struct hub_lines *lines = line->lines;

    if (line->slot) {
        line->slot = false;
        lines->opening--;
        give_slots(lines);
        return;
    }
    for (struct hub_line **at = &lines->queue; *at; at = &(*at)->next_queued) {
        if (*at != line)
            continue;
        *at = line->next_queued;
        if (!*at)
            lines->queue_last = at;
        return;
    }
}

/* ---- lines ---- */

struct hub_line *hub_lines_find(const struct hub_lines *lines, const struct edge_identity *who)
{
    char name[2 * EDGE_ID_MAX + 2];

    edge_identity_format(who, name, sizeof name);
    return edge_map_get(&lines->map, name);
}

struct hub_line *hub_lines_need(struct hub_lines *lines, const struct edge_identity *who)
{
    struct hub_line *line = hub_lines_find(lines, who);

    if (line || lines->map.count >= HUB_LINES_MAX)
        return line;
    line = hub_line_create(lines, who);
    if (line && edge_map_set(&lines->map, line->name, line) < 0) {
        hub_line_free(line);
        return NULL;
    }
    if (line) {
        line->link = &lines->all;
        line->next = lines->all;
        if (line->next)
            line->next->link = &line->next;
        lines->all = line;
    }
    return line;
}

/* ---- the table the core calls ---- */

static void want(void *self, const struct edge_identity *who, const struct hub_wish *wish)
{
    hub_line_want(self, who, wish);
}

static void send_message(void *self, const struct edge_identity *who,
                         const struct edge_message *message, hub_done *done, void *arg)
{
    hub_line_send(self, who, message, done, arg);
}

static void twin_get(void *self, const struct edge_identity *who, hub_twin_done *done, void *arg)
{
    hub_line_twin_get(self, who, done, arg);
}

static void twin_patch(void *self, const struct edge_identity *who, const char *patch, size_t len,
                       hub_version_done *done, void *arg)
{
    hub_line_twin_patch(self, who, patch, len, done, arg);
}

static void method_reply(void *self, const struct edge_identity *who, const char *rid, int status,
                         struct edge_bytes payload)
{
    hub_line_reply(self, who, rid, status, payload);
}

static void settle(void *self, const struct edge_identity *who, uint64_t lock,
                   enum hub_outcome outcome)
{
    hub_line_settle(self, who, lock, outcome);
}

static const struct hub_upstream_ops ops = {
    .want = want,
    .send = send_message,
    .twin_get = twin_get,
    .twin_patch = twin_patch,
    .method_reply = method_reply,
    .settle = settle,
};

/* ---- open and close ---- */

static unsigned or_else(unsigned value, unsigned otherwise)
{
    return value ? value : otherwise;
}

static unsigned keep_alive_s(unsigned idle_ms, unsigned otherwise)
{
    unsigned half_s = idle_ms / 2000;

    if (idle_ms == 0)
        return otherwise;
    return half_s == 0 ? 1 : half_s > UINT16_MAX ? UINT16_MAX : half_s;
}

static bool copy_options(struct hub_lines *lines, const struct hub_cloud_options *options)
{
    struct hub_cloud_options *o = &lines->options;

    *o = *options;
    o->host = edge_strdup(options->host);
    o->hub_name = edge_strdup(options->hub_name);
    o->proxy = edge_strdup(options->proxy);
    o->rundir = NULL;
    o->tokens = NULL;
    lines->tokens = *options->tokens;
    o->pause_min_ms = or_else(options->pause_min_ms, PAUSE_MIN_MS);
    o->pause_max_ms = or_else(options->pause_max_ms, PAUSE_MAX_MS);
    o->answer_ms = or_else(options->answer_ms, ANSWER_MS);
    if (o->port == 0)
        o->port = options->protocol == HUB_CLOUD_MQTT_WS ? PORT_WEBSOCKET : PORT;
    lines->keep_s = keep_alive_s(options->idle_ms, KEEP_ALIVE_S);
    lines->self_keep_s = keep_alive_s(options->idle_ms, SELF_KEEP_ALIVE_S);
    return o->host && o->hub_name && (o->proxy || !options->proxy);
}

static void close_lines(void *self)
{
    struct hub_lines *lines = self;

    lines->closing = true;
    for (struct hub_line *line = lines->all; line; line = line->next)
        hub_line_fail_all(line, HUB_GONE, "the hub ends");
    if (lines->turn)
        tell_failures(lines);
    while (lines->all)
        forget(lines->all);
    edge_timer_destroy(lines->turn);
    edge_map_fini(&lines->map);
    edge_free((char *) lines->options.host);
    edge_free((char *) lines->options.hub_name);
    edge_free((char *) lines->options.proxy);
    free(lines);
}

static int open_lines(const struct hub_cloud_options *options, void **ret, struct edge_err *err)
{
    struct hub_lines *lines = calloc(1, sizeof *lines);

    if (!lines)
        return edge_fail(err, -ENOMEM, "upstream: no memory");
    lines->queue_last = &lines->queue;
    hub_calls_init(&lines->failed);
    lines->turn = edge_timer_create(options->loop, on_turn, lines);
    if (lines->turn && copy_options(lines, options))
        lines->self = hub_lines_need(lines, &options->self);
    if (!lines->self) {
        close_lines(lines);
        return edge_fail(err, -ENOMEM, "upstream: no memory");
    }
    hub_line_start(lines->self);
    *ret = lines;
    return 0;
}

const struct hub_cloud_kind hub_cloud_mqtt = {open_lines, close_lines, &ops};
