/* deploy/samples/sample.h - what the words of edge-sample share: a module that asks the workload
 * API for its token and speaks MQTT with the hub of its device. Loop thread. */
#ifndef DEPLOY_SAMPLES_SAMPLE_H
#define DEPLOY_SAMPLES_SAMPLE_H

#include "common/iothub/identity.h"
#include "common/iothub/message.h"
#include "common/loop/loop.h"
#include "hub/cloud/mqtt/wire.h"

/** Who we are, from the environment that the agent gives to every module. All owned. */
struct sample_env {
    struct edge_identity who;
    char *hub_name; /* IOTEDGE_IOTHUBHOSTNAME: in user name and token */
    char *gateway;  /* IOTEDGE_GATEWAYHOSTNAME: whom we connect to */
    char *generation;
    char *workload;       /* path of the workload API's socket */
    char *version;        /* of the workload API, or NULL */
    uint16_t port;        /* EDGE_SAMPLE_PORT: 8883 */
    unsigned interval_ms; /* EDGE_SAMPLE_INTERVAL_MS: 1000 */
};
EDGE_MUST_CHECK int sample_env_read(struct sample_env *ret, struct edge_err *err);
void sample_env_fini(struct sample_env *env);

/** A connection that comes back for ever. */
struct sample_link;
struct sample_link_options {
    struct edge_loop *loop;
    const struct sample_env *env; /* outlives it */
    void (*up)(void *arg);
    void (*down)(void *arg); /* may be NULL */
    void (*acked)(void *tag, void *arg);
    void (*publish)(const struct mqtt_publish *publish, void *arg); /* may be NULL */
    void *arg;
};
EDGE_MUST_CHECK int sample_link_open(const struct sample_link_options *options,
                                     struct sample_link **ret, struct edge_err *err);
/** The connection as it is now; NULL: there is none. */
struct hub_wire *sample_link_wire(struct sample_link *link);
/** Send a message to an output with QoS 1. @return 0, EDGE_EUNAVAILABLE (no connection, or it is
 * full), negative */
EDGE_MUST_CHECK int sample_link_send(struct sample_link *link, const char *output,
                                     struct edge_message *message, void *tag);
struct sample_link *sample_link_close(struct sample_link *link);

/* The words: run until the loop stops. */
EDGE_MUST_CHECK int sample_sensor(struct edge_loop *loop, const struct sample_env *env);
EDGE_MUST_CHECK int sample_filter(struct edge_loop *loop, const struct sample_env *env);

#endif
