/* agent/cloud/mqtt.h - one MQTT 3.1.1 connection to IoT Hub over a unix socket, from CONNECT to its
 * end. mqtt.c is the only file that knows libmosquitto, which is driven from the loop: no thread of
 * its own, no name lookup, no TLS. Loop thread. Source: cloud.md 4.1, 4.2. */
#ifndef AGENT_CLOUD_MQTT_H
#define AGENT_CLOUD_MQTT_H

#include <stdbool.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/loop/loop.h"

struct agent_mqtt;

enum agent_mqtt_end {
    AGENT_MQTT_LOST,    /* the transport ended or the protocol was broken */
    AGENT_MQTT_REFUSED, /* the credentials: CONNACK 4 or 5 */
    AGENT_MQTT_BUSY,    /* any other CONNACK, or a subscription refused */
    AGENT_MQTT_SILENT,  /* an answer did not come in time */
};

struct agent_mqtt_config {
    struct edge_loop *loop;
    const char *path; /* of the unix socket; texts are borrowed for the call of open */
    const char *client_id;
    const char *username;
    const char *password;
    unsigned keep_alive_s;
    unsigned answer_ms; /* for CONNACK, SUBACK and PINGRESP */
    /** Connected and subscribed to the twin's answers, desired properties and methods. */
    void (*on_up)(void *arg);
    /** Both borrowed for the call. */
    void (*on_message)(const char *topic, struct edge_bytes payload, void *arg);
    /** The last call, from a turn of the loop. The owner closes. */
    void (*on_end)(enum agent_mqtt_end end, const char *why, void *arg);
    void *arg;
};

EDGE_MUST_CHECK int agent_mqtt_open(const struct agent_mqtt_config *config, struct agent_mqtt **ret,
                                    struct edge_err *err);
/** QoS 0. @return 0, EDGE_EUNAVAILABLE (not connected), EDGE_EINVALID (topic), -ENOMEM */
EDGE_MUST_CHECK int agent_mqtt_publish(struct agent_mqtt *mqtt, const char *topic, const void *data,
                                       size_t len);
/** Say DISCONNECT when connected, and let go; on_end is not called. Not from within on_message.
 * Accepts NULL; returns NULL. */
struct agent_mqtt *agent_mqtt_close(struct agent_mqtt *mqtt);

#endif
