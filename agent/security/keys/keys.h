/* agent/security/keys/keys.h - the two master keys, and what is done with them: keys of modules,
 * signatures, bytes at rest. Any thread, several at once. Nothing here leaves the process but the
 * derived keys that IoT Hub is given with an identity.
 * Sources: agent.md 5.4 and 7.5, NIST SP 800-38D (GCM), SP 800-108 (a key for each message). */
#ifndef AGENT_SECURITY_KEYS_KEYS_H
#define AGENT_SECURITY_KEYS_KEYS_H

#include "agent/security/keys/secret.h"

struct sec_keys;

/** @param dir  folder of the key files, made with mode 0700   @param token_uri  NULL: files */
EDGE_MUST_CHECK int sec_keys_open(const char *dir, const char *token_uri, struct sec_keys **ret,
                                  struct edge_err *err);
struct sec_keys *sec_keys_close(struct sec_keys *keys);
EDGE_DEFINE_CLEANUP(struct sec_keys *, sec_keys_close)

enum sec_key_slot { SEC_PRIMARY, SEC_SECONDARY };
/** HMAC(identity key, "<module>:<generation>:primary"). The caller wipes @p key. */
EDGE_MUST_CHECK int sec_keys_module(struct sec_keys *keys, const char *module,
                                    const char *generation, enum sec_key_slot slot,
                                    uint8_t key[EDGE_HMAC_SIZE], struct edge_err *err);
/** HMAC(primary key of the module, data). */
EDGE_MUST_CHECK int sec_keys_sign(struct sec_keys *keys, const char *module, const char *generation,
                                  struct edge_bytes data, uint8_t mac[EDGE_HMAC_SIZE],
                                  struct edge_err *err);

/** Whose bytes these are; all of it is needed again to read them. */
struct sec_seal {
    const char *module;
    const char *generation;
    struct edge_bytes iv; /* the caller's, of any length */
};
/**
 * 1 ‖ nonce[32] ‖ AES-256-GCM ‖ tag[16], under a key made from the master key and that fresh nonce:
 * an IV that comes twice never meets the same key twice.
 * @param out  appended to; its ceiling is the limit
 */
EDGE_MUST_CHECK int sec_keys_encrypt(struct sec_keys *keys, const struct sec_seal *seal,
                                     struct edge_bytes plain, struct edge_buf *out,
                                     struct edge_err *err);
/** @return 0, EDGE_EINVALID when it was not made so, or with another seal */
EDGE_MUST_CHECK int sec_keys_decrypt(struct sec_keys *keys, const struct sec_seal *seal,
                                     struct edge_bytes cipher, struct edge_buf *out,
                                     struct edge_err *err);

#endif
