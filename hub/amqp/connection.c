#include "hub/amqp/connection.h"

#include <errno.h>
#include <proton/condition.h>
#include <proton/connection.h>
#include <proton/event.h>
#include <proton/session.h>
#include <proton/transport.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/amqp/grants.h"
#include "hub/amqp/links.h"
#include "hub/amqp/person.h"
#include "hub/amqp/sasl.h"

enum {
    QUEUED_HIGH = 256 * 1024,         /* bytes in the stream before the engine keeps the rest */
    OUTGOING_HIGH = 1024 * 1024,      /* bytes in the engine before nodes keep the rest */
    UNSETTLED_HIGH = 8 * 1024 * 1024, /* bytes nodes hold before reading stops */
    BACKLOG_MAX = 128 * 1024,
    WELCOME_MS = 60 * 1000, /* to show a token */
    TICK_LEAST_MS = 250,
    IDLE_LEAST_MS = 2 * TICK_LEAST_MS, /* we are heard twice as often as we have to be */
    PEER_FRAME_LEAST = 512,            /* AMQP 1.0 part 2, 2.7.1 */
    EXPIRY_MOST_MS = 60 * 60 * 1000,   /* the wall clock may have jumped */
    FEW = 8,
};

static void feed(struct hub_amqp_connection *c, struct edge_bytes data);

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

static void note_end(struct hub_amqp_connection *c, enum hub_amqp_end end, const char *why)
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
    note_end(c, end, why);
    c->ended = true;
    c->stream = c->closing ? edge_stream_finish(c->stream) : edge_stream_close(c->stream);
    hub_amqp_people_end(c); /* first: what is unsettled is their sessions' to bring again */
    hub_amqp_links_end(c, NULL);
    hub_amqp_grants_end(c);
    c->tick = edge_timer_destroy(c->tick);
    c->expiry = edge_timer_destroy(c->expiry);
    c->ration = edge_timer_destroy(c->ration);
    leave_server(c);
    hub_amqp_unref(c);
}

/* Bytes into the engine. @return false when it takes no more */
static bool push(struct hub_amqp_connection *c, struct edge_bytes bytes)
{
    while (bytes.len > 0) {
        pn_rwbytes_t room = pn_connection_driver_read_buffer_sized(&c->driver, bytes.len);
        size_t n = room.size < bytes.len ? room.size : bytes.len;

        if (n == 0)
            return false;
        memcpy(room.start, bytes.data, n);
        pn_connection_driver_read_done(&c->driver, n);
        bytes.data += n;
        bytes.len -= n;
    }
    return true;
}

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

/* Sessions with messages in the engine. */

void hub_amqp_sent(struct hub_amqp_connection *c, pn_session_t *session, size_t len)
{
    size_t room = c->sending_room ? 2 * c->sending_room : FEW;
    pn_session_t **grown;

    c->engine_bytes += len;
    if (pn_session_get_context(session))
        return; /* it is known already */
    if (c->nsending == c->sending_room) {
        grown = realloc(c->sending, room * sizeof(pn_session_t *));
        if (!grown)
            return; /* counted until the next flush alone */
        c->sending = grown;
        c->sending_room = room;
    }
    c->sending[c->nsending++] = session;
    pn_session_set_context(session, c);
}

static void count_sending(struct hub_amqp_connection *c)
{
    size_t kept = 0;

    c->engine_bytes = 0;
    for (size_t i = 0; i < c->nsending; i++) {
        size_t bytes = pn_session_outgoing_bytes(c->sending[i]);

        c->engine_bytes += bytes;
        if (bytes > 0)
            c->sending[kept++] = c->sending[i];
        else
            pn_session_set_context(c->sending[i], NULL);
    }
    c->nsending = kept;
}

static void forget_sending(struct hub_amqp_connection *c, pn_session_t *session)
{
    for (size_t i = 0; i < c->nsending; i++) {
        if (c->sending[i] == session) {
            c->sending[i] = c->sending[--c->nsending];
            return;
        }
    }
}

static void session_closed(struct hub_amqp_connection *c, pn_session_t *session)
{
    hub_amqp_links_end(c, session);
    forget_sending(c, session);
    pn_session_close(session);
    pn_session_free(session);
}

static void client_closes(struct hub_amqp_connection *c)
{
    c->closing = true;
    note_end(c, HUB_AMQP_LEFT, NULL);
    hub_amqp_people_end(c);
    hub_amqp_links_end(c, NULL);
    pn_connection_close(c->driver.connection);
}

static void transport_failed(struct hub_amqp_connection *c, pn_condition_t *what)
{
    const char *name = pn_condition_get_name(what);
    /* The engine has this name for a peer that sends nothing, and for nothing else. */
    bool silent = name && strcmp(name, "amqp:resource-limit-exceeded") == 0;

    note_end(c, silent ? HUB_AMQP_SILENT : HUB_AMQP_BROKEN,
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
        session_closed(c, pn_event_session(event));
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

/* @return was there anything? */
static bool dispatch(struct hub_amqp_connection *c)
{
    pn_event_t *event;
    bool any = false;

    while (!c->ended && (event = pn_connection_driver_next_event(&c->driver))) {
        handle(c, event);
        any = true;
    }
    return any;
}

bool hub_amqp_full(const struct hub_amqp_connection *c)
{
    /* The last answers may come while the connection is being ended: nobody reads them. */
    return c->ended || edge_stream_queued(c->stream) + c->engine_bytes >= OUTGOING_HIGH;
}

/* A client that does not read, and one whose messages nobody settles, is not read from. */
static void regulate(struct hub_amqp_connection *c)
{
    edge_stream_pause(c->stream, c->login || c->unsettled_bytes > UNSETTLED_HIGH ||
                                     edge_stream_queued(c->stream) >= QUEUED_HIGH);
}

void hub_amqp_flush(struct hub_amqp_connection *c)
{
    if (c->ended)
        return;
    c->settled_unsent = false;
    while (edge_stream_queued(c->stream) < QUEUED_HIGH) {
        pn_bytes_t out = pn_connection_driver_write_buffer(&c->driver);

        if (out.size == 0)
            break;
        edge_stream_write(c->stream, out.start, out.size);
        pn_connection_driver_write_done(&c->driver, out.size);
    }
    count_sending(c);
    regulate(c);
}

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
        if (dispatch(c) || more) /* what the flush made room for */
            hub_amqp_flush(c);
    }
    c->busy--;
    hub_amqp_links_reap(c);
    if (!c->ended && pn_connection_driver_write_closed(&c->driver)) {
        c->closing = true; /* what is said is still sent */
        hub_amqp_drop(c, HUB_AMQP_LEFT, NULL);
    }
}

void hub_amqp_turn(void *arg)
{
    struct hub_amqp *server = arg;
    struct hub_amqp_connection *c, *next = server->kicked;

    server->kicked = NULL; /* who is kicked from now on waits for the turn after this one */
    while ((c = next) != NULL) {
        next = c->next_kicked;
        c->kicked = false;
        c->busy++;
        (void) dispatch(c);
        settle_down(c);
        hub_amqp_unref(c);
    }
}

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
        edge_timer_arm(c->tick,
                       next - now < TICK_LEAST_MS ? TICK_LEAST_MS : (uint64_t) (next - now));
}

static void on_tick(void *arg)
{
    struct hub_amqp_connection *c = hub_amqp_ref(arg);

    c->busy++;
    tick(c);
    (void) dispatch(c);
    settle_down(c);
    hub_amqp_unref(c);
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
    struct hub_amqp_connection *c = hub_amqp_ref(arg);
    int64_t now_s = edge_wall_ns() / 1000000000;

    c->busy++;
    hub_amqp_grants_expire(c, now_s);
    if (!c->ended)
        hub_amqp_people_expire(c, now_s);
    hub_amqp_expiry_arm(c);
    settle_down(c);
    hub_amqp_unref(c);
}

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
        if (!push(c, frame.bytes))
            rc = EDGE_EPROTOCOL;
        (void) dispatch(c);
    }
    return rc < 0 ? rc : 0;
}

static void feed(struct hub_amqp_connection *c, struct edge_bytes data)
{
    int rc;

    hub_amqp_ref(c);
    c->busy++;
    rc = feed_frames(c, &data);
    if (rc == 0 && c->login)
        rc = edge_buf_append(&c->backlog, data.data, data.len);
    if (rc < 0 && !c->ended) {
        hub_amqp_flush(c); /* perhaps the engine has said why */
        c->closing = true;
        hub_amqp_drop(c, HUB_AMQP_BROKEN, edge_strerror(rc));
    }
    settle_down(c);
    hub_amqp_unref(c);
}

void hub_amqp_login_done(struct hub_amqp_connection *c, bool welcome)
{
    if (c->ended)
        return;
    c->login = false;
    if (!welcome)
        note_end(c, HUB_AMQP_REFUSED, NULL);
    hub_amqp_sasl_answer(c, welcome);
    hub_amqp_flush_soon(c);
    if (c->busy == 0) {
        struct edge_buf waiting = c->backlog;

        edge_buf_init(&c->backlog, BACKLOG_MAX);
        feed(c, (struct edge_bytes){(const uint8_t *) waiting.data, waiting.len});
        edge_buf_fini(&waiting);
    }
}

static void on_data(struct edge_bytes data, void *arg)
{
    struct hub_amqp_connection *c = arg;

    if (!c->login)
        feed(c, data);
    else if (edge_buf_append(&c->backlog, data.data, data.len) < 0)
        hub_amqp_drop(c, HUB_AMQP_BROKEN, "it sends much before its login is answered");
}

static void on_drain(void *arg)
{
    struct hub_amqp_connection *c = hub_amqp_ref(arg);

    c->busy++;
    settle_down(c);
    hub_amqp_unref(c);
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
    c->tick = edge_timer_create(c->server->loop, on_tick, c);
    c->expiry = edge_timer_create(c->server->loop, on_expiry, c);
    c->address = edge_strdup(edge_stream_address(c->stream));
    return c->tick && c->expiry && c->address;
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
    edge_buf_init(&c->backlog, BACKLOG_MAX);
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
