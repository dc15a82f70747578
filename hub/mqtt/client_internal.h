/* hub/mqtt/client_internal.h - one connection, as its parts see it: client.c has its life and
 * output, client_time.c its time, client_packets.c what a client says; clients.c has all of them.
 * For these files only; loop thread. */
#ifndef HUB_MQTT_CLIENT_INTERNAL_H
#define HUB_MQTT_CLIENT_INTERNAL_H

#include "hub/mqtt/client.h"
#include "hub/mqtt/window.h"

enum state { AWAITING, CHECKING, SERVING, ENDED, STATES };

enum {
    CONNECT_MAX = 16 * 1024, /* bytes of a CONNECT: nobody is known yet */
    CHUNK_MAX = 1024 * 1024, /* more than a stream gives at once */
    GATHER_MAX = 16 * 1024,  /* bytes written together: one TLS record */
};

/* A CONNECT outlives the bytes it came in. */
struct connect {
    struct mqtt_connect fields;
    size_t len;
    uint8_t bytes[];
};

struct hub_mqtt_client {
    struct hub_mqtt_clients *clients; /* NULL: the server has let go of it */
    struct hub_mqtt_client *next, **link;
    struct hub_mqtt_client *kick_next, **kick_link; /* NULL: nothing to write or read on with */
    struct edge_stream *stream;
    struct edge_timer *timer;
    const struct hub_mqtt_client_ops *ops; /* NULL: not taken yet */
    void *arg;
    struct connect *connect;
    struct edge_buf in;  /* read, and not yet a whole packet or not yet wanted */
    struct edge_buf out; /* what this turn has to say */
    struct mqtt_requests requests;
    struct mqtt_sent sent;
    int64_t last_ms;  /* of anything from the client */
    int64_t idle_ms;  /* silence allowed */
    int64_t expire_s; /* wall clock */
    size_t backlog;   /* queued when that was last looked at: less now is a sign of life */
    enum state state;
    unsigned busy;   /* depth of callbacks: memory stays until they have returned */
    bool stranger;   /* no CONNECT has come; counted */
    bool ws;         /* over a WebSocket */
    bool closed;     /* by its user */
    bool wants_room; /* `room` is owed: it was asked for in vain */
    bool eof;        /* the client sends nothing more; what it has sent is not read to the end */
};

/* client.c */

void client_write(struct hub_mqtt_client *c, const uint8_t *bytes, size_t len);
void client_connack(struct hub_mqtt_client *c, enum mqtt_connack_code code, bool present);
/** The last word to the user, who closes; with no user yet we do it. */
void client_end(struct hub_mqtt_client *c, enum hub_mqtt_end why, const struct edge_err *err);
void client_broken(struct hub_mqtt_client *c, const char *what);
/** At the end of every callback, after `busy` was raised at its begin: frees who was closed. */
void client_leave(struct hub_mqtt_client *c);
/** Read on with what has been kept back; then from the stream, if that may be. */
void client_pump(struct hub_mqtt_client *c);
extern const struct edge_stream_handler client_handler; /* arg: the client */
bool client_slow(const struct hub_mqtt_client *c);
/** Nothing more is read from it now. */
bool client_blocked(const struct hub_mqtt_client *c);
void client_say_room(struct hub_mqtt_client *c);

/* client_time.c */

/** For the earliest of all ends. */
void client_rearm(struct hub_mqtt_client *c);
/** Of client.timer. */
void client_on_timer(void *client);

/* clients.c */

/** It has something to write or to read on with: at the next turn of the loop. */
void client_go_on(struct hub_mqtt_client *c);
/** A CONNECT has come, or it ends. */
void client_no_stranger(struct hub_mqtt_client *c);
/** The server lets go of it. */
void client_unlink(struct hub_mqtt_client *c);

/* client_packets.c */

/** Take packets from the front of @p data. @return bytes taken */
size_t client_take_packets(struct hub_mqtt_client *c, struct edge_bytes data);

#endif
