#include "hub/amqp/connection.h"

#include <proton/connection.h>
#include <proton/transport.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "hub/amqp/grants.h"
#include "hub/amqp/links.h"
#include "hub/amqp/person.h"
#include "hub/amqp/sasl.h"
#include "hub/amqp/timers.h"
#include "hub/amqp/turn.h"
#include "hub/amqp/wire.h"

struct hub_amqp_connection *hub_amqp_ref(struct hub_amqp_connection *c)
{
    c->refs++;
    return c;
}

void hub_amqp_unref(struct hub_amqp_connection *c)
{
    if (--c->refs > 0)
        return;
    hub_amqp_links_reap(c);
    hub_amqp_people_free(c);
    pn_connection_driver_destroy(&c->driver);
    hub_amqp_frames_fini(&c->frames);
    edge_buf_fini(&c->backlog);
    edge_map_fini(&c->names);
    free(c->sending);
    free(c->address);
    free(c->hostname);
    free(c->client);
    free(c);
}

static void leave_server(struct hub_amqp_connection *c)
{
    if (c->prev)
        c->prev->next = c->next;
    else
        c->server->connections = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->server->clients--;
    c->server = NULL;
}

void hub_amqp_note_end(struct hub_amqp_connection *c, enum hub_amqp_end end, const char *why)
{
    if (c->end != HUB_AMQP_STAYS)
        return;
    c->end = end;
    (void) snprintf(c->why, sizeof c->why, "%s", why ? why : "");
    hub_amqp_say_ended(c);
}

void hub_amqp_drop(struct hub_amqp_connection *c, enum hub_amqp_end end, const char *why)
{
    if (c->ended)
        return;
    hub_amqp_note_end(c, end, why);
    c->ended = true;
    c->stream = c->closing ? edge_stream_finish(c->stream) : edge_stream_close(c->stream);
    hub_amqp_people_end(c); /* first: what is unsettled is their sessions' to bring again */
    hub_amqp_links_end(c, NULL);
    hub_amqp_grants_end(c);
    hub_amqp_timers_destroy(c);
    leave_server(c);
    hub_amqp_unref(c);
}

static void on_data(struct edge_bytes data, void *arg)
{
    hub_amqp_data(arg, data);
}

static void on_drain(void *arg)
{
    hub_amqp_turn_begin(arg);
    hub_amqp_turn_end(arg);
}

static void on_end(int rc, void *arg)
{
    (void) rc;
    hub_amqp_drop(arg, HUB_AMQP_LOST, NULL);
}

static const struct edge_stream_handler handler = {on_data, on_drain, on_end};

static bool prepare(struct hub_amqp_connection *c)
{
    const struct hub_amqp_options *o = &c->server->options;
    pn_transport_t *transport = pn_transport();
    pn_connection_t *connection = pn_connection();

    /* Both become the driver's, whatever it says. */
    if (pn_connection_driver_init(&c->driver, connection, transport) != 0)
        return false;
    transport = c->driver.transport;
    pn_transport_set_server(transport);
    pn_transport_set_max_frame(transport, HUB_AMQP_FRAME_MAX);
    pn_transport_set_channel_max(transport, (uint16_t) (o->max_sessions - 1));
    pn_transport_set_idle_timeout(transport, o->idle_ms * 2); /* half of it is announced */
    pn_connection_set_container(c->driver.connection, c->server->host);
    hub_amqp_sasl_offer(c);
    pn_connection_driver_bind(&c->driver);
    c->address = edge_strdup(edge_stream_address(c->stream));
    return hub_amqp_timers_create(c) && c->address;
}

struct hub_amqp_connection *hub_amqp_connection_create(struct hub_amqp *server,
                                                       struct edge_stream *stream, bool ws)
{
    struct hub_amqp_connection *c = calloc(1, sizeof *c);

    if (!c) {
        edge_stream_close(stream);
        return NULL;
    }
    *c = (struct hub_amqp_connection){.server = server, .stream = stream, .ws = ws, .refs = 1};
    c->next = server->connections;
    if (c->next)
        c->next->prev = c;
    server->connections = c;
    server->clients++;
    edge_buf_init(&c->backlog, HUB_AMQP_BACKLOG_MAX);
    hub_amqp_frames_init(&c->frames, server->options.max_links, server->options.max_sessions);
    if (!prepare(c)) {
        hub_amqp_drop(c, HUB_AMQP_STARVED, NULL);
        return NULL;
    }
    c->deadline_ms = edge_now_ms() + server->options.connect_ms;
    edge_timer_arm(c->tick, server->options.connect_ms);
    edge_stream_attach(stream, &handler, c);
    return c;
}
