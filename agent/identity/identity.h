/* agent/identity/identity.h - the agent's side of edge-securityd: who this device is, identities of
 * modules, their workload sockets, tokens for $edgeAgent. Blocking calls; worker threads, any
 * number at once.
 *
 * edge-securityd's identity API, HTTP on unix:///<rundir>/identity.sock (listen.identity_uri), for
 * the agent alone (uid and cgroup or process of the peer are checked); JSON; errors {"message"}:
 *   GET    /device                     200
 * {"hubName","deviceId","hostname","authType","generationId"} · 503 not provisioned yet, the reason
 * in the message POST   /device/reprovision         204 GET    /identities                 200
 * {"identities":[{"moduleId","managedBy","generationId","authType":"sas"}]} POST   /identities
 * {"moduleId","managedBy"?} 200 identity (existing: as it is) PUT    /identities/{m}
 * {"generationId","managedBy"?} 200 identity DELETE /identities/{m}             204, also when
 * absent PUT    /modules/{m}/workload       {"cgroup":"/edge/<id>"} 200
 * {"directory":"<rundir>/workload/<id>"}: a folder with workload.sock in it that answers for module
 * m alone DELETE /modules/{m}/workload       204 {m} is the module id of IoT Hub ("$edgeAgent",
 * percent-encoded). The agent's own socket is <rundir>/workload/edgeAgent/workload.sock. Source:
 * agent.md 5.2, 5.4, 7.5. */
#ifndef AGENT_IDENTITY_IDENTITY_H
#define AGENT_IDENTITY_IDENTITY_H

#include "common/base/bytes.h"
#include "common/base/cancel.h"
#include "common/base/err.h"

struct agent_device {
    char *hub_name;
    char *device_id;
    char *generation_id; /* of $edgeAgent */
};
struct agent_module_identity {
    char *module_id;
    char *generation_id;
    char *managed_by;
};

/** Where the daemon is. All borrowed. */
struct agent_identity_daemon {
    const char *identity_socket; /* path */
    const char *workload_socket; /* path of the agent's own */
    struct edge_cancel *cancel;  /* or NULL */
};

/** @return 0, EDGE_EUNAVAILABLE (no daemon, or not provisioned: err says what to do),
 * EDGE_EPROTOCOL */
EDGE_MUST_CHECK int agent_identity_device(const struct agent_identity_daemon *daemon,
                                          struct agent_device *ret, struct edge_err *err);
void agent_device_fini(struct agent_device *device);
EDGE_MUST_CHECK int agent_identity_reprovision(const struct agent_identity_daemon *daemon,
                                               struct edge_err *err);

EDGE_MUST_CHECK int agent_identity_list(const struct agent_identity_daemon *daemon,
                                        struct agent_module_identity **ret, size_t *ret_len,
                                        struct edge_err *err);
struct agent_module_identity *agent_identities_free(struct agent_module_identity *ids, size_t len);
/** Made when absent. */
EDGE_MUST_CHECK int agent_identity_ensure(const struct agent_identity_daemon *daemon,
                                          const char *module_id, struct agent_module_identity *ret,
                                          struct edge_err *err);
void agent_module_identity_fini(struct agent_module_identity *id);
EDGE_MUST_CHECK int agent_identity_delete(const struct agent_identity_daemon *daemon,
                                          const char *module_id, struct edge_err *err);

/** The folder to mount for a module. The caller frees @p ret. */
EDGE_MUST_CHECK int agent_identity_workload(const struct agent_identity_daemon *daemon,
                                            const char *module_id, const char *cgroup, char **ret,
                                            struct edge_err *err);
EDGE_MUST_CHECK int agent_identity_workload_remove(const struct agent_identity_daemon *daemon,
                                                   const char *module_id, struct edge_err *err);

/** A token for $edgeAgent, signed through the workload API. The caller frees @p ret.
 * @param lifetime_s  3600 */
EDGE_MUST_CHECK int agent_identity_token(const struct agent_identity_daemon *daemon,
                                         const struct agent_device *device, int64_t lifetime_s,
                                         char **ret, struct edge_err *err);

#endif
