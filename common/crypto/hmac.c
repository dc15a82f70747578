#include "common/crypto/hmac.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <sys/random.h>

#include "common/base/err.h"

int edge_hmac_sha256(struct edge_bytes key, const void *data, size_t len,
                     uint8_t mac[EDGE_HMAC_SIZE])
{
    static const uint8_t none[1];
    unsigned size = EDGE_HMAC_SIZE;

    if (key.len > INT_MAX)
        return -ENOMEM;
    /* OpenSSL takes a NULL key for "the one before" */
    if (!HMAC(EVP_sha256(), key.data ? key.data : none, (int) key.len, data, len, mac, &size))
        return -ENOMEM;
    return 0;
}

bool edge_same_secret(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

int edge_random(void *data, size_t len)
{
    uint8_t *at = data;

    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);

        if (n < 0 && errno != EINTR)
            return EDGE_EUNAVAILABLE;
        if (n > 0) {
            at += n;
            len -= (size_t) n;
        }
    }
    return 0;
}

int edge_uuid(char text[EDGE_UUID_SIZE])
{
    uint8_t b[16];
    int rc = edge_random(b, sizeof b);

    if (rc < 0)
        return rc;
    b[6] = (uint8_t) ((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t) ((b[8] & 0x3f) | 0x80);
    (void) snprintf(text, EDGE_UUID_SIZE,
                    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                    b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                    b[13], b[14], b[15]);
    return 0;
}
