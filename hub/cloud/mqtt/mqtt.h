/* hub/cloud/mqtt/mqtt.h - IoT Hub over MQTT: one connection for each identity. Loop thread.
 * Sources: hub.md 1.10, 9. */
#ifndef HUB_CLOUD_MQTT_MQTT_H
#define HUB_CLOUD_MQTT_MQTT_H

#include "hub/cloud/protocol.h"

/** For HUB_CLOUD_MQTT and HUB_CLOUD_MQTT_WS. */
extern const struct hub_cloud_kind hub_cloud_mqtt;

#endif
