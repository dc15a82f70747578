/* hub/auth/auth.h - who may come in: identities in the scope of this device, as IoT Hub says, kept
 * sealed on disk, so that the hub lets its clients in with no cloud. Loop thread.
 * Source: hub.md 4.
 *
 *   claim --> entry known? --no--> ask IoT Hub for it (twice in 2 minutes each) -> entry known?
 *                 | yes                                                               |
 *                 +--> proof: token by the keys of the identity or its parent device, certificate
 *                      by thumbprint or CA --no, and not asked lately--> ask, and look again */
#ifndef HUB_AUTH_AUTH_H
#define HUB_AUTH_AUTH_H

#include "hub/core/backend.h"
#include "hub/store/store.h"
#include "hub/workload/workload.h"

struct hub_auth;

/** Where the scope comes from; hub/auth/scope_http.c asks IoT Hub, tests have fakes. On the loop;
 * `done` later, once. JSON as IoT Hub answers: {"devices", "modules", "continuationLink"}. */
struct hub_scope_source {
    /** A page; @p link NULL: the first. */
    void (*page)(void *self, const char *link,
                 void (*done)(int status, const char *json, size_t len, const struct edge_err *err,
                              void *arg),
                 void *arg);
    /** One identity. status 0: no answer. */
    void (*one)(void *self, const struct edge_identity *who,
                void (*done)(int status, const char *json, size_t len, const struct edge_err *err,
                             void *arg),
                void *arg);
    void *self;
};
struct hub_auth_options {
    struct edge_loop *loop;
    struct hub_store *store;
    const struct hub_vault *vault;
    const struct hub_scope_source *source;
    const struct hub_self *self;
    const char *trust_pem;    /* copied */
    unsigned refresh_s;       /* all of it; 0: 3600 */
    unsigned refresh_delay_s; /* one identity, so often, and once in between; 0: 120 */
    /** An identity has changed so that who is connected must be looked at again: hub_auth_again. */
    void (*changed)(const struct edge_identity *who, void *arg);
    void *arg;
};
/** Reads what is on disk; asks IoT Hub later. */
EDGE_MUST_CHECK int hub_auth_open(const struct hub_auth_options *options, struct hub_auth **ret,
                                  struct edge_err *err);
struct hub_auth *hub_auth_close(struct hub_auth *auth);

/** hub_backend_ops.authenticate. HUB_UNAVAILABLE when only the cloud could tell and it is away.
 * until_s is the token's end plus the grace of 5 minutes that IoT Edge gives. */
void hub_auth_check(struct hub_auth *auth, const struct hub_claim *claim, hub_grant_done *done,
                    void *arg);
/** Whether a grant still holds: the identity is there, enabled, and its proof (fingerprint of the
 * key or certificate that proved it, kept by the room for each identity let in) is still good.
 * @return HUB_OK or HUB_REFUSED */
enum hub_result hub_auth_again(struct hub_auth *auth, const struct edge_identity *who);
/** The cloud can be reached (again): refresh what is due. */
void hub_auth_online(struct hub_auth *auth);
/** $edgeHub's direct method RefreshDeviceScopeIdentityCache; NULL @p who: everything. */
void hub_auth_refresh(struct hub_auth *auth, const struct edge_identity *who, hub_done *done,
                      void *arg);
/** "device;edge" or "device/module;edge": for whom we speak upstream. Borrowed until the next call.
 * @return NULL: not in our scope, as far as is known */
const char *hub_auth_chain(struct hub_auth *auth, const struct edge_identity *who);

#endif
