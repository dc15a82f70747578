/* agent/image/auth.h - showing a registry who asks: nothing until it wants something, then Basic or
 * a token of its token service. One object per registry and repository; any thread. */
#ifndef AGENT_IMAGE_AUTH_H
#define AGENT_IMAGE_AUTH_H

#include "agent/image/credentials.h"
#include "common/http/client.h"

struct agent_auth;
struct agent_auth_peer {
    const char *host; /* for texts */
    const char *repository;
    const char *ca; /* may be NULL */
    bool plain_http;
    struct agent_credentials credentials;
};

/** @param peer  its strings are borrowed for the object's life. @return NULL without memory */
struct agent_auth *agent_auth_create(const struct agent_auth_peer *peer);
struct agent_auth *agent_auth_destroy(struct agent_auth *auth);
EDGE_DEFINE_CLEANUP(struct agent_auth *, agent_auth_destroy)

/** What one request shows. */
struct agent_auth_pass {
    char *bearer; /* value of the Authorization header, or NULL; owned */
    const char *username;
    const char *password;
    unsigned generation_;
};
EDGE_MUST_CHECK int agent_auth_pass(struct agent_auth *auth, struct agent_auth_pass *ret);
void agent_auth_pass_fini(struct agent_auth_pass *pass);

/**
 * A request with @p pass was answered 401: do what the answer asks for, so that the next pass is
 * better. May ask the token service, once for all threads.
 * @return 0 try again · EDGE_EAUTH there is nothing better to show · EDGE_EUNAVAILABLE the token
 * service does not answer · EDGE_EPROTOCOL · -ECANCELED
 */
EDGE_MUST_CHECK int agent_auth_improve(struct agent_auth *auth, const struct agent_auth_pass *pass,
                                       const struct edge_http_response *refusal,
                                       struct edge_cancel *cancel, struct edge_err *err);

#endif
