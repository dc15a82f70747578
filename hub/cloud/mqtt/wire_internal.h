/* hub/cloud/mqtt/wire_internal.h - one connection, as its two halves see it: wire.c has its life,
 * time and output, wire_packets.c what is said and heard. For these two files only; loop thread. */
#ifndef HUB_CLOUD_MQTT_WIRE_INTERNAL_H
#define HUB_CLOUD_MQTT_WIRE_INTERNAL_H

#include "hub/cloud/mqtt/wire.h"

enum {
    PACKET_MAX = 256 * 1024 + MQTT_STRING_MAX + 16, /* a message with its topic */
    CONNACK_MAX = 16,                               /* before we know who is there */
    CHUNK_MAX = 1024 * 1024,                        /* more than a stream gives at once */
    GATHER_MAX = 16 * 1024,                         /* bytes written together: one TLS record */
    SUBSCRIPTIONS_MAX = 16,                         /* under way */
    PENDING_MAX = HUB_WIRE_WINDOW + SUBSCRIPTIONS_MAX,
};

enum wire_state { CONNECTING, SERVING, ENDED, WIRE_STATES };

/* An answer that will come. */
struct wire_pending {
    enum mqtt_type type; /* PUBACK, SUBACK, UNSUBACK */
    uint16_t id;
    unsigned feature; /* SUBACK */
    void *tag;        /* PUBACK */
    int64_t due_ms;
};

struct hub_wire {
    const struct hub_wire_ops *ops;
    void *arg;
    struct edge_stream *stream;
    struct edge_timer *timer;
    struct edge_buf in;  /* part of a packet */
    struct edge_buf out; /* what this turn has to say */
    enum wire_state state;
    unsigned answer_ms;
    int64_t keep_ms;
    int64_t heard_ms, said_ms;
    int64_t answer_due_ms;                    /* of CONNACK, then of PINGRESP; 0: none waited for */
    struct wire_pending pending[PENDING_MAX]; /* oldest first */
    unsigned npending, messages;              /* all; the PUBACKs among them */
    uint16_t last_id;
    unsigned busy;   /* depth of callbacks: memory stays until they have returned */
    bool closed;     /* by its user */
    bool kick;       /* write at the next turn */
    bool wants_room; /* `room` is owed */
};

/* wire.c */

void wire_rearm(struct hub_wire *w);
/** When an answer to what is asked now is overdue. */
int64_t wire_due_ms(const struct hub_wire *w);
/** Something was put into `out`. */
void wire_has_written(struct hub_wire *w);
/** The last word to the user, who closes. */
void wire_end(struct hub_wire *w, enum hub_wire_end why, const char *text);

/* wire_packets.c */

/** @return bytes taken from the front */
size_t wire_take_packets(struct hub_wire *w, struct edge_bytes data);
void wire_say_room(struct hub_wire *w);

#endif
