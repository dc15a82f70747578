/* hub/cloud/mqtt/wire.h - one MQTT 3.1.1 connection from the client's side, over a connected
 * stream: packets, acknowledgements and their time, keep-alive. It knows nothing of IoT Hub. Loop
 * thread.
 *
 *     CONNECTING --CONNACK 0--> SERVING --loss, error, time, another CONNACK--> ENDED
 *
 * What comes with QoS 1 is acknowledged by its user, when and if it likes. No callback is made from
 * within a call of this header. `end` is the last one, and the user answers it with close; close at
 * any other time, also from within a callback, ends the connection without `end`. */
#ifndef HUB_CLOUD_MQTT_WIRE_H
#define HUB_CLOUD_MQTT_WIRE_H

#include "common/net/stream.h"
#include "hub/mqtt/codec.h"

struct hub_wire;

enum hub_wire_end {
    HUB_WIRE_LOST,    /* it ended, broke the protocol, was silent, or cannot serve us now */
    HUB_WIRE_REFUSED, /* the credentials: CONNACK 4 or 5 */
};

struct hub_wire_ops {
    void (*up)(bool session_present, void *arg);
    /** PUBACK of a message sent with this tag. */
    void (*acked)(void *tag, void *arg);
    /** SUBACK of the filter with this tag; 0: UNSUBACK. */
    void (*granted)(unsigned tag, void *arg);
    /** After hub_wire_room has said no: it may say yes. */
    void (*room)(void *arg);
    /** Borrowed for the call. */
    void (*publish)(const struct mqtt_publish *publish, void *arg);
    void (*end)(enum hub_wire_end why, const char *text, void *arg);
};

enum {
    HUB_WIRE_WINDOW = 32,         /* messages without a PUBACK */
    HUB_WIRE_QUEUED = 256 * 1024, /* bytes waiting to be sent before nothing more is taken */
};

struct hub_wire_options {
    struct edge_loop *loop;
    const struct mqtt_connect *connect; /* borrowed for the call */
    unsigned answer_ms;                 /* for CONNACK, PUBACK, SUBACK, PINGRESP */
    const struct hub_wire_ops *ops;     /* outlives it */
    void *arg;
};

/** @p stream becomes ours, also on failure. CONNECT is sent. @return 0, EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int hub_wire_open(const struct hub_wire_options *options,
                                  struct edge_stream *stream, struct hub_wire **ret);
/** May another message be sent? */
bool hub_wire_room(struct hub_wire *wire);
/** Its id is found here; with QoS 1 there must be room. @return 0, EDGE_ELIMIT, -ENOMEM (nothing is
 * sent) */
EDGE_MUST_CHECK int hub_wire_send(struct hub_wire *wire, const struct mqtt_publish *publish,
                                  void *tag);
/** @return as send, and EDGE_ELIMIT when too many are under way */
EDGE_MUST_CHECK int hub_wire_subscribe(struct hub_wire *wire, const char *filter, uint8_t qos,
                                       unsigned tag);
EDGE_MUST_CHECK int hub_wire_unsubscribe(struct hub_wire *wire, const char *filter);
/** PUBACK for what came with this id. */
void hub_wire_ack(struct hub_wire *wire, uint16_t id);
/** Is anybody there? If not, the connection ends in answer_ms. */
void hub_wire_ping(struct hub_wire *wire);
/** @param goodbye  DISCONNECT, after what is queued; else drop it. Accepts NULL; returns NULL. */
struct hub_wire *hub_wire_close(struct hub_wire *wire, bool goodbye);

#endif
