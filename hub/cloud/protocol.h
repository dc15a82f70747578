/* hub/cloud/protocol.h - inside the room: what a protocol towards IoT Hub is for cloud.c. Loop
 * thread. */
#ifndef HUB_CLOUD_PROTOCOL_H
#define HUB_CLOUD_PROTOCOL_H

#include "hub/cloud/cloud.h"

struct hub_cloud_kind {
    /** See hub_cloud_open; @p ret is the self of the other two. */
    int (*open)(const struct hub_cloud_options *options, void **ret, struct edge_err *err);
    /** See hub_cloud_close. */
    void (*close)(void *self);
    const struct hub_upstream_ops *ops;
};

#endif
