/* agent/image/digest.h - digests as registries write them: "sha256:…", and the chain of them that
 * names a snapshot. Pure; any thread. */
#ifndef AGENT_IMAGE_DIGEST_H
#define AGENT_IMAGE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

#define AGENT_DIGEST_TEXT 72 /* "sha256:", 64 hex digits and a NUL */

/** sha256 or sha512 with the right number of lower-case hex digits. */
bool agent_digest_valid(const char *digest);
/** The only kind containerd's content store keeps. */
bool agent_digest_is_sha256(const char *digest);
/** Digest of @p len bytes. */
void agent_digest_of(const void *data, size_t len, char text[AGENT_DIGEST_TEXT]);

/** Name of the snapshot that has layers 0 … i, from that of 0 … i-1 ("" or NULL: none) and layer
 * i's diff id. */
void agent_chain_next(const char *chain, const char *diff_id, char text[AGENT_DIGEST_TEXT]);

#endif
