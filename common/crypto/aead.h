/* common/crypto/aead.h - AES-256-GCM with a key that is used once. Pure; any thread. Source: NIST
 * SP 800-38D. */
#ifndef EDGE_CRYPTO_AEAD_H
#define EDGE_CRYPTO_AEAD_H

#include <stdint.h>

#include "common/base/bytes.h"

enum { EDGE_AEAD_KEY = 32, EDGE_AEAD_TAG = 16 };

/** Append the ciphertext and its tag. The nonce is fixed: never use a key twice.
 * @return 0, EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int edge_aead_seal(const uint8_t key[EDGE_AEAD_KEY], struct edge_bytes aad,
                                   struct edge_bytes plain, struct edge_buf *out);
/** Append the plaintext. @return 0, EDGE_EINVALID (not sealed so), EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int edge_aead_open(const uint8_t key[EDGE_AEAD_KEY], struct edge_bytes aad,
                                   struct edge_bytes sealed, struct edge_buf *out);

#endif
