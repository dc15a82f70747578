/* agent/security/keys/secret.h - a key that signs and never shows itself: in memory, kept in a file
 * of ours, or an object of a PKCS#11 token. Any thread, several at once; the calls may block on a
 * token. Source: RFC 2104, RFC 7512 ("pkcs11:" URIs), PKCS#11 v2.40. */
#ifndef AGENT_SECURITY_KEYS_SECRET_H
#define AGENT_SECURITY_KEYS_SECRET_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/crypto/hmac.h"

struct sec_secret;

enum { SEC_SECRET_MAX = 512 }; /* bytes of a key that is given to us */

/** A key as configuration writes it: base64, or the "pkcs11:" URI of an object. */
EDGE_MUST_CHECK int sec_secret_of_text(const char *text, struct sec_secret **ret,
                                       struct edge_err *err);
/** 32 random bytes kept in @p path with mode 0600, made on first use. A file that holds anything
 * else is refused, not replaced: what was made with the old key would be lost. */
EDGE_MUST_CHECK int sec_secret_of_file(const char *path, struct sec_secret **ret,
                                       struct edge_err *err);
/**
 * An object of the token that @p uri names (module-path, token, pin-value or pin-source).
 * @param label  of a 256-bit generic secret, made there when absent, never extractable; NULL: the
 *               object that @p uri names, which must exist
 * @return 0, EDGE_EINVALID (uri), EDGE_EUNAVAILABLE (module or token), EDGE_EAUTH (PIN), -ENOENT
 */
EDGE_MUST_CHECK int sec_secret_of_token(const char *uri, const char *label, struct sec_secret **ret,
                                        struct edge_err *err);

EDGE_MUST_CHECK int sec_secret_hmac(struct sec_secret *secret, const void *data, size_t len,
                                    uint8_t mac[EDGE_HMAC_SIZE], struct edge_err *err);
/** Wipes what it held. Accepts NULL; returns NULL. */
struct sec_secret *sec_secret_free(struct sec_secret *secret);
EDGE_DEFINE_CLEANUP(struct sec_secret *, sec_secret_free)

#endif
