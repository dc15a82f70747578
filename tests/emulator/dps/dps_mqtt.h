/* tests/emulator/dps/dps_mqtt.h - device provisioning over MQTT, on the connections of hub/mqtt.
 * Loop thread. A client says "<scope>/registrations/<id>/api-version=…" as its user name,
 * subscribes to $dps/registrations/res/#, and asks by publishing. */
#ifndef TESTS_EMULATOR_DPS_DPS_MQTT_H
#define TESTS_EMULATOR_DPS_DPS_MQTT_H

#include "hub/mqtt/client.h"
#include "tests/emulator/dps/registrar.h"

/** For hub_mqtt_options.other; its arg is the `const struct dps_registrar *`, which outlives the
 * head's clients. @return false for user names that are not DPS's */
bool dps_mqtt_offer(struct hub_mqtt_client *client, void *registrar);

#endif
