/* agent/security/keys/token.h - inside the room: a session with a PKCS#11 token, logged in. One
 * thread at a time. Only token.c knows p11-kit. */
#ifndef AGENT_SECURITY_KEYS_TOKEN_H
#define AGENT_SECURITY_KEYS_TOKEN_H

#include "common/base/err.h"

/* Objects are handles of PKCS#11, which are unsigned long. */
struct sec_token;

/** @return as sec_secret_of_token */
EDGE_MUST_CHECK int sec_token_open(const char *uri, struct sec_token **ret, struct edge_err *err);
/** Accepts NULL; returns NULL. */
struct sec_token *sec_token_close(struct sec_token *token);
EDGE_DEFINE_CLEANUP(struct sec_token *, sec_token_close)

/** The secret key with that label (NULL: the object of the token's URI). */
EDGE_MUST_CHECK int sec_token_find(struct sec_token *token, const char *label, unsigned long *ret,
                                   struct edge_err *err);
/** Make a 256-bit generic secret that never leaves the token. */
EDGE_MUST_CHECK int sec_token_generate(struct sec_token *token, const char *label,
                                       unsigned long *ret, struct edge_err *err);
enum { SEC_TOKEN_LOST = 1 };
/** HMAC-SHA256 by the token. @return 0, SEC_TOKEN_LOST (open it anew), EDGE_EREMOTE */
EDGE_MUST_CHECK int sec_token_hmac(struct sec_token *token, unsigned long key, const void *data,
                                   size_t len, unsigned char mac[32], struct edge_err *err);

#endif
