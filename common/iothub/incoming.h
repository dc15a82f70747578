/* common/iothub/incoming.h - what IoT Hub publishes to a client, by topic. Pure; any thread.
 * Source: cloud.md 4.2. */
#ifndef EDGE_IOTHUB_INCOMING_H
#define EDGE_IOTHUB_INCOMING_H

#include <stdint.h>

#include "common/base/bytes.h"

enum edge_incoming_kind {
    EDGE_INCOMING_UNKNOWN,
    EDGE_INCOMING_ANSWER,  /* $iothub/twin/res/{status}/?$rid=r[&$version=n] */
    EDGE_INCOMING_DESIRED, /* $iothub/twin/PATCH/properties/desired/?$version=n */
    EDGE_INCOMING_METHOD,  /* $iothub/methods/POST/{name}/?$rid=r */
    EDGE_INCOMING_C2D,     /* devices/{d}/messages/devicebound[/{bag}] */
};

enum { EDGE_METHOD_NAME_MAX = 128, EDGE_RID_MAX = 256 };

struct edge_incoming {
    enum edge_incoming_kind kind;
    int status;
    int64_t version;                       /* 0: none */
    struct edge_bytes rid;                 /* borrowed from the topic, as it stands there */
    struct edge_bytes bag;                 /* borrowed, still encoded */
    char method[EDGE_METHOD_NAME_MAX + 1]; /* decoded */
};

/** Anything that is not exactly as IoT Hub writes it is unknown. */
void edge_incoming_read(const char *topic, struct edge_incoming *ret);

#endif
