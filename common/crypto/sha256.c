#include "common/crypto/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct edge_sha256 {
    EVP_MD_CTX *ctx;
};

struct edge_sha256 *edge_sha256_create(void)
{
    struct edge_sha256 *sha = calloc(1, sizeof *sha);

    if (!sha)
        return NULL;
    sha->ctx = EVP_MD_CTX_new();
    if (!sha->ctx || EVP_DigestInit_ex(sha->ctx, EVP_sha256(), NULL) != 1)
        return edge_sha256_destroy(sha);
    return sha;
}

struct edge_sha256 *edge_sha256_destroy(struct edge_sha256 *sha)
{
    if (sha)
        EVP_MD_CTX_free(sha->ctx);
    free(sha);
    return NULL;
}

void edge_sha256_update(struct edge_sha256 *sha, const void *data, size_t len)
{
    EVP_DigestUpdate(sha->ctx, data, len);
}

static void to_hex(const unsigned char *digest, char hex[EDGE_SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < 32; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[64] = '\0';
}

void edge_sha256_hex(struct edge_sha256 *sha, char hex[EDGE_SHA256_HEX])
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    EVP_MD_CTX *copy = EVP_MD_CTX_new();

    if (copy && EVP_MD_CTX_copy_ex(copy, sha->ctx) == 1)
        EVP_DigestFinal_ex(copy, digest, NULL);
    EVP_MD_CTX_free(copy);
    to_hex(digest, hex);
}

void edge_sha256_of(const void *data, size_t len, char hex[EDGE_SHA256_HEX])
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};

    EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL);
    to_hex(digest, hex);
}
