/* hub/cloud/cloud.h - IoT Hub reached: the one physical connection (AMQP) or one for each identity
 * (MQTT), as a hub_upstream. Loop thread. Sources: hub.md 1.10, 2.7, 9; cloud.md 5. */
#ifndef HUB_CLOUD_CLOUD_H
#define HUB_CLOUD_CLOUD_H

#include "common/tls/tls.h"
#include "hub/core/upstream.h"

struct hub_cloud;

enum hub_cloud_protocol { HUB_CLOUD_AMQP, HUB_CLOUD_AMQP_WS, HUB_CLOUD_MQTT, HUB_CLOUD_MQTT_WS };

/** Whence tokens come (hub/workload); done later, once, but not after `cancel`-less close of that
 * room, which outlives this one. */
struct hub_tokens {
    void (*get)(void *self,
                void (*done)(int rc, const char *token, int64_t until_s, const struct edge_err *err,
                             void *arg),
                void *arg);
    /** "leaf;edge": hub_auth_chain; NULL: not in scope. */
    const char *(*chain)(void *self, const struct edge_identity *who);
    void *self;
};
struct hub_cloud_options {
    struct edge_loop *loop;
    enum hub_cloud_protocol protocol;
    const char *host;            /* dialled; copied, as all text */
    const char *hub_name;        /* IoT Hub's name in tokens and user names */
    struct edge_identity self;   /* <device>/$edgeHub */
    const char *proxy;           /* "http://…", for WebSockets; or NULL */
    const char *rundir;          /* for sockets of our own (MQTT) */
    struct edge_tls_client *tls; /* outlives it */
    const struct hub_tokens *tokens;
    uint16_t port; /* 0: the protocol's */
    /* Times; 0: as the README says. */
    unsigned pause_min_ms, pause_max_ms; /* between tries, jittered */
    unsigned answer_ms;                  /* for any answer: 20 s */
    unsigned idle_ms;                    /* silence on the connection: heartbeats at half of it */
    unsigned max_identities;             /* at a time on the one connection (AMQP); 0: 990 */
    struct hub_upstream_events events;   /* copied */
    void *arg;
};
EDGE_MUST_CHECK int hub_cloud_open(const struct hub_cloud_options *options, struct hub_cloud **ret,
                                   struct edge_err *err);
/** The table the core calls; borrowed, as long as the cloud is open. */
const struct hub_upstream *hub_cloud_upstream(struct hub_cloud *cloud);
/** Outstanding `done`s come before it returns, with HUB_GONE. Accepts NULL; returns NULL. */
struct hub_cloud *hub_cloud_close(struct hub_cloud *cloud);

#endif
