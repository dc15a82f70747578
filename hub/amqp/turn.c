#include "hub/amqp/turn.h"

#include "hub/amqp/engine.h"
#include "hub/amqp/links.h"
#include "hub/amqp/wire.h"

void hub_amqp_flush_soon(struct hub_amqp_connection *c)
{
    struct hub_amqp *server = c->server;

    if (c->ended || c->busy > 0 || c->kicked)
        return;
    if (!server->kicked)
        edge_timer_arm(server->turn, 0);
    c->kicked = true;
    c->next_kicked = server->kicked;
    server->kicked = hub_amqp_ref(c);
}

/* Senders that were refused credit because too much was under way. @return may they have sent? */
static bool resume(struct hub_amqp_connection *c)
{
    if (!c->choked || hub_amqp_full(c))
        return false;
    c->choked = false;
    hub_amqp_links_resume(c);
    return true;
}

/* The end of every turn: what the engine has to say, and the end of the connection. */
static void settle_down(struct hub_amqp_connection *c)
{
    if (c->busy > 1) {
        c->busy--;
        return;
    }
    if (!c->ended) {
        bool more;

        hub_amqp_flush(c);
        more = resume(c);
        if (hub_amqp_dispatch(c) || more) /* what the flush made room for */
            hub_amqp_flush(c);
    }
    c->busy--;
    hub_amqp_links_reap(c);
    if (!c->ended && pn_connection_driver_write_closed(&c->driver)) {
        c->closing = true; /* what is said is still sent */
        hub_amqp_drop(c, HUB_AMQP_LEFT, NULL);
    }
}

void hub_amqp_turn_end(struct hub_amqp_connection *c)
{
    settle_down(c);
    hub_amqp_unref(c);
}

void hub_amqp_turn(void *arg)
{
    struct hub_amqp *server = arg;
    struct hub_amqp_connection *c, *next = server->kicked;

    server->kicked = NULL; /* who is kicked from now on waits for the turn after this one */
    while ((c = next) != NULL) {
        next = c->next_kicked;
        c->kicked = false;
        hub_amqp_turn_begin(c);
        (void) hub_amqp_dispatch(c);
        hub_amqp_turn_end(c);
        hub_amqp_unref(c);
    }
}
