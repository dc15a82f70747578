/* hub/core/core.h - the hub itself, between its protocol heads (backend.h) and IoT Hub
 * (upstream.h): sessions, routing, delivery, twins, methods, cloud-to-device messages. Blind to
 * protocols. Loop thread.
 *
 *    head --send--> router --put--> store --> inputs --deliver--> head
 *                                     '-----> outbox --send-----> upstream
 *    head <--desired, twins--> twins <--twin_get, twin_patch, desired--> upstream
 *    head <--method--> methods <--method-- upstream, hub/http            head <--c2d-- upstream */
#ifndef HUB_CORE_CORE_H
#define HUB_CORE_CORE_H

#include "hub/auth/auth.h"
#include "hub/core/backend.h"
#include "hub/core/upstream.h"
#include "hub/store/store.h"
#include "hub/workload/workload.h"

struct hub_core;

struct hub_core_settings {
    unsigned max_clients; /* MaxConnectedClients; 0: 1,000. One more is refused: HUB_UNAVAILABLE */
    unsigned ack_timeout_s;    /* MessageAckTimeoutSecs; 0: 30 */
    unsigned reported_sync_s;  /* ReportedPropertiesSyncFrequencySecs; 0: 5 */
    unsigned config_refresh_s; /* ConfigRefreshFrequencySecs; 0: 3600 */
    unsigned twin_sync_s;      /* MinTwinSyncPeriodSecs; 0: 120 */
    unsigned linger_ms;        /* what a client had IoT Hub asked for stays so long; 0: 30,000 */
    const char *version;       /* ours, for reported.version */
};
struct hub_core_options {
    struct edge_loop *loop;
    struct hub_store *store;
    const struct hub_vault *vault;
    struct hub_auth *auth;
    const struct hub_self *self;
    struct hub_core_settings settings;
    /** The first configuration is in force (from IoT Hub, or from disk): clients may come. Once. */
    void (*configured)(void *arg);
    void *arg;
};
/** Reads what is on disk: kept sessions, queues, the last configuration. */
EDGE_MUST_CHECK int hub_core_create(const struct hub_core_options *options, struct hub_core **ret,
                                    struct edge_err *err);
/** For hub_cloud_options; its arg is the core. */
const struct hub_upstream_events *hub_core_events(void);
/** The upstream is open: from here on it is used. */
void hub_core_start(struct hub_core *core, const struct hub_upstream *upstream);
/** What the heads stand on; borrowed. */
const struct hub_backend *hub_core_backend(struct hub_core *core);
/** hub_auth_options.changed: look again at who is connected. */
void hub_core_identity_changed(struct hub_core *core, const struct edge_identity *who);
/** The beginning of the end: every session ends (HUB_UNAVAILABLE), nobody comes in, nothing more is
 * sent. @p done, once: when IoT Hub has answered for what it was sent before, or after @p most_ms.
 */
void hub_core_drain(struct hub_core *core, unsigned most_ms, void (*done)(void *arg), void *arg);
/** Every session ends (HUB_UNAVAILABLE), the upstream is not used any more. Before the heads, the
 * upstream and the store go. Accepts NULL; returns NULL. */
struct hub_core *hub_core_destroy(struct hub_core *core);

/* Direct methods that modules call (hub/http). */

struct hub_invocation {
    const struct edge_identity *caller, *target;
    const char *name;
    struct edge_bytes payload; /* JSON */
    unsigned connect_s;        /* wait for the target to come */
    unsigned response_s;
};
/** @p done: HUB_OK with the client's status and payload; HUB_REFUSED (not permitted: why says by
 * what); HUB_NOT_FOUND not here or not subscribed; HUB_TIMEOUT; HUB_GONE. All borrowed for the
 * call. */
void hub_core_invoke(struct hub_core *core, const struct hub_invocation *invocation,
                     void (*done)(enum hub_result result, const char *why, int status,
                                  struct edge_bytes payload, void *arg),
                     void *arg);

/** Everything /metrics shows, in Prometheus' text format (hub.md 11.1, and the ledger), appended.
 */
void hub_core_metrics(struct hub_core *core, struct edge_buf *out);
/** One line for each thing wrong: {"connected", "upstream", "pending", …} as JSON, for /health. */
void hub_core_health(struct hub_core *core, struct edge_buf *out);

#endif
