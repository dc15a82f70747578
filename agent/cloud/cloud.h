/* agent/cloud/cloud.h - the agent's link to IoT Hub as module $edgeAgent: twin in, reported
 * properties out, direct methods. Loop thread; tokens come from edge-securityd on a worker.
 *
 * MQTT on 8883 or over WebSocket on 443. Lost connections come back for ever, with jittered pauses
 * up to five minutes; nothing here stops what runs. Sources: agent.md 1.9, 2, 4; cloud.md 4. */
#ifndef AGENT_CLOUD_CLOUD_H
#define AGENT_CLOUD_CLOUD_H

#include <stdint.h>

#include "agent/identity/identity.h"
#include "common/json/json.h"
#include "common/loop/loop.h"

struct agent_cloud;
struct agent_cloud_call; /* one direct method being answered */

enum agent_upstream { AGENT_UPSTREAM_MQTT, AGENT_UPSTREAM_MQTT_WS };

struct agent_cloud_config {
    struct edge_loop *loop;
    struct agent_identity_daemon daemon; /* copied; strings outlive the link */
    enum agent_upstream upstream;
    const char *proxy;       /* "http://…" for MQTT_WS, or NULL */
    const char *ca_pem_file; /* trusted besides the system's, or NULL */
    const char *rundir;      /* for the tunnel's socket */
    const char *product;     /* DeviceClientType, plain text */
    uint32_t refresh_s;      /* full twin refresh; 0: 3600 */
    /** The desired properties as of @p version: the whole section as JSON, without $version and
     * $metadata. Called when it differs from what was given last. Borrowed. */
    void (*on_desired)(const struct edge_json *desired, int64_t version, void *arg);
    /** A direct method; answered by agent_cloud_reply, now or later. @p payload NULL: none or null
     */
    void (*on_method)(struct agent_cloud_call *call, const char *name,
                      const struct edge_json *payload, void *arg);
    /** Connected or not; @p why borrowed. */
    void (*on_link)(bool connected, const char *why, void *arg);
    void *arg;
};

EDGE_MUST_CHECK int agent_cloud_open(const struct agent_cloud_config *config,
                                     struct agent_cloud **ret, struct edge_err *err);
/** What the reported section shall be, in full; copied. The least patch against what the cloud is
 * known to have is sent once it is connected, bursts merged (at most one patch in 5 s, the first at
 * once). Over 32 KB it is shortened by agent/cloud/reported.h's rule. */
void agent_cloud_report(struct agent_cloud *cloud, const struct edge_json *reported);
/** Answer a call: any JSON value, NULL is null. The call is invalid afterwards. */
void agent_cloud_reply(struct agent_cloud_call *call, int status, const struct edge_json *payload);
bool agent_cloud_connected(const struct agent_cloud *cloud);
/** Who this device is, as far as edge-securityd has said; NULL before. Borrowed. */
const struct agent_device *agent_cloud_device(const struct agent_cloud *cloud);
/** Send what waits (up to @p ms: the loop is run for it, so not from within a callback),
 * disconnect, let go. Accepts NULL; returns NULL. */
struct agent_cloud *agent_cloud_close(struct agent_cloud *cloud, unsigned ms);

#endif
