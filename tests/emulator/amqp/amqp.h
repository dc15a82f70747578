/* tests/emulator/amqp/amqp.h - the service's side of the local cloud over AMQP: cloud-to-device
 * messages, their feedback, and telemetry as Event Hubs clients read it. It stands beside the
 * devices' links of hub/amqp. Loop thread. Sources: cloud.md 12 and 13. */
#ifndef TESTS_EMULATOR_AMQP_AMQP_H
#define TESTS_EMULATOR_AMQP_AMQP_H

#include "hub/amqp/server.h"
#include "tests/emulator/cloud/cloud.h"

struct service;

/** For hub_amqp_options.nodes; its arg is the service. */
extern const struct hub_amqp_nodes service_nodes;

/** @param entity  one more name of the Event Hub besides "messages/events", of one segment: readers
 * that ask where it is are sent there; copied   @param port  where they are sent, 5671
 * @return NULL without memory */
struct service *service_create(struct edge_loop *loop, struct cloud *cloud, const char *entity,
                               unsigned port);
/** After the hub_amqp whose nodes it is, before the cloud. Accepts NULL; returns NULL. */
struct service *service_destroy(struct service *service);

#endif
