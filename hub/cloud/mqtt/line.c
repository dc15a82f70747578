#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/pause.h"
#include "hub/cloud/mqtt/line.h"

enum {
    STEADY_MS = 60 * 1000, /* a connection that has lasted so long is no flapping */
    LINGER_PAUSES = 300,   /* kept without need: who sends now and then keeps its connection */
    REFUSED_PAUSES = 30,   /* all three: times the least pause */
    AGAIN_PAUSES = 30,     /* after a release: connect anew, so that it comes again */
    RETRY_TOKEN_MS = 60 * 1000,
    DAY_MS = 24 * 3600 * 1000,
};

/* ---- pieces ---- */

static int64_t linger_ms(const struct hub_line *line)
{
    return (int64_t) LINGER_PAUSES * line->lines->options.pause_min_ms;
}

/* Is anything wanted of it? */
static bool is_needed(const struct hub_line *line)
{
    return line == line->lines->self || line->wanted || line->waiting.count || line->flying.count ||
           line->asks.count;
}

bool hub_line_forgotten(const struct hub_line *line)
{
    return line->state == LINE_IDLE && !is_needed(line) && line->failing == 0 &&
           edge_now_ms() - line->used_ms >= linger_ms(line) - 10; /* timers may be early */
}

static uint64_t pause_ms(const struct hub_line *line)
{
    const struct hub_cloud_options *options = &line->lines->options;
    uint64_t times = line->refused != HUB_OK ? REFUSED_PAUSES : 1;

    return edge_pause_ms(line->failures + 1, times * options->pause_min_ms, options->pause_max_ms);
}

static void let_go(struct hub_line *line, bool goodbye)
{
    hub_line_disconnect(line, goodbye);
    hub_line_forget_token(line);
    hub_lines_unqueue(line);
    edge_timer_disarm(line->timer);
    edge_timer_disarm(line->clock);
}

void hub_line_lost(struct hub_line *line, enum hub_result result, const char *why)
{
    struct hub_lines *lines = line->lines;
    int64_t up_ms = hub_line_serves(line) ? edge_now_ms() - line->up_ms : 0;
    char text[640]; /* it may lie in what is let go */

    (void) snprintf(text, sizeof text, "%s%s%s: %s", lines->options.host,
                    line == lines->self ? "" : " for ", line == lines->self ? "" : line->name, why);
    let_go(line, false);
    line->failures = up_ms >= STEADY_MS ? 0 : line->failures + 1;
    line->state = LINE_PAUSED;
    edge_timer_arm(line->timer, pause_ms(line));
    hub_line_fail_all(line, result, text);
    if (line == lines->self) {
        hub_lines_down(lines, text);
        return;
    }
    if (line->refused == HUB_OK) /* if the network is gone, all should know soon */
        hub_lines_probe(lines);
    edge_debug("upstream connection lost id=%s: %s", line->name, text);
}

void hub_line_refused(struct hub_line *line, enum hub_result result, const char *why)
{
    const struct hub_lines *lines = line->lines;

    line->refused = result;
    hub_line_lost(line, result, why);
    if (line != lines->self)
        lines->options.events.refused(&line->who, result, why, lines->options.arg);
}

/* ---- up, renewal ---- */

static int64_t renew_in_ms(const struct hub_line *line)
{
    int64_t now_s = edge_wall_ns() / 1000000000;
    int64_t left_ms = DAY_MS;

    if (line->until_s < now_s + 2)
        return 1000;
    if (line->until_s < now_s + DAY_MS / 1000)
        left_ms = (line->until_s - now_s) * 1000;
    return left_ms * 3 / 4 - (int64_t) edge_random_below((uint64_t) left_ms / 10);
}

void hub_line_rearm(struct hub_line *line)
{
    int64_t at = line->renew_ms;
    int64_t now = edge_now_ms();
    int64_t idle_at = (is_needed(line) ? now : line->used_ms) + linger_ms(line);

    if (line->state == LINE_IDLE)
        edge_timer_arm(line->timer, (uint64_t) linger_ms(line));
    if (line->state != LINE_UP)
        return;
    if (line->again_ms > 0 && line->again_ms < at)
        at = line->again_ms;
    if (line->nlocks > 0 && line->locks[0].expires_ms < at)
        at = line->locks[0].expires_ms;
    if (line != line->lines->self && idle_at < at)
        at = idle_at;
    edge_timer_arm(line->timer, at > now ? (uint64_t) (at - now) : 0);
}

void hub_line_again(struct hub_line *line)
{
    if (line->again_ms == 0)
        line->again_ms = edge_now_ms() + (int64_t) AGAIN_PAUSES * line->lines->options.pause_min_ms;
    hub_line_rearm(line);
}

static void act_up(struct hub_line *line)
{
    hub_lines_unqueue(line);
    line->up_ms = line->used_ms = edge_now_ms();
    line->renew_ms = line->up_ms + renew_in_ms(line);
    line->refused = HUB_OK;
    hub_line_rearm(line);
    if (line == line->lines->self)
        hub_lines_up(line->lines);
    hub_line_pump(line);
    hub_line_say_ready(line);
    hub_line_fit_session(line);
}

void hub_line_no_token(struct hub_line *line, const char *why)
{
    if (line->state != LINE_RENEW_ASKING) {
        hub_line_lost(line, HUB_UNAVAILABLE, why);
        return;
    }
    hub_lines_unqueue(line); /* the old one lasts a while yet */
    line->state = LINE_UP;
    line->renew_ms = edge_now_ms() + RETRY_TOKEN_MS;
    hub_line_rearm(line);
}

static void act_drain(struct hub_line *line)
{
    edge_timer_arm(line->timer, line->lines->options.answer_ms);
    hub_line_drained(line);
}

static void act_redial(struct hub_line *line)
{
    if (edge_now_ms() - line->up_ms >= STEADY_MS)
        line->failures = 0;
    for (struct hub_call *call = line->asks.first; call; call = call->next)
        call->asked = false;
    edge_timer_disarm(line->timer);
    hub_line_disconnect(line, true);
    hub_line_dial(line);
}

static bool is_drained(const struct hub_line *line)
{
    for (const struct hub_call *call = line->asks.first; call; call = call->next)
        if (call->asked)
            return false;
    return line->flying.count == 0 && line->nlocks == 0;
}

void hub_line_fit_session(struct hub_line *line)
{
    bool again = line->clean || line->again_ms > 0;

    if (again && (line->wanted & EDGE_FEATURE_C2D))
        hub_line_step(line, LINE_EV_RENEW);
}

void hub_line_drained(struct hub_line *line)
{
    if (line->state == LINE_DRAINING && is_drained(line))
        hub_line_step(line, LINE_EV_DRAINED);
}

/* ---- the table ---- */

static void act_queue(struct hub_line *line)
{
    edge_timer_disarm(line->timer);
    hub_lines_queue(line);
}

static const struct edge_ {
    enum hub_line_state next; /* LINE_IDLE: no such edge */
    void (*act)(struct hub_line *line);
} edges[LINE_STATES][LINE_EVENTS] = {
    [LINE_IDLE] = {[LINE_EV_NEED] = {LINE_QUEUED, act_queue}},
    [LINE_QUEUED] = {[LINE_EV_SLOT] = {LINE_ASKING, hub_line_ask_token}},
    [LINE_ASKING] = {[LINE_EV_TOKEN] = {LINE_DIALLING, hub_line_dial}},
    [LINE_DIALLING] = {[LINE_EV_STREAM] = {LINE_OPENING, NULL}},
    [LINE_OPENING] = {[LINE_EV_UP] = {LINE_UP, act_up}},
    [LINE_UP] = {[LINE_EV_RENEW] = {LINE_RENEW_QUEUED, act_queue}},
    [LINE_RENEW_QUEUED] = {[LINE_EV_SLOT] = {LINE_RENEW_ASKING, hub_line_ask_token}},
    [LINE_RENEW_ASKING] = {[LINE_EV_TOKEN] = {LINE_DRAINING, act_drain}},
    [LINE_DRAINING] = {[LINE_EV_DRAINED] = {LINE_DIALLING, act_redial}},
};

void hub_line_step(struct hub_line *line, enum hub_line_event event)
{
    const struct edge_ *edge = &edges[line->state][event];

    if (edge->next == LINE_IDLE)
        return;
    line->state = edge->next;
    if (edge->act)
        edge->act(line);
}

void hub_line_start(struct hub_line *line)
{
    const struct hub_lines *lines = line->lines;

    if (is_needed(line) && !lines->closing && (lines->up || line == lines->self))
        hub_line_step(line, LINE_EV_NEED);
}

static void be_idle(struct hub_line *line)
{
    line->state = LINE_IDLE;
    line->refused = HUB_OK;
    edge_timer_arm(line->timer, (uint64_t) linger_ms(line));
}

void hub_line_stop(struct hub_line *line, const char *why)
{
    bool opened = line->state >= LINE_UP;

    let_go(line, opened);
    be_idle(line);
    hub_line_fail_all(line, HUB_UNAVAILABLE, why);
}

static void up_timer(struct hub_line *line)
{
    int64_t now = edge_now_ms();
    bool again = line->again_ms > 0 && now >= line->again_ms;

    hub_line_expire(line, now);
    if (again && !(line->wanted & EDGE_FEATURE_C2D))
        line->again_ms = INT64_MAX; /* when somebody wants them again */
    if (!is_needed(line) && now - line->used_ms >= linger_ms(line))
        hub_line_stop(line, "");
    else if (now >= line->renew_ms || (again && line->again_ms != INT64_MAX))
        hub_line_step(line, LINE_EV_RENEW);
    else
        hub_line_rearm(line);
}

static void on_timer(void *arg)
{
    struct hub_line *line = arg;

    if (line->state == LINE_UP) {
        up_timer(line);
    } else if (line->state == LINE_PAUSED) {
        be_idle(line);
        hub_line_start(line);
    } else if (line->state == LINE_DRAINING && line->flying.count > 0) {
        hub_line_lost(line, HUB_UNAVAILABLE, "an acknowledgement did not come in time");
    } else if (line->state == LINE_DRAINING) {
        hub_line_step(line, LINE_EV_DRAINED);
    } else {
        hub_lines_attend(line);
    }
}

static void on_clock(void *arg)
{
    hub_line_overdue(arg);
}

struct hub_line *hub_line_create(struct hub_lines *lines, const struct edge_identity *who)
{
    struct hub_line *line = calloc(1, sizeof *line);

    if (!line)
        return NULL;
    line->lines = lines;
    line->who = *who;
    edge_identity_format(who, line->name, sizeof line->name);
    hub_calls_init(&line->waiting);
    hub_calls_init(&line->flying);
    hub_calls_init(&line->asks);
    line->used_ms = edge_now_ms();
    line->timer = edge_timer_create(lines->options.loop, on_timer, line);
    line->clock = edge_timer_create(lines->options.loop, on_clock, line);
    if (!line->timer || !line->clock) {
        edge_timer_destroy(line->timer);
        edge_timer_destroy(line->clock);
        free(line);
        return NULL;
    }
    be_idle(line);
    return line;
}

void hub_line_free(struct hub_line *line)
{
    let_go(line, line->state >= LINE_UP);
    edge_timer_destroy(line->timer);
    edge_timer_destroy(line->clock);
    free(line->client);
    free(line->model_id);
    free(line);
}
