#include <proton/condition.h>
#include <proton/session.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/pause.h"
#include "hub/amqp/value.h"
#include "hub/cloud/amqp/trunk.h"
#include "hub/cloud/amqp/words.h"

enum {
    LINGER_PAUSES = 60,  /* kept without need: who sends now and then keeps its links */
    REFUSED_PAUSES = 30, /* both: times the least pause */
};

/* ---- pieces ---- */

int64_t hub_twig_linger_ms(const struct hub_twig *twig)
{
    return (int64_t) LINGER_PAUSES * twig->trunk->options.pause_min_ms;
}

bool hub_twig_busy(const struct hub_twig *twig)
{
    for (unsigned i = 0; i < HUB_TWIG_LOCKS_MAX; i++)
        if (twig->locks[i].number)
            return true;
    return twig->waiting.first || twig->flying.first || twig->asks.first || twig->replies.first;
}

/* Is anything wanted of it, or under way? */
static bool needed(const struct hub_twig *twig)
{
    return twig->wanted || hub_twig_busy(twig);
}

static bool unused(const struct hub_twig *twig)
{
    return !needed(twig) &&
           edge_now_ms() - twig->used_ms >= hub_twig_linger_ms(twig) - 10; /* timers may be early */
}

bool hub_twig_forgotten(const struct hub_twig *twig)
{
    return twig->state == TWIG_IDLE && unused(twig) && twig->failing == 0 && !twig->due;
}

/* Nothing of it is on the connection any more. */
static void forget_session(struct hub_twig *twig)
{
    for (unsigned i = 0; i < LIMB_PLACES; i++)
        hub_limb_forget(&twig->limbs[i]);
    hub_line_leave(twig);
    memset(twig->locks, 0, sizeof twig->locks);
    if (twig->session) {
        twig->trunk->nsessions--;
        hub_room_look(twig->trunk);
    }
    twig->session = NULL;
    twig->watch = WATCH_OFF;
    twig->attach_due_ms = 0;
    twig->ready_due = twig->wanted != 0;
}

/* Proton forgets a channel with its END, and takes a BEGIN that answers one it has forgotten for
 * the end of the connection: the END waits for that. */
void hub_twig_end(pn_session_t *session)
{
    if (!(pn_session_state(session) & PN_REMOTE_UNINIT))
        pn_session_close(session);
}

static void end_session(struct hub_twig *twig)
{
    for (unsigned i = 0; i < LIMB_PLACES; i++)
        hub_twig_drop(twig, i);
    if (twig->session) { /* freed when IoT Hub has ended it too */
        pn_session_set_context(twig->session, NULL);
        hub_twig_end(twig->session);
        hub_engine_flush_soon(twig->trunk->engine);
    }
    forget_session(twig);
}

/* ---- states ---- */

enum event { EV_NEED, EV_FAIL, EV_TIME, EV_UNUSED, EV_LOST, EVENTS };

static void act_open(struct hub_twig *twig)
{
    struct hub_trunk *trunk = twig->trunk;
    char id[37];

    hub_trunk_id(trunk, id);
    edge_free(twig->channel);
    twig->channel = edge_strdup(id);
    twig->session = pn_session(hub_engine_connection(trunk->engine));
    pn_session_set_context(twig->session, twig);
    pn_session_open(twig->session);
    trunk->nsessions++;
    twig->opened_ms = twig->used_ms = edge_now_ms();
    edge_timer_disarm(twig->timer);
}

static void act_pause(struct hub_twig *twig)
{
    const struct hub_cloud_options *o = &twig->trunk->options;
    uint64_t least = (uint64_t) o->pause_min_ms * (twig->refused != HUB_OK ? REFUSED_PAUSES : 1);

    end_session(twig);
    edge_timer_arm(twig->timer, edge_pause_ms(++twig->failures, least, o->pause_max_ms));
}

static void act_again(struct hub_twig *twig)
{
    twig->refused = HUB_OK;
    hub_trunk_attend(twig);
}

static void act_rest(struct hub_twig *twig)
{
    end_session(twig);
    hub_trunk_attend(twig);
}

static void act_lost(struct hub_twig *twig)
{
    forget_session(twig);
    twig->refused = HUB_OK;
    edge_timer_disarm(twig->timer);
    hub_trunk_attend(twig);
}

static const struct edge_ {
    enum hub_twig_state next;
    void (*act)(struct hub_twig *twig); /* NULL: no such edge */
} edges[TWIG_STATES][EVENTS] = {
    [TWIG_IDLE] = {[EV_NEED] = {TWIG_OPEN, act_open}, [EV_FAIL] = {TWIG_PAUSED, act_pause}},
    [TWIG_OPEN] = {[EV_FAIL] = {TWIG_PAUSED, act_pause},
                   [EV_UNUSED] = {TWIG_IDLE, act_rest},
                   [EV_LOST] = {TWIG_IDLE, act_lost}},
    [TWIG_PAUSED] = {[EV_TIME] = {TWIG_IDLE, act_again}, [EV_LOST] = {TWIG_IDLE, act_lost}},
};

static void step(struct hub_twig *twig, enum event event)
{
    const struct edge_ *edge = &edges[twig->state][event];

    if (!edge->act)
        return;
    twig->state = edge->next;
    edge->act(twig);
}

void hub_twig_lost(struct hub_twig *twig, const char *why)
{
    hub_parcels_fail_all(twig, HUB_UNAVAILABLE, why);
    step(twig, EV_LOST);
}

void hub_twig_fail(struct hub_twig *twig, enum hub_result result, const char *why)
{
    const struct hub_cloud_options *o = &twig->trunk->options;
    bool refused = result == HUB_REFUSED || result == HUB_NOT_FOUND;
    char text[160]; /* it may lie in what is let go */

    (void) snprintf(text, sizeof text, "%s", why);
    if (refused && hub_trunk_is_self(twig)) { /* who else would be taken? */
        hub_trunk_lost(twig->trunk, text);
        return;
    }
    edge_debug("upstream links lost id=%s: %s", twig->name, text);
    hub_parcels_fail_all(twig, result, text);
    twig->refused = refused ? result : HUB_OK;
    step(twig, EV_FAIL);
    if (refused)
        o->events.refused(&twig->who, result, text, o->arg);
}

void hub_twig_rest(struct hub_twig *twig)
{
    step(twig, EV_UNUSED);
}

/* ---- a turn ---- */

static void say_ready(struct hub_twig *twig)
{
    const struct hub_cloud_options *o = &twig->trunk->options;

    if (!twig->ready_due || !twig->wanted ||
        ((twig->wanted & EDGE_FEATURE_DESIRED) && twig->watch != WATCH_ON) ||
        !hub_twig_listens(twig))
        return;
    twig->ready_due = false;
    twig->failures = 0;
    o->events.ready(&twig->who, twig->wanted, o->arg);
}

static bool begin(struct hub_twig *twig)
{
    struct hub_trunk *trunk = twig->trunk;

    if (!needed(twig))
        hub_line_leave(twig);
    if (!trunk->up || !needed(twig))
        return false;
    if (!hub_trunk_is_self(twig) && !trunk->tokens.chain(trunk->tokens.self, &twig->who)) {
        hub_twig_fail(twig, HUB_NOT_FOUND,
                      "it is not in the scope of this device, as far as is known");
        return false;
    }
    if (!hub_room_for(twig)) {
        hub_room_miss(twig);
        return false;
    }
    step(twig, EV_NEED);
    return true;
}

static void tend_open(struct hub_twig *twig)
{
    if (hub_twig_fit(twig) < 0) {
        hub_twig_fail(twig, HUB_UNAVAILABLE, "no memory");
        return;
    }
    hub_twig_pump(twig);
    hub_twig_ask(twig);
    if (twig->state == TWIG_OPEN)
        say_ready(twig);
}

void hub_twig_tend(struct hub_twig *twig)
{
    if (twig->state == TWIG_OPEN || (twig->state == TWIG_IDLE && begin(twig)))
        tend_open(twig);
    if (twig->state == TWIG_OPEN && unused(twig))
        step(twig, EV_UNUSED);
    if (twig->trunk->lobby.first)
        hub_room_free(twig);
    if (twig->state != TWIG_PAUSED && !needed(twig))
        edge_timer_arm(twig->timer, (uint64_t) hub_twig_linger_ms(twig));
    hub_parcels_clock(twig);
}

static void on_timer(void *arg)
{
    struct hub_twig *twig = arg;

    if (twig->state == TWIG_PAUSED)
        step(twig, EV_TIME);
    else
        hub_trunk_attend(twig);
}

static void on_clock(void *arg)
{
    hub_parcels_overdue(arg);
}

/* ---- wishes ---- */

static bool replace(char **text, const char *with)
{
    bool other = strcmp(*text ? *text : "", with) != 0;

    if (other) {
        edge_free(*text);
        *text = *with ? edge_strdup(with) : NULL;
    }
    return other;
}

void hub_twig_want(struct hub_trunk *trunk, const struct edge_identity *who,
                   const struct hub_wish *wish)
{
    struct hub_twig *twig =
        wish->features ? hub_trunk_need(trunk, who) : hub_trunk_find(trunk, who);

    if (!twig) {
        if (wish->features)
            edge_warn("upstream: no room for another identity");
        return;
    }
    twig->wanted =
        wish->features & (EDGE_FEATURE_C2D | EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS);
    replace(&twig->client, wish->client);
    replace(&twig->model_id, wish->model_id);
    twig->ready_due = twig->wanted != 0;
    twig->used_ms = edge_now_ms();
    hub_trunk_attend(twig);
}

/* ---- create and free ---- */

struct hub_twig *hub_twig_create(struct hub_trunk *trunk, const struct edge_identity *who)
{
    struct hub_twig *twig = calloc(1, sizeof *twig);

    if (!twig)
        return NULL;
    twig->trunk = trunk;
    twig->who = *who;
    edge_identity_format(who, twig->name, sizeof twig->name);
    hub_parcels_init(&twig->waiting);
    hub_parcels_init(&twig->flying);
    hub_parcels_init(&twig->asks);
    hub_parcels_init(&twig->replies);
    for (unsigned i = 0; i < LIMB_PLACES; i++)
        twig->limbs[i] =
            (struct hub_limb){.trunk = trunk, .twig = twig, .kind = &hub_limb_kinds[i]};
    twig->timer = edge_timer_create(trunk->options.loop, on_timer, twig);
    twig->clock = edge_timer_create(trunk->options.loop, on_clock, twig);
    if (twig->timer && twig->clock)
        return twig;
    hub_twig_free(twig);
    return NULL;
}

void hub_twig_free(struct hub_twig *twig)
{
    hub_line_leave(twig);
    edge_timer_destroy(twig->timer);
    edge_timer_destroy(twig->clock);
    edge_free(twig->client);
    edge_free(twig->model_id);
    edge_free(twig->channel);
    free(twig);
}
