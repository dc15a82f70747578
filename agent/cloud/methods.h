/* agent/cloud/methods.h - direct methods on their way: asked by IoT Hub, answered once, now or
 * later. Pure but for the ops; loop thread. Source: agent.md 4.1, cloud.md 4.2. */
#ifndef AGENT_CLOUD_METHODS_H
#define AGENT_CLOUD_METHODS_H

#include "agent/cloud/cloud.h"
#include "common/iothub/incoming.h"

enum {
    AGENT_CALLS_MAX = 64,                  /* at once; more are answered 429 */
    AGENT_METHOD_PAYLOAD_MAX = 128 * 1024, /* IoT Hub's own limit */
};

struct agent_calls;

struct agent_calls_ops {
    /** @return 0, or negative: not sent */
    int (*publish)(const char *topic, const char *payload, size_t len, void *arg);
    void (*on_method)(struct agent_cloud_call *call, const char *name,
                      const struct edge_json *payload, void *arg);
};

/** @return 0 or -ENOMEM. @param ops  copied */
EDGE_MUST_CHECK int agent_calls_create(const struct agent_calls_ops *ops, void *publish_arg,
                                       void *method_arg, struct agent_calls **ret);
/** Calls not yet answered stay valid; their answers go nowhere. Accepts NULL; returns NULL. */
struct agent_calls *agent_calls_destroy(struct agent_calls *calls);

/** A request has come. */
void agent_calls_take(struct agent_calls *calls, const struct edge_incoming *incoming,
                      struct edge_bytes payload);

#endif
