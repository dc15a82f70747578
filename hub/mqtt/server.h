/* hub/mqtt/server.h - the MQTT 3.1.1 head: IoT Hub's topics over MQTT, in front of a hub_backend.
 * Loop thread. Sources: OASIS MQTT 3.1.1; hub.md 1, cloud.md 4.
 *
 * A publish is acknowledged when the backend has said HUB_OK, in the order of arrival; many may be
 * under way. What cannot be taken closes the connection: QoS 2, an unknown topic or filter, another
 * identity's topic, a packet over the limit. A client that reads slowly is not buffered for. */
#ifndef HUB_MQTT_SERVER_H
#define HUB_MQTT_SERVER_H

#include "common/net/stream.h"
#include "hub/core/backend.h"

struct hub_mqtt;
struct hub_mqtt_client; /* one connection; see hub/mqtt/client.h */

struct hub_mqtt_options {
    const struct hub_backend *backend;
    const char *host;     /* the name that user names must carry; copied. NULL: any */
    unsigned max_clients; /* 0: 20,000 */
    unsigned
        max_in_flight; /* publishes a client may have unacknowledged before it is paused; 0: 128 */
    size_t max_queued; /* bytes waiting for a client before deliveries stop; 0: 512 KiB */
    unsigned connect_ms; /* for the CONNECT to come; 0: 10 s */
    /** A CONNECT whose user name is not IoT Hub's is offered here first (DPS in the local cloud);
     * NULL, or false: refused. See hub/mqtt/client.h for what the callee does with it. */
    bool (*other)(struct hub_mqtt_client *client, void *arg);
    void *arg;
};

EDGE_MUST_CHECK int hub_mqtt_create(struct edge_loop *loop, const struct hub_mqtt_options *options,
                                    struct hub_mqtt **ret);
/** A client has connected; @p stream becomes ours. @param ws  it came over a WebSocket */
void hub_mqtt_accept(struct hub_mqtt *mqtt, struct edge_stream *stream, bool ws);
unsigned hub_mqtt_clients(const struct hub_mqtt *mqtt);
/** Drop every connection (no goodbye: clients come back at once). Accepts NULL; returns NULL. */
struct hub_mqtt *hub_mqtt_destroy(struct hub_mqtt *mqtt);

#endif
