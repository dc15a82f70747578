/* agent/security/provision/provision.h - which device this is: by a connection string, by
 * certificate, or as the Device Provisioning Service says; remembered, so that the device boots
 * with no cloud. Blocking: worker threads, one at a time. Sources: agent.md 7.1 to 7.3, 8.2. */
#ifndef AGENT_SECURITY_PROVISION_PROVISION_H
#define AGENT_SECURITY_PROVISION_PROVISION_H

#include "agent/config/config.h"
#include "agent/security/cloud/cloud.h"

struct sec_device {
    char *hub; /* "name.azure-devices.net" */
    char *id;
    struct sec_secret *key; /* the device's; NULL: by certificate */
    char *cert_file;
    char *pk;
};
void sec_device_fini(struct sec_device *device);
static inline void sec_device_finip(struct sec_device *device)
{
    sec_device_fini(device);
}
/** Borrowed from @p device. */
struct sec_credential sec_device_credential(const struct sec_device *device);

struct sec_provision {
    const struct agent_provisioning *config;
    const char *cache; /* path of the file that remembers DPS's answer */
    struct sec_cloud *cloud;
    bool offline; /* DPS is not asked: what it said before will do */
};

/** @return 0 · -ENOENT offline, and nothing is remembered for this configuration ·
 * EDGE_EUNSUPPORTED provisioning.source is file · EDGE_EINVALID and other failures of the
 * configuration's keys and certificates · as sec_dps_read · as edge_http_request */
EDGE_MUST_CHECK int sec_provision(const struct sec_provision *p, struct sec_device *ret,
                                  struct edge_err *err);

#endif
