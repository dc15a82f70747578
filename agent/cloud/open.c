/* The link as it runs on a device: through the tunnel, with tokens from edge-securityd. */
#include "agent/cloud/assembly.h"
#include "agent/cloud/tunnel.h"

static const struct agent_link_ops ops = {
    .device = agent_identity_device,
    .token = agent_identity_token,
    .reprovision = agent_identity_reprovision,
    .dial = agent_tunnel_dial,
    .hang_up = agent_tunnel_hang_up,
    .broken = agent_tunnel_broken,
};

static void close_tunnel(void *tunnel)
{
    agent_tunnel_close(tunnel);
}

int agent_cloud_open(const struct agent_cloud_config *config, struct agent_cloud **ret,
                     struct edge_err *err)
{
    const struct agent_tunnel_config where = {
        .loop = config->loop,
        .rundir = config->rundir,
        .ca_pem_file = config->ca_pem_file,
        .proxy = config->proxy,
        .websocket = config->upstream == AGENT_UPSTREAM_MQTT_WS,
    };
    struct agent_cloud_parts parts = {.link = {.ops = &ops}, .close = close_tunnel};
    struct agent_tunnel *tunnel = NULL;
    int rc = agent_tunnel_open(&where, &tunnel, err);

    if (rc < 0)
        return rc;
    parts.link.via = tunnel;
    rc = agent_cloud_assemble(config, &parts, ret, err);
    if (rc < 0)
        agent_tunnel_close(tunnel);
    return rc;
}
