/* agent/security/keys/backend.h - inside the room: what a kind of secret does. */
#ifndef AGENT_SECURITY_KEYS_BACKEND_H
#define AGENT_SECURITY_KEYS_BACKEND_H

#include "agent/security/keys/secret.h"

struct sec_secret {
    int (*hmac)(struct sec_secret *secret, const void *data, size_t len,
                uint8_t mac[EDGE_HMAC_SIZE], struct edge_err *err);
    void (*free)(struct sec_secret *secret);
};

#endif
