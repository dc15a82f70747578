#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/cloud/mqtt/line.h"
#include "hub/cloud/mqtt/login.h"

enum {
    STEADY_MS = 60 * 1000, /* a connection that has lasted so long is no flapping */
    LINGER_PAUSES = 300,   /* kept without need: who sends now and then keeps its connection */
    REFUSED_PAUSES = 30,   /* all three: times the least pause */
    AGAIN_PAUSES = 30,     /* after a release: connect anew, so that it comes again */
    RETRY_TOKEN_MS = 60 * 1000,
    DAY_MS = 24 * 3600 * 1000,
};

enum event { EV_NEED, EV_SLOT, EV_TOKEN, EV_STREAM, EV_UP, EV_RENEW, EV_DRAINED, EVENTS };

static void step(struct hub_line *line, enum event event);
static void lost(struct hub_line *line, enum hub_result result, const char *why);

/* ---- pieces ---- */

static int64_t linger_ms(const struct hub_line *line)
{
    return (int64_t) LINGER_PAUSES * line->lines->options.pause_min_ms;
}

bool hub_line_forgotten(const struct hub_line *line)
{
    return line->state == LINE_IDLE && !hub_line_needed(line) && line->failing == 0 &&
           edge_now_ms() - line->used_ms >= linger_ms(line) - 10; /* timers may be early */
}

bool hub_line_needed(const struct hub_line *line)
{
    return line == line->lines->self || line->wanted || line->waiting.count || line->flying.count ||
           line->asks.count;
}

static uint64_t random_below(uint64_t most)
{
    uint64_t random = 0;

    if (most == 0 || getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        return 0;
    return random % most;
}

/* Full jitter: lines that were lost together come back spread out. */
static uint64_t pause_ms(const struct hub_line *line)
{
    uint64_t least = line->lines->options.pause_min_ms;
    uint64_t most = line->lines->options.pause_max_ms;
    unsigned shift = line->failures < 16 ? line->failures + 1 : 16;

    if (line->refused != HUB_OK)
        least *= REFUSED_PAUSES;
    if ((least << shift) < most)
        most = least << shift;
    return most > least ? least + random_below(most - least) : least;
}

static char *wiped(char *token)
{
    if (token)
        explicit_bzero(token, strlen(token));
    return edge_free(token);
}

/* ---- token ---- */

struct hub_token_ask {
    struct hub_line *line; /* NULL: nobody waits any more */
};

static void on_token(int rc, const char *token, int64_t until_s, const struct edge_err *err,
                     void *arg)
{
    struct hub_token_ask *ask = arg;
    struct hub_line *line = ask->line;

    free(ask);
    if (!line)
        return;
    line->ask = NULL;
    line->token = rc == 0 ? edge_strdup(token) : NULL;
    line->until_s = until_s;
    if (line->token) {
        step(line, EV_TOKEN);
    } else if (line->state == LINE_RENEW_ASKING) { /* the old one lasts a while yet */
        hub_lines_unqueue(line);
        line->state = LINE_UP;
        line->renew_ms = edge_now_ms() + RETRY_TOKEN_MS;
        hub_line_rearm(line);
    } else {
        lost(line, HUB_UNAVAILABLE,
             rc == 0             ? "no memory"
             : err && *err->text ? err->text
                                 : edge_strerror(rc));
    }
}

static void leave_ask(struct hub_line *line)
{
    if (line->ask)
        line->ask->line = NULL;
    line->ask = NULL;
}

static void act_ask(struct hub_line *line)
{
    const struct hub_tokens *tokens = &line->lines->tokens;
    struct hub_token_ask *ask = calloc(1, sizeof *ask);

    if (!ask) {
        lost(line, HUB_UNAVAILABLE, "no memory");
        return;
    }
    ask->line = line;
    line->ask = ask;
    tokens->get(tokens->self, on_token, ask);
}

/* ---- connection ---- */

static const char *chain_of(const struct hub_line *line)
{
    const struct hub_tokens *tokens = &line->lines->tokens;

    return tokens->chain(tokens->self, &line->who);
}

/* Whatever the connection had. */
static void drop_connection(struct hub_line *line, bool goodbye)
{
    line->dial = edge_dial_cancel(line->dial);
    line->wire = hub_wire_close(line->wire, goodbye);
    line->on = line->granted = 0;
    line->nlocks = 0;
    line->again_ms = 0;
    line->epoch++;
}

static void let_go(struct hub_line *line, bool goodbye)
{
    drop_connection(line, goodbye);
    leave_ask(line);
    line->token = wiped(line->token);
    hub_lines_unqueue(line);
    edge_timer_disarm(line->timer);
    edge_timer_disarm(line->clock);
}

static void lost(struct hub_line *line, enum hub_result result, const char *why)
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
    if (line == lines->self)
        hub_lines_down(lines, text);
    else
        edge_debug("upstream connection lost id=%s: %s", line->name, text);
}

static void refused(struct hub_line *line, enum hub_result result, const char *why)
{
    const struct hub_lines *lines = line->lines;

    line->refused = result;
    lost(line, result, why);
    if (line != lines->self)
        lines->options.events.refused(&line->who, result, why, lines->options.arg);
}

static void on_up(bool session_present, void *arg)
{
    struct hub_line *line = arg;

    hub_line_subscribe_all(line, session_present);
    step(line, EV_UP);
}

static void on_acked(void *tag, void *arg)
{
    hub_line_acked(arg, tag);
}

static void on_granted(unsigned feature, void *arg)
{
    hub_line_granted(arg, feature);
}

static void on_room(void *arg)
{
    hub_line_pump(arg);
}

static void on_publish(const struct mqtt_publish *publish, void *arg)
{
    hub_line_take(arg, publish);
}

static void on_end(enum hub_wire_end why, const char *text, void *arg)
{
    struct hub_line *line = arg;

    if (why == HUB_WIRE_REFUSED)
        refused(line, HUB_REFUSED, text);
    else
        lost(line, HUB_UNAVAILABLE, text);
}

static int open_wire(struct hub_line *line, struct edge_stream *stream, const char *user)
{
    static const struct hub_wire_ops ops = {on_up,   on_acked,   on_granted,
                                            on_room, on_publish, on_end};
    struct hub_lines *lines = line->lines;
    const struct mqtt_connect connect = {
        .client_id = {(const uint8_t *) line->name, strlen(line->name)},
        .user = {(const uint8_t *) user, strlen(user)},
        .password = {(const uint8_t *) line->token, strlen(line->token)},
        .keep_alive = (uint16_t) (line == lines->self ? lines->self_keep_s : lines->keep_s),
        .clean = line->clean,
    };
    const struct hub_wire_options options = {
        .loop = lines->options.loop,
        .connect = &connect,
        .answer_ms = lines->options.answer_ms,
        .ops = &ops,
        .arg = line,
    };

    return hub_wire_open(&options, stream, &line->wire);
}

static void on_stream(struct edge_stream *stream, int rc, const struct edge_err *err, void *arg)
{
    struct hub_line *line = arg;
    bool self = line == line->lines->self;
    const char *chain = self ? NULL : chain_of(line);
    EDGE_CLEANUP(edge_free) char *user = NULL;

    line->dial = NULL;
    if (!stream) {
        lost(line, HUB_UNAVAILABLE, *err->text ? err->text : edge_strerror(rc));
        return;
    }
    user = hub_login_user(&(struct hub_login){.hub_name = line->lines->options.hub_name,
                                              .who = &line->who,
                                              .client = line->client ? line->client : "",
                                              .model_id = line->model_id ? line->model_id : "",
                                              .chain = chain});
    line->clean = !(line->wanted & EDGE_FEATURE_C2D);
    if (!user || (!chain && !self)) {
        edge_stream_close(stream);
        rc = user ? EDGE_EUNAVAILABLE : EDGE_ELIMIT;
    } else {
        rc = open_wire(line, stream, user);
    }
    line->token = wiped(line->token);
    if (rc < 0)
        lost(line, HUB_UNAVAILABLE, edge_strerror(rc));
    else
        step(line, EV_STREAM);
}

static void act_dial(struct hub_line *line)
{
    const struct hub_cloud_options *options = &line->lines->options;
    bool ws = options->protocol == HUB_CLOUD_MQTT_WS;
    const struct edge_dial_options dial = {
        .host = options->host,
        .port = options->port,
        .proxy = ws ? options->proxy : NULL,
        .tls = options->tls,
        .ws_path = ws ? "/$iothub/websocket?iothub-no-client-cert=true" : NULL,
        .ws_protocol = "mqtt",
        .timeout_ms = options->answer_ms,
        .done = on_stream,
        .arg = line,
    };
    struct edge_err err = {0};
    int rc;

    if (line != line->lines->self && !chain_of(line)) {
        refused(line, HUB_NOT_FOUND, "it is not in the scope of this device, as far as is known");
        return;
    }
    rc = edge_dial_open(options->loop, &dial, &line->dial, &err);
    if (rc < 0)
        lost(line, HUB_UNAVAILABLE, *err.text ? err.text : edge_strerror(rc));
}

/* ---- up, renewal ---- */

static int64_t renew_in_ms(const struct hub_line *line)
{
    int64_t left_ms = (line->until_s - edge_wall_ns() / 1000000000) * 1000;

    if (line->until_s == INT64_MAX || left_ms > DAY_MS)
        left_ms = DAY_MS;
    if (left_ms < 2000)
        return 1000;
    return left_ms * 3 / 4 - (int64_t) random_below((uint64_t) left_ms / 10);
}

void hub_line_rearm(struct hub_line *line)
{
    int64_t at = line->renew_ms;
    int64_t now = edge_now_ms();
    int64_t idle_at = (hub_line_needed(line) ? now : line->used_ms) + linger_ms(line);

    if (line->state == LINE_IDLE)
        edge_timer_arm(line->timer, (uint64_t) linger_ms(line));
    if (line->state != LINE_UP)
        return;
    if (line->again_ms > 0 && line->again_ms < at)
        at = line->again_ms;
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
    drop_connection(line, true);
    act_dial(line);
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
    if (line->clean && (line->wanted & EDGE_FEATURE_C2D))
        step(line, EV_RENEW);
}

void hub_line_drained(struct hub_line *line)
{
    if (line->state == LINE_DRAINING && is_drained(line))
        step(line, EV_DRAINED);
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
} edges[LINE_STATES][EVENTS] = {
    [LINE_IDLE] = {[EV_NEED] = {LINE_QUEUED, act_queue}},
    [LINE_QUEUED] = {[EV_SLOT] = {LINE_ASKING, act_ask}},
    [LINE_ASKING] = {[EV_TOKEN] = {LINE_DIALLING, act_dial}},
    [LINE_DIALLING] = {[EV_STREAM] = {LINE_OPENING, NULL}},
    [LINE_OPENING] = {[EV_UP] = {LINE_UP, act_up}},
    [LINE_UP] = {[EV_RENEW] = {LINE_RENEW_QUEUED, act_queue}},
    [LINE_RENEW_QUEUED] = {[EV_SLOT] = {LINE_RENEW_ASKING, act_ask}},
    [LINE_RENEW_ASKING] = {[EV_TOKEN] = {LINE_DRAINING, act_drain}},
    [LINE_DRAINING] = {[EV_DRAINED] = {LINE_DIALLING, act_redial}},
};

static void step(struct hub_line *line, enum event event)
{
    const struct edge_ *edge = &edges[line->state][event];

    if (edge->next == LINE_IDLE)
        return;
    line->state = edge->next;
    if (edge->act)
        edge->act(line);
}

void hub_line_slot(struct hub_line *line)
{
    step(line, EV_SLOT);
}

void hub_line_start(struct hub_line *line)
{
    const struct hub_lines *lines = line->lines;

    if (hub_line_needed(line) && !lines->closing && (lines->up || line == lines->self))
        step(line, EV_NEED);
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

    if (!hub_line_needed(line) && now - line->used_ms >= linger_ms(line))
        hub_line_stop(line, "");
    else if (now >= line->renew_ms || (line->again_ms > 0 && now >= line->again_ms))
        step(line, EV_RENEW);
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
        lost(line, HUB_UNAVAILABLE, "an acknowledgement did not come in time");
    } else if (line->state == LINE_DRAINING) {
        step(line, EV_DRAINED);
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
