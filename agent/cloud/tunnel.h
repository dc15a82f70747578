/* agent/cloud/tunnel.h - what stands between libmosquitto and IoT Hub: a unix socket that only this
 * process may use, behind it a connection by common/net (names, TLS, WebSocket, proxy). Loop
 * thread.
 *
 *   libmosquitto --- <rundir>/cloud.sock --- tunnel --- TLS [WebSocket] [proxy] --- IoT Hub
 *
 * The connection to IoT Hub is made first, so that its failure has a reason to tell. */
#ifndef AGENT_CLOUD_TUNNEL_H
#define AGENT_CLOUD_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/loop/loop.h"

struct agent_tunnel;

struct agent_tunnel_config {
    struct edge_loop *loop;
    const char *rundir;      /* texts are copied */
    const char *ca_pem_file; /* trusted besides the system's, or NULL; read when first needed */
    const char *proxy;       /* or NULL; for a WebSocket only */
    bool websocket;
    uint16_t port; /* 0: 8883, or 443 for a WebSocket */
};

EDGE_MUST_CHECK int agent_tunnel_open(const struct agent_tunnel_config *config,
                                      struct agent_tunnel **ret, struct edge_err *err);
/** See dial of struct agent_link_ops. One at a time. */
EDGE_MUST_CHECK int agent_tunnel_dial(void *tunnel, const char *host,
                                      void (*done)(int rc, const char *path,
                                                   const struct edge_err *err, void *arg),
                                      void *arg, struct edge_err *err);
/** What is under way towards IoT Hub is still sent; nothing comes back any more. */
void agent_tunnel_hang_up(void *tunnel);
/** Why the connection to IoT Hub broke; "" when it did not. */
const char *agent_tunnel_broken(void *tunnel);
/** Accepts NULL; returns NULL. */
struct agent_tunnel *agent_tunnel_close(struct agent_tunnel *tunnel);

#endif
