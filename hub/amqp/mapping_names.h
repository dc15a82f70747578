/* hub/amqp/mapping_names.h - IoT Hub's names for what AMQP has no field for. Pure. Source: hub.md
 * 2.4. */
#ifndef HUB_AMQP_MAPPING_NAMES_H
#define HUB_AMQP_MAPPING_NAMES_H

#include "common/iothub/message.h"

struct hub_amqp_name {
    const char *name;
    enum edge_sys which;
};
/** Application properties that are not the client's own; compared without case. */
static const struct hub_amqp_name hub_amqp_names_of_properties[] = {
    {"iothub-outputname", EDGE_SYS_OUTPUT},
    {"iothub-message-schema", EDGE_SYS_SCHEMA},
    {"iothub-creation-time-utc", EDGE_SYS_CREATION_TIME},
    {"iothub-ack", EDGE_SYS_ACK},
};
/** Annotations a client sends. */
static const struct hub_amqp_name hub_amqp_names_of_annotations[] = {
    {"iothub-interface-id", EDGE_SYS_INTERFACE_ID},
    {"dt-subject", EDGE_SYS_SUBJECT},
};

#endif
