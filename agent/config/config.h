/* agent/config/config.h - config.yaml, the same file for every program. The only room that knows
 * libyaml. Blocking file read; the result is read-only and may be shared between threads. */
#ifndef AGENT_CONFIG_CONFIG_H
#define AGENT_CONFIG_CONFIG_H

#include "agent/image/images.h"
#include "common/base/err.h"

#define AGENT_CONFIG_PATH "/etc/edge/config.yaml"

struct agent_config {
    char *hostname; /* default: the machine's */
    char *homedir;  /* "/var/lib/edge" */
    char *rundir;   /* "/run/edge" */
    struct {
        char *source;     /* "file" */
        char *deployment; /* "/etc/edge/deployment.json" */
    } provisioning;
    struct {
        char *uri; /* "unix:///run/containerd/containerd.sock" */
        char *ns;  /* key `namespace`, "edge" */
    } containerd;
    struct {
        char *name;    /* "azure-iot-edge" */
        char *subnet;  /* "172.30.0.0/16" */
        char *cni_bin; /* "/usr/lib/cni", or "/opt/cni/bin" when that one exists */
    } network;
    struct agent_registry *registries; /* all strings owned by the config */
    size_t nregistries;
    struct {
        char *management_uri; /* "unix://<rundir>/mgmt.sock" */
    } listen;
    struct {
        uint32_t max_restart_count;      /* `MaxRestartCount`, 0: never give up (the default) */
        uint32_t cool_off_unit_s;        /* `CoolOffTimeUnitInSeconds` 10, 0-300 */
        uint32_t intensive_care_minutes; /* `IntensiveCareTimeInMinutes` 10 */
        char *log_level;                 /* `RuntimeLogLevel` "info" */
    } agent;                             /* key agent.env of IoT Edge's config.yaml */
};

/**
 * Read and check @p path. Unknown keys and the like are warnings, not errors.
 * @param warn  called for each warning with a line such as
 *              "config.yaml:12:3: unknown key `hostnam` ignored"; may be NULL
 * @return 0, -ENOENT, EDGE_EINVALID with file, line and column in @p err, EDGE_ELIMIT
 */
EDGE_MUST_CHECK int agent_config_load(const char *path, void (*warn)(const char *text, void *arg),
                                      void *arg, struct agent_config **ret, struct edge_err *err);
struct agent_config *agent_config_free(struct agent_config *config);
EDGE_DEFINE_CLEANUP(struct agent_config *, agent_config_free)

#endif
