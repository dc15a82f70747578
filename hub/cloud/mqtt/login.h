/* hub/cloud/mqtt/login.h - the names a connection of an identity begins with. Pure; any thread.
 * Sources: hub.md 1.10, cloud.md 4.1. */
#ifndef HUB_CLOUD_MQTT_LOGIN_H
#define HUB_CLOUD_MQTT_LOGIN_H

#include "common/iothub/identity.h"

struct hub_login {
    const char *hub_name;
    const struct edge_identity *who;
    const char *client;   /* product of the client, or "" */
    const char *model_id; /* or "" */
    const char *chain;    /* "leaf;edge", or NULL: it speaks for itself */
};
/** "hub/d[/m]/?api-version=…&DeviceClientType=…[&auth-chain=…][&model-id=…]"; NULL without memory,
 * or over what a user name may have. The caller frees it. */
char *hub_login_user(const struct hub_login *login);

#endif
