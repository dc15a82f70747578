#include "hub/amqp/timers.h"

#include <proton/transport.h>

#include "common/base/clock.h"
#include "hub/amqp/engine.h"
#include "hub/amqp/grants.h"
#include "hub/amqp/person.h"
#include "hub/amqp/turn.h"

enum {
    EXPIRY_MOST_MS = 60 * 60 * 1000, /* the wall clock may have jumped */
};

/* Who has shown a certificate has nothing more to show, and may attach when it likes. */
static bool may_be_silent(const struct hub_amqp_connection *c)
{
    return c->welcome || (c->opened && hub_amqp_certificate(c));
}

/* The first of our deadlines and the engine's, which begin with the OPEN. */
static void tick(struct hub_amqp_connection *c)
{
    int64_t now = edge_now_ms(), next = may_be_silent(c) ? 0 : c->deadline_ms, engine;

    if (next && now >= next) {
        hub_amqp_drop(c, HUB_AMQP_UNPROVED, "in time");
        return;
    }
    engine = c->opened ? pn_transport_tick(c->driver.transport, now) : 0;
    if (engine && (!next || engine < next))
        next = engine;
    if (next)
        edge_timer_arm(c->tick, next - now < HUB_AMQP_TICK_LEAST_MS ? HUB_AMQP_TICK_LEAST_MS
                                                                    : (uint64_t) (next - now));
}

static void on_tick(void *arg)
{
    struct hub_amqp_connection *c = arg;

    hub_amqp_turn_begin(c);
    tick(c);
    (void) hub_amqp_dispatch(c);
    hub_amqp_turn_end(c);
}

void hub_amqp_expiry_arm(struct hub_amqp_connection *c)
{
    int64_t now = edge_wall_ns() / 1000000, due = INT64_MAX;

    if (c->ended)
        return;
    due = hub_amqp_grants_due(c, due);
    due = hub_amqp_people_due(c, due);
    if (due == INT64_MAX) {
        edge_timer_disarm(c->expiry);
        return;
    }
    due = due > INT64_MAX / 1000 ? EXPIRY_MOST_MS : due * 1000 - now;
    edge_timer_arm(c->expiry, due < 0 ? 0 : due > EXPIRY_MOST_MS ? EXPIRY_MOST_MS : (uint64_t) due);
}

static void on_expiry(void *arg)
{
    struct hub_amqp_connection *c = arg;
    int64_t now_s = edge_wall_ns() / 1000000000;

    hub_amqp_turn_begin(c);
    hub_amqp_grants_expire(c, now_s);
    if (!c->ended)
        hub_amqp_people_expire(c, now_s);
    hub_amqp_expiry_arm(c);
    hub_amqp_turn_end(c);
}

bool hub_amqp_timers_create(struct hub_amqp_connection *c)
{
    c->tick = edge_timer_create(c->server->loop, on_tick, c);
    c->expiry = edge_timer_create(c->server->loop, on_expiry, c);
    return c->tick && c->expiry;
}

void hub_amqp_timers_destroy(struct hub_amqp_connection *c)
{
    c->tick = edge_timer_destroy(c->tick);
    c->expiry = edge_timer_destroy(c->expiry);
    c->ration = edge_timer_destroy(c->ration);
}
