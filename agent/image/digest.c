#include "agent/image/digest.h"

#include <stdio.h>
#include <string.h>

#include "common/crypto/sha256.h"

static bool has(const char *digest, const char *algorithm, size_t digits)
{
    size_t prefix = strlen(algorithm);

    return strncmp(digest, algorithm, prefix) == 0 && strlen(digest + prefix) == digits &&
           strspn(digest + prefix, "0123456789abcdef") == digits;
}

bool agent_digest_is_sha256(const char *digest)
{
    return has(digest, "sha256:", 64);
}

bool agent_digest_valid(const char *digest)
{
    return agent_digest_is_sha256(digest) || has(digest, "sha512:", 128);
}

void agent_digest_of(const void *data, size_t len, char text[AGENT_DIGEST_TEXT])
{
    char hex[EDGE_SHA256_HEX];

    edge_sha256_of(data, len, hex);
    (void) snprintf(text, AGENT_DIGEST_TEXT, "sha256:%s", hex);
}

void agent_chain_next(const char *chain, const char *diff_id, char text[AGENT_DIGEST_TEXT])
{
    char both[2 * AGENT_DIGEST_TEXT];

    if (!chain || !*chain) {
        (void) snprintf(text, AGENT_DIGEST_TEXT, "%s", diff_id);
        return;
    }
    (void) snprintf(both, sizeof both, "%s %s", chain, diff_id);
    agent_digest_of(both, strlen(both), text);
}
