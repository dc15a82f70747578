/* hub/mqtt/session.h - one client of the IoT Hub head: a connection (hub/mqtt/client.h) on one
 * side, a session of the backend on the other. Private to the room. Loop thread.
 *
 * Either side may end first. The memory goes when both have ended and no answer of the backend is
 * outstanding. */
#ifndef HUB_MQTT_SESSION_H
#define HUB_MQTT_SESSION_H

#include "hub/core/backend.h"
#include "hub/mqtt/client.h"

enum {
    HUB_MQTT_TWIN_MAX = 16, /* twin requests under way */
};

struct hub_mqtt_session {
    const struct hub_backend *backend;
    struct hub_mqtt_client *client; /* NULL: gone */
    struct hub_session *session;    /* NULL: not open yet, or ended */
    struct edge_identity who;
    char name[2 * EDGE_ID_MAX + 2];
    int64_t began_ns; /* of the head, wall clock */
    int64_t until_s;  /* of its grant, when it came in */
    unsigned pending; /* answers of the backend that will come */
    unsigned twins;   /* of these: for twin requests */
    unsigned features;
    unsigned silent; /* features whose messages go with QoS 0 */
    bool paused;     /* the backend has been told */
    bool clean;
    bool ended; /* the client has; a will may be under way */
    struct edge_message *will;
};

/** A side has ended: free it when nothing is left. */
void hub_mqtt_forget(struct hub_mqtt_session *s);
/** An answer of the backend (`pending`) has been seen to. The last look at the session. */
void hub_mqtt_release(struct hub_mqtt_session *s);
/** End a client that did what it must not; its will is sent. One line is logged. Without an answer
 * pending the session may be gone afterwards. */
void hub_mqtt_drop(struct hub_mqtt_session *s, const char *fmt, ...) EDGE_PRINTF(2, 3);
/** Keep the will, if it is one that IoT Hub takes: telemetry of the client itself.
 * @return 0, also for one that is passed over, or -ENOMEM */
EDGE_MUST_CHECK int hub_mqtt_keep_will(struct hub_mqtt_session *s,
                                       const struct mqtt_connect *connect);
/** A publish of telemetry as a message; the body stays the publish's. @return 0, EDGE_EINVALID,
 * EDGE_ELIMIT, -ENOMEM; hub_mqtt_message_fini afterwards */
EDGE_MUST_CHECK int hub_mqtt_message(const struct edge_topic *topic,
                                     const struct mqtt_publish *publish, struct edge_message *ret,
                                     struct edge_err *err);
void hub_mqtt_message_fini(struct edge_message *message);
static inline void hub_mqtt_message_finip(struct edge_message *message)
{
    hub_mqtt_message_fini(message);
}

extern const struct hub_mqtt_client_ops hub_mqtt_session_ops; /* arg: the session */
extern const struct hub_events hub_mqtt_session_events;       /* arg: the session */

/* Parts of these tables, by file. */
void hub_mqtt_on_publish(const struct mqtt_publish *publish, hub_mqtt_ticket ticket, void *arg);
void hub_mqtt_on_subscribe(const struct mqtt_packet *packet, hub_mqtt_ticket ticket, void *arg);
void hub_mqtt_on_acked(uint64_t tag, void *arg);
void hub_mqtt_on_room(void *arg);
void hub_mqtt_on_deliver(const struct edge_message *message, uint64_t lock, void *arg);
void hub_mqtt_on_desired(const char *patch, size_t len, int64_t version, void *arg);
void hub_mqtt_on_method(const char *rid, const char *name, struct edge_bytes payload, void *arg);

/** Send on a topic that has been put together, QoS 0. A client that is far behind is dropped. */
void hub_mqtt_tell(struct hub_mqtt_session *s, const struct edge_buf *topic,
                   struct edge_bytes payload);

#endif
