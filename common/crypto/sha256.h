/* common/crypto/sha256.h - SHA-256, whole or in pieces. Any thread; an object belongs to one. */
#ifndef EDGE_CRYPTO_SHA256_H
#define EDGE_CRYPTO_SHA256_H

#include <stddef.h>

#include "common/base/attr.h"

#define EDGE_SHA256_HEX 65 /* 64 lower-case hex digits and a NUL */

struct edge_sha256;

/** @return NULL without memory */
struct edge_sha256 *edge_sha256_create(void);
struct edge_sha256 *edge_sha256_destroy(struct edge_sha256 *sha);
EDGE_DEFINE_CLEANUP(struct edge_sha256 *, edge_sha256_destroy)
void edge_sha256_update(struct edge_sha256 *sha, const void *data, size_t len);
/** The digest of what has been fed so far; feeding may go on. */
void edge_sha256_hex(struct edge_sha256 *sha, char hex[EDGE_SHA256_HEX]);

/** All at once. */
void edge_sha256_of(const void *data, size_t len, char hex[EDGE_SHA256_HEX]);

#endif
