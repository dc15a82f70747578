/* hub/mqtt/client.h - one MQTT connection on the server's side, whatever stands behind it: packets
 * in their order, acknowledgements, windows, limits, time. It knows nothing of IoT Hub. Loop
 * thread.
 *
 *                 CONNECT              accepted                 DISCONNECT, error, time
 *     AWAITING ------------> CHECKING ----------> SERVING ---------------------------> ENDED
 *         |                     |  refused: CONNACK, then                                ^
 *         +---------------------+-------------------------------------------------------+
 *
 * The user of a connection is an ops table and its arg. No callback is made from within a call of
 * this header. on_end is the last callback, and the user answers it, then or later, with close;
 * close at any other time ends the connection without on_end. */
#ifndef HUB_MQTT_CLIENT_H
#define HUB_MQTT_CLIENT_H

#include "common/net/stream.h"
#include "hub/mqtt/codec.h"

struct hub_mqtt_client;

enum hub_mqtt_end {
    HUB_MQTT_LEFT,    /* DISCONNECT: the will is not wanted */
    HUB_MQTT_LOST,    /* the stream ended or broke without one */
    HUB_MQTT_BROKEN,  /* it broke the protocol or a limit */
    HUB_MQTT_SILENT,  /* keep-alive, or no CONNECT */
    HUB_MQTT_EXPIRED, /* hub_mqtt_client_expire's time has come */
    HUB_MQTT_CLOSING, /* the server ends */
};

/** An answer that is owed to a client; answers leave in the order of the requests. */
typedef uint32_t hub_mqtt_ticket;

struct hub_mqtt_client_ops {
    /** A message, QoS 0 or 1. Answer with hub_mqtt_client_done, perhaps at once. */
    void (*publish)(const struct mqtt_publish *publish, hub_mqtt_ticket ticket, void *arg);
    /** SUBSCRIBE or UNSUBSCRIBE (its type says); the filters are for mqtt_next_filter. */
    void (*subscribe)(const struct mqtt_packet *packet, hub_mqtt_ticket ticket, void *arg);
    /** What was sent with this tag has been acknowledged. */
    void (*acked)(uint64_t tag, void *arg);
    /** There is room again, after hub_mqtt_client_room has said no. */
    void (*room)(void *arg);
    void (*end)(enum hub_mqtt_end why, const struct edge_err *err, void *arg);
};

struct hub_mqtt_client_limits {
    size_t packet;         /* bytes of a packet once accepted */
    size_t queued;         /* bytes waiting to be sent before nothing more is taken or read */
    size_t unanswered;     /* bytes of requests without an answer before reading stops */
    unsigned in_flight;    /* requests without an answer before reading stops */
    unsigned out_flight;   /* messages sent and not acknowledged */
    unsigned connect_ms;   /* for CONNECT to come */
    unsigned keep_alive_s; /* longest silence, whatever the client asks for */
    unsigned strangers;    /* connections without a CONNECT, one more ends the oldest; 0: any */
};

/** The connections of a server. */
struct hub_mqtt_clients {
    struct edge_loop *loop;
    struct hub_mqtt_client_limits limits;
    /** A CONNECT has come: take the client over with hub_mqtt_client_take, then accept or refuse
     * it, now or later. Not taken: it is closed. */
    void (*connect)(struct hub_mqtt_client *client, void *arg);
    void *arg;
    unsigned count, strangers_;
    struct hub_mqtt_client *first_, *kicked_;
    struct edge_timer *turn_;
};

/** Begin with a connected stream, which becomes ours. @param ws  it came over a WebSocket
 * @return 0, or -ENOMEM (it is closed) */
EDGE_MUST_CHECK int hub_mqtt_client_open(struct hub_mqtt_clients *clients,
                                         struct edge_stream *stream, bool ws);
/** End all of them: `end` is called with HUB_MQTT_CLOSING. */
void hub_mqtt_clients_close(struct hub_mqtt_clients *clients);

/** @p ops is borrowed for as long as the client lives. */
void hub_mqtt_client_take(struct hub_mqtt_client *client, const struct hub_mqtt_client_ops *ops,
                          void *arg);
/** Its CONNECT; until accepted or refused, which wipes it. */
const struct mqtt_connect *hub_mqtt_client_connect(const struct hub_mqtt_client *client);
bool hub_mqtt_client_ws(const struct hub_mqtt_client *client);
const struct edge_stream *hub_mqtt_client_stream(const struct hub_mqtt_client *client);
void hub_mqtt_client_accept(struct hub_mqtt_client *client, bool session_present);
/** CONNACK with a code, then goodbye: no `end` follows. The pointer is invalid afterwards. */
void hub_mqtt_client_refuse(struct hub_mqtt_client *client, enum mqtt_connack_code code);
/** End it with HUB_MQTT_EXPIRED at this wall clock second; INT64_MAX: never. */
void hub_mqtt_client_expire(struct hub_mqtt_client *client, int64_t wall_s);

/** The request of @p ticket has been seen to. @param granted  of a SUBSCRIBE: bit n, QoS 1 */
void hub_mqtt_client_done(struct hub_mqtt_client *client, hub_mqtt_ticket ticket, uint64_t granted);

/** May another message of QoS 1 be sent? When not, `room` is called once it may. */
bool hub_mqtt_client_room(struct hub_mqtt_client *client);

enum { HUB_MQTT_FULL = 1, HUB_MQTT_OVER = 4 };
/** Send a message; its id is found here. @param tag  for `acked`, of QoS 1
 * @return 0, HUB_MQTT_FULL (nothing is taken: no room; of QoS 0, HUB_MQTT_OVER times more than the
 * limit is queued), EDGE_ELIMIT (topic), EDGE_EUNAVAILABLE (it has ended), -ENOMEM */
EDGE_MUST_CHECK int hub_mqtt_client_send(struct hub_mqtt_client *client,
                                         const struct mqtt_publish *publish, uint64_t tag);
/** Say goodbye and free: what is queued is still sent, unless @p drop. NULL is fine. */
void hub_mqtt_client_close(struct hub_mqtt_client *client, bool drop);

#endif
