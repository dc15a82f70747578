/* agent/security/self/self.h - who this device is now: its name in the cloud and the identities of
 * its modules. Replaced as a whole when the device is provisioned anew. Sources: agent.md 7.
 *
 * Calls marked `writer` belong to the one writer thread; the others to any thread. */
#ifndef AGENT_SECURITY_SELF_SELF_H
#define AGENT_SECURITY_SELF_SELF_H

#include "agent/security/identities/identities.h"

struct sec_self;

#define SEC_AGENT_MODULE "$edgeAgent"

struct sec_self_names {
    char hub[256];
    char device[129];
    char generation[129]; /* of $edgeAgent; "" while unknown */
    bool x509;
};

/** All borrowed. */
EDGE_MUST_CHECK int sec_self_create(struct sec_cloud *cloud, struct sec_keys *keys, const char *dir,
                                    struct sec_self **ret);
struct sec_self *sec_self_destroy(struct sec_self *self);
EDGE_DEFINE_CLEANUP(struct sec_self *, sec_self_destroy)

/** writer: be this device from now on. @p device is emptied on success.
 * @return 0; 1 when it was that already, and only its proof is new; negative: nothing changed */
EDGE_MUST_CHECK int sec_self_adopt(struct sec_self *self, struct sec_device *device,
                                   struct edge_err *err);
enum { SEC_SELF_SAME = 1 };

/** @return false while the device is nobody */
bool sec_self_names(struct sec_self *self, struct sec_self_names *ret);
/** As remembered; never waits for the cloud. */
bool sec_self_known(struct sec_self *self, const char *module, struct sec_identity *ret);

/* writer: as in identities.h; EDGE_EUNAVAILABLE while the device is nobody. */
EDGE_MUST_CHECK int sec_self_list(struct sec_self *self, struct sec_identity *ret, size_t *ret_len,
                                  struct edge_err *err);
EDGE_MUST_CHECK int sec_self_ensure(struct sec_self *self, const char *module,
                                    const char *managed_by, bool anew, struct sec_identity *ret,
                                    struct edge_err *err);
EDGE_MUST_CHECK int sec_self_delete(struct sec_self *self, const char *module,
                                    struct edge_err *err);

#endif
