/* hub/setup.h - what the environment and the command line say about this process. Pure but for
 * printing; any thread. Names are IoT Edge's (hub.md 11.2); the case of their letters does not
 * count, and what is not offered here is passed over. */
#ifndef HUB_SETUP_H
#define HUB_SETUP_H

#include <stdbool.h>

#include "common/base/log.h"
#include "hub/cloud/cloud.h"
#include "hub/core/core.h"

struct hub_setup {
    const char *listen;  /* --listen: address of all ports; NULL: every address */
    unsigned plain_port; /* --plain: MQTT without TLS, on loopback only; AMQP: + 1; 0: none */
    const char *storage; /* --storage, or StorageFolder/edgeHub */
    char *storage_made;
    enum hub_cloud_protocol upstream; /* UpstreamProtocol */
    const char *proxy;                /* https_proxy */
    bool mqtt, amqp, http;            /* …Settings__Enabled */
    bool client_certificates;         /* ClientCertAuthEnabled */
    bool metrics;                     /* Metrics__MetricsEnabled */
    unsigned metrics_port;            /* Metrics__Listener__Port */
    unsigned user;                    /* EDGEHUBUSER_ID: become this one; 0: stay */
    unsigned commit_delay_us;         /* CommitDelayUs: see hub/store */
    enum edge_log_level log;          /* RuntimeLogLevel */
    unsigned scope_refresh_s;         /* DeviceScopeCacheRefreshRateSecs; 0: hub/auth's own */
    unsigned scope_delay_s;           /* DeviceScopeCacheRefreshDelaySecs; the same */
    struct hub_core_settings core;
};

/** A variable of the environment, whatever the case of its name; "" counts as absent. NULL: none.
 */
const char *hub_env(const char *name);

enum { HUB_SETUP_DONE = 1 }; /* --help and --version have been answered */
/** @param get  hub_env, or a test's. @return 0, HUB_SETUP_DONE, EDGE_EINVALID (names the option
 * or variable), -ENOMEM; hub_setup_fini afterwards */
EDGE_MUST_CHECK int hub_setup_read(int argc, char **argv, const char *(*get)(const char *name),
                                   struct hub_setup *ret, struct edge_err *err);
void hub_setup_fini(struct hub_setup *settings);

#endif
