#include "common/crypto/aead.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/base/err.h"

static EVP_CIPHER_CTX *cipher_free(EVP_CIPHER_CTX *ctx)
{
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}
EDGE_DEFINE_CLEANUP(EVP_CIPHER_CTX *, cipher_free)

static const uint8_t nonce[12];

static bool fits(struct edge_bytes a, struct edge_bytes b)
{
    return a.len < INT_MAX / 2 && b.len < INT_MAX / 2;
}

int edge_aead_seal(const uint8_t key[EDGE_AEAD_KEY], struct edge_bytes aad, struct edge_bytes plain,
                   struct edge_buf *out)
{
    EDGE_CLEANUP(cipher_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    EDGE_CLEANUP(edge_free) uint8_t *text = malloc(plain.len + EDGE_AEAD_TAG);
    int len = 0;

    if (!ctx || !text)
        return -ENOMEM;
    if (!fits(aad, plain))
        return EDGE_ELIMIT;
    if (EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) != 1 ||
        EVP_EncryptUpdate(ctx, NULL, &len, aad.data, (int) aad.len) != 1 ||
        EVP_EncryptUpdate(ctx, text, &len, plain.data, (int) plain.len) != 1 ||
        EVP_EncryptFinal_ex(ctx, text + len, &len) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, EDGE_AEAD_TAG, text + plain.len) != 1)
        return -ENOMEM;
    return edge_buf_append(out, text, plain.len + EDGE_AEAD_TAG);
}

int edge_aead_open(const uint8_t key[EDGE_AEAD_KEY], struct edge_bytes aad,
                   struct edge_bytes sealed, struct edge_buf *out)
{
    EDGE_CLEANUP(cipher_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    size_t size = sealed.len - EDGE_AEAD_TAG;
    uint8_t tag[EDGE_AEAD_TAG];
    uint8_t *text;
    int len = 0;
    int rc = EDGE_EINVALID;

    if (sealed.len < EDGE_AEAD_TAG || !fits(aad, sealed))
        return EDGE_EINVALID;
    text = malloc(size + 1);
    if (!ctx || !text) {
        free(text);
        return -ENOMEM;
    }
    memcpy(tag, sealed.data + size, sizeof tag);
    if (EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
        EVP_DecryptUpdate(ctx, NULL, &len, aad.data, (int) aad.len) == 1 &&
        EVP_DecryptUpdate(ctx, text, &len, sealed.data, (int) size) == 1 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, sizeof tag, tag) == 1 &&
        EVP_DecryptFinal_ex(ctx, text + len, &len) == 1)
        rc = edge_buf_append(out, text, size);
    explicit_bzero(text, size);
    free(text);
    return rc;
}
