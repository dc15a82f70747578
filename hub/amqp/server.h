/* hub/amqp/server.h - the AMQP 1.0 head: IoT Hub's links over AMQP, in front of a hub_backend, and
 * a place for more kinds of links. Loop thread. qpid-proton stays inside this room. Sources: OASIS
 * AMQP 1.0, CBS 1.0 draft; hub.md 2, cloud.md 5.
 *
 * Accepted: no SASL, ANONYMOUS (listed first), MSSBCBS, PLAIN, EXTERNAL. A link is known by its
 * name and role, its kind by its address alone; several identities may share a connection. A
 * request is settled before it is answered; frames for what has ended are ignored. */
#ifndef HUB_AMQP_SERVER_H
#define HUB_AMQP_SERVER_H

#include "common/net/stream.h"
#include "hub/amqp/link.h"
#include "hub/core/backend.h"

struct hub_amqp;

struct hub_amqp_options {
    const struct hub_backend *backend;
    const char *host;        /* the hub's name; copied */
    unsigned max_clients;    /* 0: 20,000 */
    unsigned max_links;      /* a connection; 0: 1,000. An edge hub: six more an identity */
    unsigned max_sessions;   /* a connection, at most 65,535; 0: 1,024 */
    unsigned max_identities; /* a connection; 0: 1,000 */
    unsigned connect_ms;     /* for OPEN to come; 0: 10 s */
    unsigned idle_ms;        /* our idle-time-out; 0: 120 s */
    /** Nodes besides the devices' own, tried first (service links, Event Hubs, DPS in the local
     * cloud); hub/amqp/link.h. */
    const struct hub_amqp_nodes *nodes;
    void *arg;
};

EDGE_MUST_CHECK int hub_amqp_create(struct edge_loop *loop, const struct hub_amqp_options *options,
                                    struct hub_amqp **ret);
/** A client has connected; @p stream becomes ours. @param ws  it came over a WebSocket */
void hub_amqp_accept(struct hub_amqp *amqp, struct edge_stream *stream, bool ws);
unsigned hub_amqp_clients(const struct hub_amqp *amqp);
/** Drop every connection, without CLOSE: clients come back at once. Accepts NULL; returns NULL. */
struct hub_amqp *hub_amqp_destroy(struct hub_amqp *amqp);

#endif
