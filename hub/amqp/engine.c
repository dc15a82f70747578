#include "hub/amqp/engine.h"

#include <proton/condition.h>
#include <proton/connection.h>
#include <proton/event.h>
#include <proton/session.h>
#include <proton/transport.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/amqp/links.h"
#include "hub/amqp/person.h"
#include "hub/amqp/sessions.h"
#include "hub/amqp/timers.h"
#include "hub/amqp/wire.h"

enum {
    WELCOME_MS = 60 * 1000,                     /* to show a token */
    IDLE_LEAST_MS = 2 * HUB_AMQP_TICK_LEAST_MS, /* we are heard twice as often as we have to be */
    PEER_FRAME_LEAST = 512,                     /* AMQP 1.0 part 2, 2.7.1 */
};

/* @return what is wrong with the OPEN, or NULL */
static const char *objection(const struct hub_amqp_connection *c)
{
    pn_millis_t idle = pn_transport_get_remote_idle_timeout(c->driver.transport);

    if (idle > 0 && idle < IDLE_LEAST_MS) /* we would wake up all the time */
        return "the idle-time-out is under half a second";
    if (c->frames.peer_max < PEER_FRAME_LEAST)
        return "the max-frame-size is under 512";
    return NULL;
}

static bool refused(struct hub_amqp_connection *c)
{
    pn_condition_t *why = pn_connection_condition(c->driver.connection);
    const char *text = objection(c);

    if (!text)
        return false;
    pn_condition_set_name(why, "amqp:invalid-field");
    pn_condition_set_description(why, text);
    pn_connection_close(c->driver.connection);
    hub_amqp_flush(c);
    c->closing = true; /* what is said is still sent */
    hub_amqp_drop(c, HUB_AMQP_BROKEN, pn_condition_get_description(why));
    return true;
}

static void opened(struct hub_amqp_connection *c)
{
    const char *host = pn_connection_remote_hostname(c->driver.connection);
    int64_t now = edge_now_ms();

    c->opened = true;
    c->hostname = edge_strdup(host);
    c->deadline_ms = now + WELCOME_MS;
    pn_connection_open(c->driver.connection);
    if (!refused(c))
        edge_timer_arm(c->tick, 0);
}

static void client_closes(struct hub_amqp_connection *c)
{
    c->closing = true;
    hub_amqp_note_end(c, HUB_AMQP_LEFT, NULL);
    hub_amqp_people_end(c);
    hub_amqp_links_end(c, NULL);
    pn_connection_close(c->driver.connection);
}

static void transport_failed(struct hub_amqp_connection *c, pn_condition_t *what)
{
    const char *name = pn_condition_get_name(what);
    /* The engine has this name for a peer that sends nothing, and for nothing else. */
    bool silent = name && strcmp(name, "amqp:resource-limit-exceeded") == 0;

    hub_amqp_note_end(c, silent ? HUB_AMQP_SILENT : HUB_AMQP_BROKEN,
                      silent ? NULL : pn_condition_get_description(what));
}

static void handle(struct hub_amqp_connection *c, pn_event_t *event)
{
    switch (pn_event_type(event)) {
    case PN_CONNECTION_REMOTE_OPEN:
        opened(c);
        break;
    case PN_CONNECTION_REMOTE_CLOSE:
        client_closes(c);
        break;
    case PN_SESSION_REMOTE_OPEN:
        pn_session_open(pn_event_session(event));
        break;
    case PN_SESSION_REMOTE_CLOSE:
        hub_amqp_session_closed(c, pn_event_session(event));
        break;
    case PN_LINK_REMOTE_OPEN:
        hub_amqp_link_opened(c, pn_event_link(event));
        break;
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH:
        hub_amqp_link_closed(pn_event_link(event), pn_event_type(event) == PN_LINK_REMOTE_CLOSE);
        break;
    case PN_LINK_FLOW:
        hub_amqp_link_flow(pn_event_link(event));
        break;
    case PN_DELIVERY:
        hub_amqp_link_delivery(pn_event_link(event), pn_event_delivery(event));
        break;
    case PN_TRANSPORT_ERROR:
        transport_failed(c, pn_transport_condition(c->driver.transport));
        break;
    default:
        break;
    }
}

bool hub_amqp_dispatch(struct hub_amqp_connection *c)
{
    pn_event_t *event;
    bool any = false;

    while (!c->ended && (event = pn_connection_driver_next_event(&c->driver))) {
        handle(c, event);
        any = true;
    }
    return any;
}
