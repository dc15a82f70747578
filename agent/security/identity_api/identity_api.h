/* agent/security/identity_api/identity_api.h - the API for the agent alone:
 * agent/identity/identity.h says what it serves. Loop thread. */
#ifndef AGENT_SECURITY_IDENTITY_API_IDENTITY_API_H
#define AGENT_SECURITY_IDENTITY_API_IDENTITY_API_H

#include "agent/security/self/self.h"
#include "agent/security/workload/workload.h"

struct sec_identity_api;

/** All borrowed; they outlive the object. */
struct sec_identity_api_options {
    struct edge_loop *loop;
    struct edge_pool *writer; /* of one thread: all that asks the cloud */
    const char *uri;
    const char *hostname;
    struct sec_self *self;
    struct sec_workload *workload;
    /** Is that process the agent? */
    bool (*is_agent)(pid_t pid, uid_t uid, void *arg);
    /** Why the device is not provisioned; NULL when it is. */
    const char *(*reason)(void *arg);
    /** Provision anew; @p asked: the agent wants it, else the cloud has refused the device. */
    void (*reprovision)(bool asked, void *arg);
    void *arg;
};

EDGE_MUST_CHECK int sec_identity_api_open(const struct sec_identity_api_options *options,
                                          struct sec_identity_api **ret, struct edge_err *err);
/** After the pool has run dry. Accepts NULL; returns NULL. */
struct sec_identity_api *sec_identity_api_close(struct sec_identity_api *api);

#endif
