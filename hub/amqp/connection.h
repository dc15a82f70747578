/* hub/amqp/connection.h - one client: its stream, the engine, its links. Loop thread.
 *
 *   stream -> frames -> engine -> events -> links -> nodes;  engine -> stream, once a turn
 *
 * Who keeps a connection across turns of the loop holds a reference; an ended one takes calls and
 * does nothing. */
#ifndef HUB_AMQP_CONNECTION_H
#define HUB_AMQP_CONNECTION_H

#include <proton/connection_driver.h>

#include "common/base/map.h"
#include "common/loop/loop.h"
#include "hub/amqp/frames.h"
#include "hub/amqp/said.h"
#include "hub/amqp/server.h"

struct hub_amqp_grant;
struct hub_amqp_person;

struct hub_amqp {
    struct edge_loop *loop;
    struct hub_amqp_options options; /* with the defaults filled in */
    char *host;
    struct hub_amqp_connection *connections;
    unsigned clients;
    struct edge_timer *turn;            /* the next turn of the loop is for who is kicked */
    struct hub_amqp_connection *kicked; /* they have something to write; referred to */
    struct edge_buf encoded;            /* the message that is being sent */
};

struct hub_amqp_connection {
    struct hub_amqp *server; /* NULL once ended */
    struct hub_amqp_connection *prev, *next;
    struct hub_amqp_connection *next_kicked;
    struct edge_stream *stream;
    bool ws;
    char *address;
    char *hostname; /* of the OPEN; NULL: none */
    char *client;   /* client-version of the last link that named one, or NULL */

    pn_connection_driver_t driver;
    struct hub_amqp_frames frames;
    struct edge_buf backlog; /* what came while a login is looked at */
    uint32_t format;         /* message-format of the frame under way */
    bool login;              /* a SASL PLAIN is being looked at */
    bool opened, welcome;    /* OPEN has come; somebody has been let in */
    bool ended, closing;
    bool kicked;           /* its turn comes */
    bool settled_unsent;   /* a settlement is in the engine: it goes before the next message */
    bool choked;           /* a sender was refused credit until the stream drains */
    enum hub_amqp_end end; /* the first reason for it counts */
    char why[128];         /* more of it, or "" */
    unsigned refs, busy;
    unsigned proofs; /* that are being looked at */

    struct edge_timer *tick;   /* heartbeats, and the deadlines of a silent client */
    struct edge_timer *expiry; /* of grants and people */
    struct edge_timer *ration; /* of links without credit (ration.h); NULL until there are any */
    unsigned ration_ms;        /* the last such pause */
    int64_t deadline_ms;

    struct hub_amqp_link *links, *last, *dead;
    struct hub_amqp_link *cbs; /* by which answers of $cbs go */
    uint64_t next_delivery, round;
    size_t partial_bytes;   /* of deliveries still coming */
    size_t unsettled_bytes; /* of deliveries handed to nodes */
    size_t engine_bytes;    /* of messages the engine has not given out; counted at each flush */
    pn_session_t **sending; /* sessions that may have some */
    size_t nsending, sending_room;

    struct hub_amqp_grant *grants;
    uint64_t used_grant; /* what hub_amqp_granted said yes by, last */
    uint64_t next_grant;
    struct hub_amqp_person *people;
    struct edge_map names; /* of people */
};

/** @return NULL without memory (@p stream is closed) */
struct hub_amqp_connection *hub_amqp_connection_create(struct hub_amqp *server,
                                                       struct edge_stream *stream, bool ws);
/** End it now, without CLOSE.
 * @param why  more of it for the log, or NULL */
void hub_amqp_drop(struct hub_amqp_connection *c, enum hub_amqp_end end, const char *why);
/** The reason for the log: the first one counts, and is said.
 * @param why  more of it, or NULL */
void hub_amqp_note_end(struct hub_amqp_connection *c, enum hub_amqp_end end, const char *why);
struct hub_amqp_connection *hub_amqp_ref(struct hub_amqp_connection *c);
void hub_amqp_unref(struct hub_amqp_connection *c);

#endif
