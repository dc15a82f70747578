#include "agent/security/provision/provision.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/security/provision/internal.h"
#include "common/iothub/connection_string.h"

void sec_device_fini(struct sec_device *device)
{
    free(device->hub);
    free(device->id);
    sec_secret_free(device->key);
    free(device->cert_file);
    free(device->pk);
    *device = (struct sec_device){0};
}

struct sec_credential sec_device_credential(const struct sec_device *device)
{
    return (struct sec_credential){device->key, device->cert_file, device->pk};
}

static int set_name(struct sec_device *device, const char *hub, const char *id)
{
    device->hub = edge_strdup(hub);
    device->id = edge_strdup(id);
    return device->hub && device->id ? 0 : -ENOMEM;
}

/* A key when there is one, else certificate and private key. */
static int set_proof(struct sec_device *device, const char *key, const char *cert, const char *pk,
                     struct edge_err *err)
{
    if (key)
        return sec_secret_of_text(key, &device->key, err);
    device->cert_file = edge_strdup(cert);
    device->pk = edge_strdup(pk);
    return device->cert_file && device->pk ? 0 : -ENOMEM;
}

static int by_connection_string(const struct agent_provisioning *config, struct sec_device *ret,
                                struct edge_err *err)
{
    struct edge_connection_string cs = {0};
    int rc = edge_connection_string_parse(config->connection_string, &cs, err);

    if (rc < 0)
        return edge_wrap(err, rc, "provisioning.device_connection_string");
    if (cs.x509 || !cs.key || cs.module_id)
        rc = edge_fail(err, EDGE_EINVALID,
                       "provisioning.device_connection_string must be a device's, with its "
                       "SharedAccessKey");
    if (rc == 0 && !sec_hub_valid(cs.hostname))
        rc = edge_fail(err, EDGE_EINVALID,
                       "provisioning.device_connection_string: HostName is not a host name");
    if (rc == 0)
        rc = set_name(ret, cs.hostname, cs.device_id);
    if (rc == 0)
        rc = set_proof(ret, cs.key, NULL, NULL, err);
    edge_connection_string_fini(&cs);
    return rc;
}

static int by_hand(const struct agent_provisioning *config, struct sec_device *ret,
                   struct edge_err *err)
{
    bool sas = strcmp(config->authentication.method, "sas") == 0;
    int rc;

    if (!sec_hub_valid(config->authentication.iothub_hostname))
        return edge_fail(err, EDGE_EINVALID,
                         "provisioning.authentication.iothub_hostname is not a host name");
    rc = set_name(ret, config->authentication.iothub_hostname, config->authentication.device_id);
    if (rc == 0)
        rc = set_proof(ret, sas ? config->authentication.device_id_pk : NULL,
                       config->authentication.identity_cert, config->authentication.identity_pk,
                       err);
    return rc;
}

static int resolve(const struct sec_provision *p, const struct sec_credential *who,
                   struct sec_dps_result *ret, struct edge_err *err)
{
    char fingerprint[EDGE_SHA256_HEX];
    int rc = sec_provision_fingerprint(p->config, fingerprint);

    if (rc < 0)
        return rc;
    if (p->offline)
        return sec_provision_recall(p->cache, fingerprint, ret) < 0
                   ? edge_fail(err, -ENOENT, "not registered with DPS yet")
                   : 0;
    rc = sec_provision_register(p, who, ret, err);
    return rc < 0 ? rc : sec_provision_remember(p->cache, fingerprint, ret, err);
}

static int by_dps(const struct sec_provision *p, struct sec_device *ret, struct edge_err *err)
{
    const struct agent_provisioning *config = p->config;
    bool symmetric = strcmp(config->attestation.method, "symmetric_key") == 0;
    struct sec_credential who;
    struct sec_dps_result result = {0};
    int rc = set_proof(ret, symmetric ? config->attestation.symmetric_key : NULL,
                       config->attestation.identity_cert, config->attestation.identity_pk, err);

    if (rc < 0)
        return edge_wrap(err, rc, "provisioning.attestation");
    who = sec_device_credential(ret);
    rc = resolve(p, &who, &result, err);
    return rc < 0 ? rc : set_name(ret, result.hub, result.device);
}

int sec_provision(const struct sec_provision *p, struct sec_device *ret, struct edge_err *err)
{
    const char *source = p->config->source;
    int rc;

    *ret = (struct sec_device){0};
    if (strcmp(source, "dps") == 0)
        rc = by_dps(p, ret, err);
    else if (strcmp(source, "manual") == 0)
        rc = p->config->connection_string ? by_connection_string(p->config, ret, err)
                                          : by_hand(p->config, ret, err);
    else
        rc = edge_fail(err, EDGE_EUNSUPPORTED,
                       "provisioning.source is file: this device has no identity in the cloud");
    if (rc < 0)
        sec_device_fini(ret);
    return rc;
}
