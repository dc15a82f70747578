/* agent/config/config.h - config.yaml, the same file for every program. The only room that knows
 * libyaml. Blocking file read; the result is read-only and may be shared between threads. */
#ifndef AGENT_CONFIG_CONFIG_H
#define AGENT_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/image/images.h"
#include "common/base/err.h"

#define AGENT_CONFIG_PATH "/etc/edge/config.yaml"

/** Where the deployment and the device's identity come from. Paths never begin with "file://". */
struct agent_provisioning {
    char *source;            /* "file", "manual" or "dps" */
    char *deployment;        /* of file: "/etc/edge/deployment.json" */
    char *connection_string; /* manual: `device_connection_string`; or NULL, then by the next */
    struct {
        char *method; /* "x509" or "sas" */
        char *iothub_hostname;
        char *device_id;
        char *identity_cert; /* x509: path */
        char *identity_pk;   /* x509: path or "pkcs11:" URI */
        char *device_id_pk;  /* sas: key in base64 or "pkcs11:" URI */
    } authentication;
    char *global_endpoint; /* dps: "https://global.azure-devices-provisioning.net" */
    char *scope_id;
    struct {
        char *method;          /* "symmetric_key" or "x509" */
        char *registration_id; /* x509: NULL: the common name of identity_cert */
        char *symmetric_key;   /* base64 or "pkcs11:" URI */
        char *identity_cert;
        char *identity_pk;
    } attestation;
    bool always_reprovision; /* `always_reprovision_on_startup` true */
    bool dynamic;            /* `dynamic_reprovisioning` false */
};

struct agent_config {
    char *hostname; /* default: the machine's */
    char *homedir;  /* "/var/lib/edge" */
    char *rundir;   /* "/run/edge" */
    struct agent_provisioning provisioning;
    struct {
        char *trusted_ca; /* PEM file: trusted for the cloud besides the system's, or NULL */
    } cloud;
    struct {
        char *pkcs11;      /* "pkcs11:token=…": the token that holds our keys; NULL: files */
        char *token_files; /* folder its module writes to, or NULL */
    } keys;
    struct {
        char *device_ca_cert; /* path, with device_ca_pk; or both NULL: a CA of our own */
        char *device_ca_pk;   /* path or "pkcs11:" URI */
        char *trusted_ca_certs;
        uint32_t lifetime_days; /* `auto_generated_ca_lifetime_days` 90 */
    } certificates;
    struct {
        bool agent; /* edge-securityd starts edge-agent: true */
    } watchdog;
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
        char *identity_uri;   /* "unix://<rundir>/identity.sock" */
        char *metrics_uri;    /* "tcp://127.0.0.1:9600" */
    } listen;
    struct {
        uint32_t max_restart_count;      /* `MaxRestartCount`, 0: never give up (the default) */
        uint32_t cool_off_unit_s;        /* `CoolOffTimeUnitInSeconds` 10, 0-300 */
        uint32_t intensive_care_minutes; /* `IntensiveCareTimeInMinutes` 10 */
        char *log_level;                 /* `RuntimeLogLevel` "info" */
        bool metrics;                    /* `MetricsEnabled` true */
        char *upstream_protocol; /* `UpstreamProtocol` as written, for modules; NULL when absent */
        bool upstream_websocket; /* what it means for the agent: MQTT over WebSocket */
        char *https_proxy;       /* "http://[user:password@]host:port", or NULL */
        char *no_proxy;
    } agent; /* key agent.env of IoT Edge's config.yaml */
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
