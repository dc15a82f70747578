/* common/crypto/hmac.h - HMAC-SHA256, comparison in constant time, random bytes. Any thread.
 * Sources: RFC 2104, FIPS 180-4, RFC 4122 4.4 (random UUID). */
#ifndef EDGE_CRYPTO_HMAC_H
#define EDGE_CRYPTO_HMAC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"

enum { EDGE_HMAC_SIZE = 32, EDGE_UUID_SIZE = 37 };

/** @return 0 or -ENOMEM */
EDGE_MUST_CHECK int edge_hmac_sha256(struct edge_bytes key, const void *data, size_t len,
                                     uint8_t mac[EDGE_HMAC_SIZE]);
/** Takes the same time wherever they differ. */
bool edge_same_secret(const void *a, const void *b, size_t len);
/** From the system's generator. @return 0 or EDGE_EUNAVAILABLE */
EDGE_MUST_CHECK int edge_random(void *data, size_t len);
/** A random (version 4) UUID in lower case. @return 0 or EDGE_EUNAVAILABLE */
EDGE_MUST_CHECK int edge_uuid(char text[EDGE_UUID_SIZE]);

#endif
