/* hub/cloud/amqp/amqp.h - IoT Hub over AMQP as a hub_upstream: one connection for all identities.
 * Loop thread. qpid-proton stays inside this room. Sources: hub.md 2, 9; cloud.md 5. */
#ifndef HUB_CLOUD_AMQP_AMQP_H
#define HUB_CLOUD_AMQP_AMQP_H

#include "hub/cloud/protocol.h"

extern const struct hub_cloud_kind hub_cloud_amqp; /* HUB_CLOUD_AMQP, HUB_CLOUD_AMQP_WS */

#endif
