#include <proton/condition.h>
#include <proton/session.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/pause.h"
#include "hub/cloud/amqp/trunk.h"
#include "hub/cloud/amqp/words.h"

enum {
    STEADY_MS = 60 * 1000, /* a connection that has lasted so long is no flapping */
    TOKEN_PAUSES = 60,     /* between tries for the next token: times the least pause */
    DAY_MS = 24 * 3600 * 1000,
    PROBE_PART = 4, /* of the usual time for an answer */
    SLACK = 2,      /* links and sessions count until both sides have ended them */
};

enum event { EV_TIME, EV_TOKEN, EV_STREAM, EV_OPEN, EV_PROVED, EVENTS };

static void step(struct hub_trunk *trunk, enum event event);

/* ---- token ---- */

struct hub_token_ask {
    struct hub_trunk *trunk; /* NULL: nobody waits any more */
};

static void renew_later(struct hub_trunk *trunk)
{
    trunk->probing = false;
    edge_timer_arm(trunk->renewal, (uint64_t) TOKEN_PAUSES * trunk->options.pause_min_ms);
}

static void on_token(int rc, const char *token, int64_t until_s, const struct edge_err *err,
                     void *arg)
{
    struct hub_token_ask *ask = arg;
    struct hub_trunk *trunk = ask->trunk;

    free(ask);
    if (!trunk)
        return;
    trunk->ask = NULL;
    trunk->token = rc == 0 ? edge_strdup(token) : NULL;
    if (trunk->token) {
        trunk->until_s = until_s;
        step(trunk, EV_TOKEN);
    } else if (trunk->state == TRUNK_UP) { /* the old one lasts a while yet */
        renew_later(trunk);
    } else {
        hub_trunk_lost(trunk, rc == 0             ? "no memory"
                              : err && *err->text ? err->text
                                                  : edge_strerror(rc));
    }
}

static void act_ask(struct hub_trunk *trunk)
{
    struct hub_token_ask *ask = calloc(1, sizeof *ask);

    if (!ask) {
        hub_trunk_lost(trunk, "no memory");
        return;
    }
    ask->trunk = trunk;
    trunk->ask = ask;
    trunk->tokens.get(trunk->tokens.self, on_token, ask);
}

/* ---- dial and open ---- */

static void session_closed(struct hub_trunk *trunk, pn_session_t *session)
{
    pn_condition_t *condition = pn_session_remote_condition(session);
    bool set = pn_condition_is_set(condition);
    const char *text = set ? pn_condition_get_description(condition) : NULL;
    struct hub_twig *twig = pn_session_get_context(session);

    if (session == trunk->session) {
        hub_trunk_lost(trunk, text ? text : "IoT Hub has ended a session");
        return;
    }
    if (twig)
        hub_twig_fail(twig, hub_words_ended(set ? pn_condition_get_name(condition) : NULL),
                      text ? text : "IoT Hub has ended its session");
    pn_session_close(session);
    pn_session_free(session);
}

/* Nobody needs it any more. */
static void session_opened(const struct hub_trunk *trunk, pn_session_t *session)
{
    if (session != trunk->session && !pn_session_get_context(session))
        hub_twig_end(session);
}

static void on_event(pn_event_t *event, void *arg)
{
    struct hub_trunk *trunk = arg;

    switch (pn_event_type(event)) {
    case PN_CONNECTION_REMOTE_OPEN:
        step(trunk, EV_OPEN);
        break;
    case PN_SESSION_REMOTE_OPEN:
        session_opened(trunk, pn_event_session(event));
        break;
    case PN_SESSION_REMOTE_CLOSE:
        session_closed(trunk, pn_event_session(event));
        break;
    case PN_LINK_REMOTE_OPEN:
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH:
    case PN_LINK_FLOW:
    case PN_DELIVERY:
        hub_limb_event(event);
        break;
    default:
        break;
    }
}

static void on_drained(void *arg)
{
    struct hub_trunk *trunk = arg;

    hub_cbs_put(trunk);
    hub_trunk_unchoke(trunk);
}

static void on_ended(const char *condition, const char *why, void *arg)
{
    (void) condition;
    hub_trunk_lost(arg, why);
}

static void on_stream(struct edge_stream *stream, int rc, const struct edge_err *err, void *arg)
{
    struct hub_trunk *trunk = arg;
    const struct hub_engine_options options = {
        .loop = trunk->options.loop,
        .container = trunk->container,
        .hostname = trunk->options.hub_name,
        .idle_ms = trunk->options.idle_ms,
        .max_links = SLACK * HUB_TRUNK_LINKS_MAX,
        .max_sessions = SLACK * (HUB_TRUNK_IDENTITIES_MAX + 1),
        .event = on_event,
        .drained = on_drained,
        .ended = on_ended,
        .arg = trunk,
    };

    trunk->dial = NULL;
    if (stream)
        rc = hub_engine_open(&options, stream, &trunk->engine);
    if (rc < 0)
        hub_trunk_lost(trunk, err && *err->text ? err->text : edge_strerror(rc));
    else
        step(trunk, EV_STREAM);
}

static void act_dial(struct hub_trunk *trunk)
{
    const struct hub_cloud_options *o = &trunk->options;
    bool ws = o->protocol == HUB_CLOUD_AMQP_WS;
    const struct edge_dial_options dial = {
        .host = o->host,
        .port = o->port,
        .proxy = ws ? o->proxy : NULL,
        .tls = o->tls,
        .ws_path = ws ? "/$iothub/websocket" : NULL,
        .ws_protocol = "AMQPWSB10",
        .timeout_ms = o->answer_ms,
        .done = on_stream,
        .arg = trunk,
    };
    struct edge_err err = {0};
    int rc = edge_dial_open(o->loop, &dial, &trunk->dial, &err);

    if (rc < 0)
        hub_trunk_lost(trunk, *err.text ? err.text : edge_strerror(rc));
}

static void act_wait(struct hub_trunk *trunk)
{
    edge_timer_arm(trunk->timer, trunk->options.answer_ms);
}

static void act_prove(struct hub_trunk *trunk)
{
    int rc = hub_cbs_open(trunk);

    if (rc < 0)
        hub_trunk_lost(trunk, edge_strerror(rc));
    else
        act_wait(trunk);
}

/* ---- up ---- */

static uint64_t renew_in_ms(const struct hub_trunk *trunk)
{
    int64_t now_s = edge_wall_ns() / 1000000000;
    uint64_t left_ms = DAY_MS;

    if (trunk->until_s < now_s + 2)
        return 1000;
    if (trunk->until_s < now_s + DAY_MS / 1000)
        left_ms = (uint64_t) (trunk->until_s - now_s) * 1000;
    return left_ms * 3 / 4 - edge_random_below(left_ms / 10);
}

static void act_up(struct hub_trunk *trunk)
{
    edge_timer_disarm(trunk->timer);
    edge_timer_arm(trunk->renewal, renew_in_ms(trunk));
    trunk->up_ms = edge_now_ms();
    trunk->up = true;
    trunk->said[0] = '\0';
    trunk->options.events.connected(true, "", trunk->options.arg);
    for (struct hub_twig *twig = trunk->all; twig; twig = twig->next)
        hub_trunk_attend(twig);
}

static void act_renewed(struct hub_trunk *trunk)
{
    trunk->probing = false;
    edge_timer_arm(trunk->renewal, renew_in_ms(trunk));
}

static void act_put(struct hub_trunk *trunk)
{
    unsigned part = trunk->probing ? PROBE_PART : 1;

    edge_timer_arm(trunk->renewal, trunk->options.answer_ms / part);
    hub_cbs_put(trunk);
}

/* ---- the table ---- */

static const struct edge_ {
    enum hub_trunk_state next; /* TRUNK_NONE: no such edge */
    void (*act)(struct hub_trunk *trunk);
} edges[TRUNK_STATES][EVENTS] = {
    [TRUNK_PAUSED] = {[EV_TIME] = {TRUNK_ASKING, act_ask}},
    [TRUNK_ASKING] = {[EV_TOKEN] = {TRUNK_DIALLING, act_dial}},
    [TRUNK_DIALLING] = {[EV_STREAM] = {TRUNK_OPENING, act_wait}},
    [TRUNK_OPENING] = {[EV_OPEN] = {TRUNK_PROVING, act_prove}},
    [TRUNK_PROVING] = {[EV_PROVED] = {TRUNK_UP, act_up}},
    [TRUNK_UP] = {[EV_TOKEN] = {TRUNK_UP, act_put}, [EV_PROVED] = {TRUNK_UP, act_renewed}},
};

static void step(struct hub_trunk *trunk, enum event event)
{
    const struct edge_ *edge = &edges[trunk->state][event];

    if (edge->next == TRUNK_NONE)
        return;
    trunk->state = edge->next;
    edge->act(trunk);
}

void hub_trunk_proved(struct hub_trunk *trunk)
{
    step(trunk, EV_PROVED);
}

void hub_trunk_probe(struct hub_trunk *trunk)
{
    if (trunk->state != TRUNK_UP || trunk->ask || trunk->token || trunk->put_id[0])
        return;
    trunk->probing = true;
    act_ask(trunk);
}

/* ---- loss ---- */

void hub_trunk_let_go(struct hub_trunk *trunk)
{
    trunk->dial = edge_dial_cancel(trunk->dial);
    hub_limb_forget(&trunk->cbs_ask);
    hub_limb_forget(&trunk->cbs_tell);
    trunk->session = NULL;
    trunk->engine = hub_engine_close(trunk->engine);
    if (trunk->ask)
        trunk->ask->trunk = NULL;
    trunk->ask = NULL;
    trunk->token = edge_wipe(trunk->token);
    trunk->put_id[0] = '\0';
    trunk->probing = false;
    edge_timer_disarm(trunk->timer);
    edge_timer_disarm(trunk->renewal);
}

void hub_trunk_lost(struct hub_trunk *trunk, const char *why)
{
    const struct hub_cloud_options *o = &trunk->options;
    bool steady = trunk->up && edge_now_ms() - trunk->up_ms >= STEADY_MS;
    char text[sizeof trunk->said]; /* it may lie in what is let go */
    bool news;

    if (trunk->state == TRUNK_PAUSED || trunk->closing)
        return;
    (void) snprintf(text, sizeof text, "%s: %s", o->host, why);
    news = trunk->up || strcmp(trunk->said, text) != 0;
    trunk->up = false;
    trunk->state = TRUNK_PAUSED;
    (void) snprintf(trunk->said, sizeof trunk->said, "%s", text);
    for (struct hub_twig *twig = trunk->all; twig; twig = twig->next)
        hub_twig_lost(twig, text);
    hub_trunk_let_go(trunk);
    trunk->failures = steady ? 0 : trunk->failures + 1;
    edge_timer_arm(trunk->timer,
                   edge_pause_ms(trunk->failures + 1, o->pause_min_ms, o->pause_max_ms));
    if (news)
        o->events.connected(false, trunk->said, o->arg);
}

/* ---- timers ---- */

void hub_trunk_on_timer(void *arg)
{
    struct hub_trunk *trunk = arg;

    if (trunk->state == TRUNK_PAUSED)
        step(trunk, EV_TIME);
    else
        hub_trunk_lost(trunk, "IoT Hub does not answer");
}

void hub_trunk_on_renewal(void *arg)
{
    struct hub_trunk *trunk = arg;

    if (trunk->put_id[0] || trunk->token)
        hub_trunk_lost(trunk, "IoT Hub does not answer");
    else if (!trunk->ask)
        act_ask(trunk);
}

void hub_trunk_start(struct hub_trunk *trunk)
{
    trunk->state = TRUNK_PAUSED;
    edge_timer_arm(trunk->timer, 0);
}
