#include <proton/condition.h>
#include <proton/session.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/amqp/value.h"
#include "hub/cloud/amqp/trunk.h"
#include "hub/cloud/amqp/words.h"
#include "hub/cloud/pause.h"

#define API_VERSION "2021-04-12"

enum {
    LINGER_PAUSES = 60,  /* kept without need: who sends now and then keeps its links */
    REFUSED_PAUSES = 30, /* both: times the least pause */
    C2D_WINDOW = HUB_TWIG_LOCKS_MAX,
    WINDOW = 50,
    PROPERTIES = 5, /* of a link */
};

/* ---- kinds of links ---- */

static void on_ready(struct hub_limb *limb)
{
    hub_trunk_attend(limb->twig);
}

static void on_ended(struct hub_limb *limb, const char *condition, const char *why)
{
    hub_twig_fail(limb->twig, hub_words_ended(condition), why);
}

const struct hub_limb_kind hub_limb_kinds[LIMB_PLACES] = {
    [LIMB_EVENTS] = {.sends = true,
                     .suffix = "/messages/events",
                     .ready = on_ready,
                     .updated = hub_twig_outcome,
                     .ended = on_ended},
    [LIMB_C2D] = {.suffix = "/messages/devicebound",
                  .window = C2D_WINDOW,
                  .ready = on_ready,
                  .message = hub_twig_deliver,
                  .ended = on_ended},
    [LIMB_TWIN_ASK] = {.sends = true,
                       .settled = true,
                       .suffix = "/twin",
                       .channel = "twin",
                       .ready = on_ready,
                       .ended = on_ended},
    [LIMB_TWIN_TELL] = {.settled = true,
                        .suffix = "/twin",
                        .channel = "twin",
                        .window = WINDOW,
                        .ready = on_ready,
                        .message = hub_twig_told,
                        .ended = on_ended},
    [LIMB_CALL] = {.settled = true,
                   .suffix = "/methods/devicebound",
                   .channel = "methods",
                   .window = WINDOW,
                   .ready = on_ready,
                   .message = hub_twig_called,
                   .ended = on_ended},
    [LIMB_CALL_REPLY] = {.sends = true,
                         .settled = true,
                         .suffix = "/methods/devicebound",
                         .channel = "methods",
                         .ready = on_ready,
                         .ended = on_ended},
};

/* What the features ask for, and what has been asked. */
static bool needs(const struct hub_twig *twig, enum hub_limb_place place)
{
    switch (place) {
    case LIMB_EVENTS:
        return twig->waiting.first != NULL;
    case LIMB_C2D:
        return twig->wanted & EDGE_FEATURE_C2D;
    case LIMB_TWIN_ASK:
    case LIMB_TWIN_TELL:
        return (twig->wanted & EDGE_FEATURE_DESIRED) || twig->asks.first;
    default:
        return twig->wanted & EDGE_FEATURE_METHODS;
    }
}

/* Links that bring something are not kept for later. */
static bool lingers(enum hub_limb_place place)
{
    return place == LIMB_EVENTS || place == LIMB_TWIN_ASK || place == LIMB_TWIN_TELL;
}

/* ---- pieces ---- */

static int64_t linger_ms(const struct hub_twig *twig)
{
    return (int64_t) LINGER_PAUSES * twig->trunk->options.pause_min_ms;
}

bool hub_twig_needed(const struct hub_twig *twig)
{
    return twig->wanted || twig->waiting.first || twig->flying.first || twig->asks.first ||
           twig->replies.first;
}

static bool unused(const struct hub_twig *twig)
{
    return !hub_twig_needed(twig) &&
           edge_now_ms() - twig->used_ms >= linger_ms(twig) - 10; /* timers may be early */
}

bool hub_twig_forgotten(const struct hub_twig *twig)
{
    return twig->state == TWIG_IDLE && unused(twig) && twig->failing == 0 && !twig->due;
}

static void drop_limb(struct hub_twig *twig, enum hub_limb_place place)
{
    hub_limb_drop(&twig->limbs[place]);
    if (place == LIMB_C2D)
        memset(twig->locks, 0, sizeof twig->locks);
}

/* Nothing of it is on the connection any more. */
static void forget_session(struct hub_twig *twig)
{
    for (unsigned i = 0; i < LIMB_PLACES; i++)
        hub_limb_forget(&twig->limbs[i]);
    memset(twig->locks, 0, sizeof twig->locks);
    twig->trunk->nsessions -= twig->session != NULL;
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
        drop_limb(twig, i);
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
    edge_timer_disarm(twig->timer);
}

static void act_pause(struct hub_twig *twig)
{
    const struct hub_cloud_options *o = &twig->trunk->options;
    uint64_t least = (uint64_t) o->pause_min_ms * (twig->refused != HUB_OK ? REFUSED_PAUSES : 1);

    end_session(twig);
    edge_timer_arm(twig->timer, hub_pause_ms(twig->failures++, least, o->pause_max_ms));
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

/* ---- links ---- */

/* Who has not been used for longest goes. @return false: everybody is needed */
static bool evict(struct hub_trunk *trunk)
{
    struct hub_twig *oldest = NULL;

    for (struct hub_twig *twig = trunk->all; twig; twig = twig->next)
        if (twig->state == TWIG_OPEN && !hub_twig_needed(twig) &&
            (!oldest || twig->used_ms < oldest->used_ms))
            oldest = twig;
    if (oldest)
        step(oldest, EV_UNUSED);
    return oldest != NULL;
}

static bool room_for_session(struct hub_trunk *trunk)
{
    size_t most = hub_engine_sessions(trunk->engine);

    if (most > HUB_TRUNK_SESSIONS_MAX)
        most = HUB_TRUNK_SESSIONS_MAX;
    while (trunk->nsessions + 1 >= most) /* one is that of $cbs */
        if (!evict(trunk))
            return false;
    return true;
}

static bool room_for_link(struct hub_trunk *trunk)
{
    while (trunk->nlinks >= HUB_TRUNK_LINKS_MAX)
        if (!evict(trunk))
            return false;
    return true;
}

static int attach(struct hub_twig *twig, enum hub_limb_place place)
{
    const struct hub_limb_kind *kind = &hub_limb_kinds[place];
    const struct hub_tokens *tokens = &twig->trunk->tokens;
    const char *chain = hub_trunk_is_self(twig) ? NULL : tokens->chain(tokens->self, &twig->who);
    EDGE_CLEANUP(edge_free) char *address = hub_words_address(&twig->who, kind->suffix);
    EDGE_CLEANUP(edge_free) char *product = hub_words_product(twig->client ? twig->client : "");
    EDGE_CLEANUP(edge_free)
    char *channel = kind->channel ? edge_format("%s:%s", kind->channel, twig->channel) : NULL;
    struct hub_amqp_pair properties[PROPERTIES] = {
        {"com.microsoft:client-version", hub_amqp_text(product)},
        {"com.microsoft:api-version", hub_amqp_text(API_VERSION)},
    };
    size_t n = 2;

    if (!address || !product || !twig->channel)
        return EDGE_EUNAVAILABLE;
    if (chain)
        properties[n++] = (struct hub_amqp_pair){"com.microsoft:auth-chain", hub_amqp_text(chain)};
    if (channel)
        properties[n++] =
            (struct hub_amqp_pair){"com.microsoft:channel-correlation-id", hub_amqp_text(channel)};
    if (twig->model_id && *twig->model_id)
        properties[n++] =
            (struct hub_amqp_pair){"com.microsoft:model-id", hub_amqp_text(twig->model_id)};
    return hub_limb_attach(&twig->limbs[place], twig->session, address, properties, n);
}

/* Attach and detach as it is needed. */
static int fit(struct hub_twig *twig)
{
    bool attaching = false;
    int rc = 0;

    for (unsigned i = 0; i < LIMB_PLACES && rc == 0; i++) {
        struct hub_limb *limb = &twig->limbs[i];

        if (!limb->engine && needs(twig, i))
            rc = room_for_link(twig->trunk) ? attach(twig, i) : EDGE_ELIMIT;
        else if (limb->engine && !needs(twig, i) && !lingers(i))
            drop_limb(twig, i);
        attaching = attaching || (limb->engine && !limb->attached);
    }
    if (!attaching)
        twig->attach_due_ms = 0;
    else if (twig->attach_due_ms == 0)
        twig->attach_due_ms = edge_now_ms() + twig->trunk->options.answer_ms;
    return rc;
}

static void say_ready(struct hub_twig *twig)
{
    const struct hub_cloud_options *o = &twig->trunk->options;

    if (!twig->ready_due || !twig->wanted ||
        ((twig->wanted & EDGE_FEATURE_DESIRED) && twig->watch != WATCH_ON))
        return;
    for (unsigned i = 0; i < LIMB_PLACES; i++)
        if (needs(twig, i) && i != LIMB_EVENTS && !twig->limbs[i].attached)
            return;
    twig->ready_due = false;
    twig->failures = 0;
    o->events.ready(&twig->who, twig->wanted, o->arg);
}

/* ---- a turn ---- */

static bool begin(struct hub_twig *twig)
{
    struct hub_trunk *trunk = twig->trunk;

    if (!trunk->up || !hub_twig_needed(twig))
        return false;
    if (!hub_trunk_is_self(twig) && !trunk->tokens.chain(trunk->tokens.self, &twig->who)) {
        hub_twig_fail(twig, HUB_NOT_FOUND,
                      "it is not in the scope of this device, as far as is known");
        return false;
    }
    if (!room_for_session(trunk)) {
        hub_twig_fail(twig, HUB_UNAVAILABLE, "too many identities for one connection");
        return false;
    }
    step(twig, EV_NEED);
    return true;
}

static void tend_open(struct hub_twig *twig)
{
    int rc = fit(twig);

    if (rc < 0) {
        hub_twig_fail(twig, HUB_UNAVAILABLE,
                      rc == EDGE_ELIMIT ? "too many links for one connection" : "no memory");
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
    if (twig->state != TWIG_PAUSED && !hub_twig_needed(twig))
        edge_timer_arm(twig->timer, (uint64_t) linger_ms(twig));
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
    edge_timer_destroy(twig->timer);
    edge_timer_destroy(twig->clock);
    edge_free(twig->client);
    edge_free(twig->model_id);
    edge_free(twig->channel);
    free(twig);
}
