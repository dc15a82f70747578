/* agent/cloud/link.h - the MQTT connection of $edgeAgent: opened for ever, renewed before its token
 * ends, subscribed to twin and methods. Loop thread; what blocks (edge-securityd) runs on a worker.
 *
 * libmosquitto speaks MQTT over a unix socket and nothing else here: names, TLS, WebSocket and
 * proxies are the tunnel's. The README says why. */
#ifndef AGENT_CLOUD_LINK_H
#define AGENT_CLOUD_LINK_H

#include <stdbool.h>

#include "agent/identity/identity.h"
#include "common/base/bytes.h"
#include "common/loop/loop.h"

struct agent_link;

/** What the link asks of others; a table, so that tests need neither daemon nor cloud. */
struct agent_link_ops {
    /* On a worker. */
    int (*device)(const struct agent_identity_daemon *daemon, struct agent_device *ret,
                  struct edge_err *err);
    int (*token)(const struct agent_identity_daemon *daemon, const struct agent_device *device,
                 int64_t lifetime_s, char **ret, struct edge_err *err);
    int (*reprovision)(const struct agent_identity_daemon *daemon, struct edge_err *err);
    /* On the loop. */
    /** Connect to IoT Hub at @p host. Later, once: @p done with 0 when the next connection to the
     * unix socket @p path will be one to it, or why not. @return 0 or negative, done is not called
     */
    int (*dial)(void *via, const char *host,
                void (*done)(int rc, const char *path, const struct edge_err *err, void *arg),
                void *arg, struct edge_err *err);
    /** Let go of a dial or a connection. */
    void (*hang_up)(void *via);
    /** Why the connection broke, for people; borrowed, "" when it ended in order. */
    const char *(*broken)(void *via);
};

struct agent_link_config {
    struct edge_loop *loop;
    struct agent_identity_daemon daemon;
    const struct agent_link_ops *ops;
    void *via;           /* for dial, hang_up, broken */
    const char *product; /* copied */
    /* Times, 0: as the README says. */
    unsigned pause_min_ms;
    unsigned pause_max_ms;
    unsigned slow_ms; /* after IoT Hub has refused the credentials */
    unsigned token_s; /* lifetime */
    unsigned keep_alive_s;
    unsigned answer_ms; /* for CONNACK, SUBACK, PINGRESP */
    void (*on_up)(void *arg);
    /** Not connected any more, or still not; NULL: only to renew the token. @param news  false: the
     * same reason as before */
    void (*on_down)(const char *why, bool news, void *arg);
    void (*on_message)(const char *topic, struct edge_bytes payload, void *arg);
    void *arg;
};

/** Begin to connect at the loop's next turn. @return 0, -ENOMEM, other errno */
EDGE_MUST_CHECK int agent_link_open(const struct agent_link_config *config, struct agent_link **ret,
                                    struct edge_err *err);
/** QoS 0. @return 0, EDGE_EUNAVAILABLE (not connected), EDGE_ELIMIT, EDGE_EPROTOCOL */
EDGE_MUST_CHECK int agent_link_publish(struct agent_link *link, const char *topic, const void *data,
                                       size_t len);
/** End this connection, which is of no use, and open another after a pause. Not at once: at the
 * loop's next turn. */
void agent_link_reopen(struct agent_link *link, const char *why);
/** The connection serves its purpose: when it has lasted a minute as well, the pause after its loss
 * is the shortest again. */
void agent_link_settled(struct agent_link *link);
bool agent_link_connected(const struct agent_link *link);
/** As edge-securityd said last; NULL before it has said anything. Borrowed. */
const struct agent_device *agent_link_device(const struct agent_link *link);
/** Say goodbye and let go; waits for what runs on the worker. Accepts NULL; returns NULL. */
struct agent_link *agent_link_close(struct agent_link *link);

#endif
