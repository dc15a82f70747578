/* agent/security/identities/identities.h - the modules' identities: in IoT Hub, and remembered here
 * so that the device works without it. Blocking calls belong to one worker thread (one writer, no
 * storms); `known` may be called from any. Source: agent.md 7.5. */
#ifndef AGENT_SECURITY_IDENTITIES_IDENTITIES_H
#define AGENT_SECURITY_IDENTITIES_IDENTITIES_H

#include "agent/security/identities/cache.h"
#include "agent/security/keys/keys.h"
#include "agent/security/provision/provision.h"

struct sec_identities;

/** All borrowed; they outlive the object. */
struct sec_identities_options {
    struct sec_cloud *cloud;
    struct sec_keys *keys;
    const struct sec_device *device;
    const char *dir; /* of the cache */
};
EDGE_MUST_CHECK int sec_identities_open(const struct sec_identities_options *options,
                                        struct sec_identities **ret, struct edge_err *err);
struct sec_identities *sec_identities_close(struct sec_identities *ids);
EDGE_DEFINE_CLEANUP(struct sec_identities *, sec_identities_close)

/** As remembered; never waits. */
bool sec_identities_known(struct sec_identities *ids, const char *module, struct sec_identity *ret);

enum { SEC_IDENTITIES_REMEMBERED = 1 };
/**
 * All of them, sorted by name, as IoT Hub has them now.
 * @param ret  SEC_CACHE_MAX entries
 * @return 0 or SEC_IDENTITIES_REMEMBERED: IoT Hub cannot be asked now (the reason in @p err)
 */
EDGE_MUST_CHECK int sec_identities_list(struct sec_identities *ids, struct sec_identity *ret,
                                        size_t *ret_len, struct edge_err *err);
/**
 * Have the identity in IoT Hub, with keys of ours.
 * @param managed_by  of a new one; NULL: "IotEdge"
 * @param anew  look in IoT Hub also when all is remembered as it should be
 * @return 0, SEC_IDENTITIES_REMEMBERED, or EDGE_EUNAVAILABLE, EDGE_EAUTH (the device is refused or
 * gone), EDGE_EINVALID, EDGE_EREMOTE, EDGE_EPROTOCOL, EDGE_ELIMIT
 */
EDGE_MUST_CHECK int sec_identities_ensure(struct sec_identities *ids, const char *module,
                                          const char *managed_by, bool anew,
                                          struct sec_identity *ret, struct edge_err *err);
/** @return 0 also when there was none; as ensure */
EDGE_MUST_CHECK int sec_identities_delete(struct sec_identities *ids, const char *module,
                                          struct edge_err *err);

#endif
