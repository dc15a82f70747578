/* hub/amqp/mapping.h - IoT Hub's messages in AMQP. Pure; any thread. Source: hub.md 2.4. */
#ifndef HUB_AMQP_MAPPING_H
#define HUB_AMQP_MAPPING_H

#include "common/iothub/message.h"
#include "hub/amqp/arena.h"
#include "hub/amqp/link.h"

/** What a client has sent, as a message; @p ret is for edge_message_fini in any case. A body that
 * is neither data nor text becomes JSON (hub/amqp/json.h), and application/json in utf-8 where the
 * client has not said what it is.
 * @return 0, EDGE_EINVALID (a text is not UTF-8, a body has no JSON form), EDGE_ELIMIT (too many
 * properties), -EMSGSIZE, -ENOMEM */
EDGE_MUST_CHECK int hub_amqp_from_client(const struct hub_amqp_message *message,
                                         struct edge_message *ret, struct edge_err *err);
/** The same without a copy: @p ret points into @p message and the arena, and is nobody's to free.
 */
EDGE_MUST_CHECK int hub_amqp_borrow(const struct hub_amqp_message *message,
                                    struct hub_amqp_arena *arena, struct edge_message *ret,
                                    struct edge_err *err);
/** A message towards a client; @p ret points into @p message and the arena.
 * @return 0 or EDGE_ELIMIT */
EDGE_MUST_CHECK int hub_amqp_to_client(const struct edge_message *message,
                                       struct hub_amqp_arena *arena, struct hub_amqp_message *ret);

/* The other side: we are the client, IoT Hub is the cloud. */
/** Telemetry for IoT Hub, which knows by the link whose it is; @p ret points into @p message and
 * the arena. @return 0 or EDGE_ELIMIT */
EDGE_MUST_CHECK int hub_amqp_to_cloud(const struct edge_message *message,
                                      struct hub_amqp_arena *arena, struct hub_amqp_message *ret);
/** A cloud-to-device message; as hub_amqp_from_client. */
EDGE_MUST_CHECK int hub_amqp_from_cloud(const struct hub_amqp_message *message,
                                        struct edge_message *ret);

#endif
