/* hub/core/upstream.h - IoT Hub as the hub's core sees it, whatever protocol leads there. hub/cloud
 * implements it; tests have fakes. Loop thread.
 *
 * Every `done` is called exactly once, never from within the call that was given it. An identity is
 * served from the first call that names it; who is not wanted and has nothing under way is let go.
 */
#ifndef HUB_CORE_UPSTREAM_H
#define HUB_CORE_UPSTREAM_H

#include "hub/core/backend.h"

/** What the upstream says; never from within a call of its ops. */
struct hub_upstream_events {
    /** IoT Hub can be reached, or not (any more); @p why for people. Once for each change; it
     * begins unreachable. */
    void (*connected)(bool up, const char *why, void *arg);
    /** All that @p who wants is in place: after each connection anew, and after each new wish. */
    void (*ready)(const struct edge_identity *who, unsigned features, void *arg);
    /** Desired properties have changed; the patch has its "$version". */
    void (*desired)(const struct edge_identity *who, const char *patch, size_t len, void *arg);
    /** A direct method; answered by method_reply with this rid. */
    void (*method)(const struct edge_identity *who, const char *rid, const char *name,
                   struct edge_bytes payload, void *arg);
    /** A cloud-to-device message, settled with @p lock. All locks are void when the connection is
     * lost: IoT Hub delivers again. */
    void (*message)(const struct edge_identity *who, const struct edge_message *message,
                    uint64_t lock, void *arg);
    /** IoT Hub does not take this identity: HUB_REFUSED, HUB_NOT_FOUND. It is tried again when
     * something is asked for it, at most every half minute. */
    void (*refused)(const struct edge_identity *who, enum hub_result why, const char *text,
                    void *arg);
};

/** What is wanted for an identity. All borrowed for the call. */
struct hub_wish {
    unsigned features;    /* of C2D, DESIRED, METHODS */
    const char *client;   /* product of the client, or "" */
    const char *model_id; /* or "" */
};

struct hub_upstream_ops {
    /** From now on; replaces an earlier wish. Kept over lost connections. No features: let go. */
    void (*want)(void *self, const struct edge_identity *who, const struct hub_wish *wish);
    /** Telemetry in the name of @p who; borrowed for the call. Messages of one identity reach IoT
     * Hub in the order of the calls. HUB_OK: IoT Hub has it. HUB_UNAVAILABLE, HUB_TIMEOUT,
     * HUB_THROTTLED, HUB_FAILED: again, later. HUB_REFUSED, HUB_NOT_FOUND: not for this identity
     * now. HUB_BAD, HUB_TOO_LARGE: never. While it is unreachable it says HUB_UNAVAILABLE soon. */
    void (*send)(void *self, const struct edge_identity *who, const struct edge_message *message,
                 hub_done *done, void *arg);
    void (*twin_get)(void *self, const struct edge_identity *who, hub_twin_done *done, void *arg);
    void (*twin_patch)(void *self, const struct edge_identity *who, const char *patch, size_t len,
                       hub_version_done *done, void *arg);
    void (*method_reply)(void *self, const struct edge_identity *who, const char *rid, int status,
                         struct edge_bytes payload);
    void (*settle)(void *self, const struct edge_identity *who, uint64_t lock,
                   enum hub_outcome outcome);
};
struct hub_upstream {
    const struct hub_upstream_ops *ops;
    void *self;
};

#endif
