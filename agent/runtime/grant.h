/* agent/runtime/grant.h - what a module is given where the cloud drives the device: who it is in
 * IoT Hub, and the folder of its workload socket. It goes into the container as environment, label
 * and mount. Pure; any thread. Source: agent.md 6.1 to 6.4. */
#ifndef AGENT_RUNTIME_GRANT_H
#define AGENT_RUNTIME_GRANT_H

#include "agent/desired/desired.h"

#define AGENT_WORKLOAD_TARGET "/var/run/iotedge"

/** All owned. */
struct agent_grant {
    char *hub;        /* host name of the IoT Hub */
    char *device;     /* device id */
    char *module;     /* module id: "$edgeHub" for edgeHub */
    char *generation; /* of the module's identity: another one after it was deleted and made anew */
    char *workload;   /* folder on the host with workload.sock in it */
};
void agent_grant_fini(struct agent_grant *grant);
/** @return 0 or -ENOMEM */
EDGE_MUST_CHECK int agent_grant_copy(const struct agent_grant *from, struct agent_grant *ret);

/** IoT Hub's id for a module of that name. */
const char *agent_grant_module_id(const char *name, char id[130]);

/** The identity as one text, kept on the container: another text, another container. The caller
 * frees it. */
char *agent_grant_text(const struct agent_grant *grant);
/** Does the container made with @p label (NULL: with none) fit @p grant (NULL: there is none)? What
 * has been made with an identity stays when there are none any more. */
bool agent_grant_fits(const struct agent_grant *grant, const char *label);

/** What of the device goes into environments. */
struct agent_surroundings {
    const char *hostname;  /* of the device */
    const char *parent;    /* host of the parent device, or NULL */
    const char *log_level; /* the agent's own, as written, or NULL */
    const char *upstream;  /* UpstreamProtocol as written, or NULL */
};

/** The module's env and what is injected, "K=V", NULL at the end: later ones win. RuntimeLogLevel
 * and UpstreamProtocol give way to the module's own, in any case; nothing else does.
 * @param grant  NULL: the module's env alone   @return owned, agent_strv_free; NULL without memory
 */
char **agent_grant_env(const struct agent_module_spec *spec, const struct agent_grant *grant,
                       const struct agent_surroundings *around);
char **agent_strv_free(char **list);
EDGE_DEFINE_CLEANUP(char **, agent_strv_free)

/** The first of the module's variables that the injected ones hide, or NULL. */
const char *agent_grant_hides(const struct agent_module_spec *spec,
                              const struct agent_surroundings *around);

#endif
