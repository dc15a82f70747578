/* hub/mqtt/user.h - the user name of a CONNECT to IoT Hub, taken apart. Pure; any thread.
 * "host/device[/module]/?api-version=…&DeviceClientType=…"; the '?' may be missing. Sources:
 * cloud.md 4.1, hub.md 1.3. */
#ifndef HUB_MQTT_USER_H
#define HUB_MQTT_USER_H

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/iothub/identity.h"

struct hub_mqtt_user {
    char *host; /* as written */
    struct edge_identity who;
    char *client; /* DeviceClientType, decoded; or "" */
    char *model_id;
    char *auth_chain;
};
/** Fields it does not know are passed over; of one given twice, the first counts.
 * @param text  UTF-8 without NUL, as the codec gives it
 * @return 0, EDGE_EINVALID with the reason, -ENOMEM; hub_mqtt_user_fini afterwards in any case */
EDGE_MUST_CHECK int hub_mqtt_user_parse(struct edge_bytes text, struct hub_mqtt_user *ret,
                                        struct edge_err *err);
void hub_mqtt_user_fini(struct hub_mqtt_user *user);
static inline void hub_mqtt_user_finip(struct hub_mqtt_user *user)
{
    hub_mqtt_user_fini(user);
}

#endif
