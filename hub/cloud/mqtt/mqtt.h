/* hub/cloud/mqtt/mqtt.h - IoT Hub over MQTT as a hub_upstream: one connection for each identity.
 * Loop thread. Sources: hub.md 1.10, 9. */
#ifndef HUB_CLOUD_MQTT_MQTT_H
#define HUB_CLOUD_MQTT_MQTT_H

#include "hub/cloud/cloud.h"

struct hub_lines;

/** See hub_cloud_open, whose part for HUB_CLOUD_MQTT and HUB_CLOUD_MQTT_WS this is. */
EDGE_MUST_CHECK int hub_lines_open(const struct hub_cloud_options *options, struct hub_lines **ret,
                                   struct edge_err *err);
extern const struct hub_upstream_ops hub_lines_ops; /* self: the lines */
/** See hub_cloud_close. Accepts NULL; returns NULL. */
struct hub_lines *hub_lines_close(struct hub_lines *lines);

#endif
