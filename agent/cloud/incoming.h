/* agent/cloud/incoming.h - what IoT Hub publishes to a module, by topic. Pure; any thread.
 * Source: cloud.md 4.2. */
#ifndef AGENT_CLOUD_INCOMING_H
#define AGENT_CLOUD_INCOMING_H

#include <stdint.h>

#include "common/base/bytes.h"

enum agent_incoming_kind {
    AGENT_INCOMING_UNKNOWN,
    AGENT_INCOMING_ANSWER,  /* $iothub/twin/res/{status}/?$rid=r[&$version=n] */
    AGENT_INCOMING_DESIRED, /* $iothub/twin/PATCH/properties/desired/?$version=n */
    AGENT_INCOMING_METHOD,  /* $iothub/methods/POST/{name}/?$rid=r */
};

enum { AGENT_METHOD_NAME_MAX = 128, AGENT_RID_MAX = 256 };

struct agent_incoming {
    enum agent_incoming_kind kind;
    int status;
    int64_t version;                        /* 0: none */
    struct edge_bytes rid;                  /* borrowed from the topic, as it stands there */
    char method[AGENT_METHOD_NAME_MAX + 1]; /* decoded */
};

/** Anything that is not exactly as IoT Hub writes it is unknown. */
void agent_incoming_read(const char *topic, struct agent_incoming *ret);

#endif
