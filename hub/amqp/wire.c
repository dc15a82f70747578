#include "hub/amqp/wire.h"

#include "hub/amqp/driver.h"
#include "hub/amqp/engine.h"
#include "hub/amqp/sasl.h"
#include "hub/amqp/sessions.h"
#include "hub/amqp/turn.h"

enum {
    OUTGOING_HIGH = 1024 * 1024,      /* bytes in the engine before nodes keep the rest */
    UNSETTLED_HIGH = 8 * 1024 * 1024, /* bytes nodes hold before reading stops */
};

/* From the client. */

/* Frame by frame, so that events are handled in the state the frame has left. */
static int feed_frames(struct hub_amqp_connection *c, struct edge_bytes *data)
{
    struct hub_amqp_frame frame;
    int rc = 0;

    while (data->len > 0 && !c->ended && !c->login && rc == 0) {
        rc = hub_amqp_frames_next(&c->frames, data, &frame);
        if (rc != 0)
            break;
        if (frame.transfer)
            c->format = frame.format;
        if (!hub_amqp_driver_feed(&c->driver, frame.bytes))
            rc = EDGE_EPROTOCOL;
        (void) hub_amqp_dispatch(c);
    }
    return rc < 0 ? rc : 0;
}

static void feed(struct hub_amqp_connection *c, struct edge_bytes data)
{
    int rc;

    hub_amqp_turn_begin(c);
    rc = feed_frames(c, &data);
    if (rc == 0 && c->login)
        rc = edge_buf_append(&c->backlog, data.data, data.len);
    if (rc < 0 && !c->ended) {
        hub_amqp_flush(c); /* perhaps the engine has said why */
        c->closing = true;
        hub_amqp_drop(c, HUB_AMQP_BROKEN, edge_strerror(rc));
    }
    hub_amqp_turn_end(c);
}

void hub_amqp_login_done(struct hub_amqp_connection *c, bool welcome)
{
    if (c->ended)
        return;
    c->login = false;
    if (!welcome)
        hub_amqp_note_end(c, HUB_AMQP_REFUSED, NULL);
    hub_amqp_sasl_answer(c, welcome);
    hub_amqp_flush_soon(c);
    if (c->busy == 0) {
        struct edge_buf waiting = c->backlog;

        edge_buf_init(&c->backlog, HUB_AMQP_BACKLOG_MAX);
        feed(c, (struct edge_bytes){(const uint8_t *) waiting.data, waiting.len});
        edge_buf_fini(&waiting);
    }
}

void hub_amqp_data(struct hub_amqp_connection *c, struct edge_bytes data)
{
    if (!c->login)
        feed(c, data);
    else if (edge_buf_append(&c->backlog, data.data, data.len) < 0)
        hub_amqp_drop(c, HUB_AMQP_BROKEN, "it sends much before its login is answered");
}

/* To the client. */

/* A client that does not read, and one whose messages nobody settles, is not read from. */
static void regulate(struct hub_amqp_connection *c)
{
    edge_stream_pause(c->stream, c->login || c->unsettled_bytes > UNSETTLED_HIGH ||
                                     edge_stream_queued(c->stream) >= HUB_AMQP_QUEUED_HIGH);
}

void hub_amqp_flush(struct hub_amqp_connection *c)
{
    if (c->ended)
        return;
    c->settled_unsent = false;
    hub_amqp_driver_flush(&c->driver, c->stream);
    hub_amqp_sessions_count(c);
    regulate(c);
}

bool hub_amqp_full(const struct hub_amqp_connection *c)
{
    /* The last answers may come while the connection is being ended: nobody reads them. */
    return c->ended || edge_stream_queued(c->stream) + c->engine_bytes >= OUTGOING_HIGH;
}
