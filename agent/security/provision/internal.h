/* agent/security/provision/internal.h - what the files of this room share. */
#ifndef AGENT_SECURITY_PROVISION_INTERNAL_H
#define AGENT_SECURITY_PROVISION_INTERNAL_H

#include "agent/security/provision/dps.h"
#include "agent/security/provision/provision.h"
#include "common/crypto/sha256.h"

/** A hash of all that DPS is asked with: another configuration, another answer. */
EDGE_MUST_CHECK int sec_provision_fingerprint(const struct agent_provisioning *config,
                                              char hex[EDGE_SHA256_HEX]);
/** @return 0, or -ENOENT: nothing remembered for that fingerprint */
EDGE_MUST_CHECK int sec_provision_recall(const char *path, const char *fingerprint,
                                         struct sec_dps_result *ret);
EDGE_MUST_CHECK int sec_provision_remember(const char *path, const char *fingerprint,
                                           const struct sec_dps_result *result,
                                           struct edge_err *err);
/** Ask DPS until it has decided; @p who is how the device proves itself to it. */
EDGE_MUST_CHECK int sec_provision_register(const struct sec_provision *p,
                                           const struct sec_credential *who,
                                           struct sec_dps_result *ret, struct edge_err *err);

#endif
