#include "agent/security/keys/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/crypto/aead.h"

enum { FORMAT = 1, NONCE_SIZE = 32, AAD_MAX = 8192 };

static const char message_label[] = "edge-securityd message key 1";

struct sec_keys {
    struct sec_secret *identity;
    struct sec_secret *encryption;
};

static int open_master(const char *dir, const char *token_uri, const char *name,
                       struct sec_secret **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", dir, name);
    EDGE_CLEANUP(edge_free) char *label = edge_format("edge-%s", name);
    int rc;

    if (!path || !label)
        return -ENOMEM;
    rc = token_uri ? sec_secret_of_token(token_uri, label, ret, err)
                   : sec_secret_of_file(path, ret, err);
    return rc < 0 ? edge_wrap(err, rc, "the key `%s`", name) : 0;
}

int sec_keys_open(const char *dir, const char *token_uri, struct sec_keys **ret,
                  struct edge_err *err)
{
    EDGE_CLEANUP(sec_keys_close) struct sec_keys *keys = calloc(1, sizeof *keys);
    int rc;

    if (!keys)
        return -ENOMEM;
    rc = edge_mkdirs(dir, 0700, err);
    if (rc == 0)
        rc = open_master(dir, token_uri, "master-identity", &keys->identity, err);
    if (rc == 0)
        rc = open_master(dir, token_uri, "master-encryption", &keys->encryption, err);
    if (rc == 0)
        *ret = EDGE_TAKE(keys);
    return rc;
}

struct sec_keys *sec_keys_close(struct sec_keys *keys)
{
    if (!keys)
        return NULL;
    sec_secret_free(keys->identity);
    sec_secret_free(keys->encryption);
    free(keys);
    return NULL;
}

int sec_keys_module(struct sec_keys *keys, const char *module, const char *generation,
                    enum sec_key_slot slot, uint8_t key[EDGE_HMAC_SIZE], struct edge_err *err)
{
    EDGE_CLEANUP(edge_free)
    char *data =
        edge_format("%s:%s:%s", module, generation, slot == SEC_PRIMARY ? "primary" : "secondary");

    return data ? sec_secret_hmac(keys->identity, data, strlen(data), key, err) : -ENOMEM;
}

int sec_keys_sign(struct sec_keys *keys, const char *module, const char *generation,
                  struct edge_bytes data, uint8_t mac[EDGE_HMAC_SIZE], struct edge_err *err)
{
    uint8_t key[EDGE_HMAC_SIZE];
    int rc = sec_keys_module(keys, module, generation, SEC_PRIMARY, key, err);

    if (rc == 0)
        rc = edge_hmac_sha256((struct edge_bytes){key, sizeof key}, data.data, data.len, mac);
    explicit_bzero(key, sizeof key);
    return rc;
}

/* ---- bytes at rest ---- */

static int append_field(struct edge_buf *aad, const void *data, size_t len)
{
    const uint8_t size[4] = {(uint8_t) (len >> 24), (uint8_t) (len >> 16), (uint8_t) (len >> 8),
                             (uint8_t) len};
    int rc = edge_buf_append(aad, size, sizeof size);

    return rc < 0 ? rc : edge_buf_append(aad, data, len);
}

/* Each field with its length: "ab" and "c" are not "a" and "bc". */
static int bind_seal(const struct sec_seal *seal, struct edge_buf *aad)
{
    int rc = append_field(aad, seal->module, strlen(seal->module));

    if (rc == 0)
        rc = append_field(aad, seal->generation, strlen(seal->generation));
    if (rc == 0)
        rc = append_field(aad, seal->iv.data, seal->iv.len);
    return rc;
}

static int message_key(struct sec_keys *keys, const uint8_t nonce[NONCE_SIZE],
                       uint8_t key[EDGE_HMAC_SIZE], struct edge_err *err)
{
    uint8_t data[sizeof message_label + NONCE_SIZE];

    memcpy(data, message_label, sizeof message_label);
    memcpy(data + sizeof message_label, nonce, NONCE_SIZE);
    return sec_secret_hmac(keys->encryption, data, sizeof data, key, err);
}

int sec_keys_encrypt(struct sec_keys *keys, const struct sec_seal *seal, struct edge_bytes plain,
                     struct edge_buf *out, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf aad = EDGE_BUF_INIT(AAD_MAX);
    uint8_t head[1 + NONCE_SIZE] = {FORMAT};
    uint8_t key[EDGE_HMAC_SIZE];
    int rc = edge_random(head + 1, NONCE_SIZE);

    if (rc == 0)
        rc = bind_seal(seal, &aad);
    if (rc == 0)
        rc = message_key(keys, head + 1, key, err);
    if (rc == 0)
        rc = edge_buf_append(out, head, sizeof head);
    if (rc == 0)
        rc = edge_aead_seal(key, (struct edge_bytes){(const uint8_t *) aad.data, aad.len}, plain,
                            out);
    explicit_bzero(key, sizeof key);
    if (rc < 0 && err && !*err->text)
        edge_fail(err, rc, "cannot encrypt: %s", edge_strerror(rc));
    return rc;
}

int sec_keys_decrypt(struct sec_keys *keys, const struct sec_seal *seal, struct edge_bytes cipher,
                     struct edge_buf *out, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf aad = EDGE_BUF_INIT(AAD_MAX);
    const size_t head = 1 + NONCE_SIZE;
    uint8_t key[EDGE_HMAC_SIZE] = {0};
    int rc = cipher.len < head + EDGE_AEAD_TAG || cipher.data[0] != FORMAT ? EDGE_EINVALID : 0;

    if (rc == 0)
        rc = bind_seal(seal, &aad);
    if (rc == 0)
        rc = message_key(keys, cipher.data + 1, key, err);
    if (rc == 0)
        rc = edge_aead_open(key, (struct edge_bytes){(const uint8_t *) aad.data, aad.len},
                            (struct edge_bytes){cipher.data + head, cipher.len - head}, out);
    explicit_bzero(key, sizeof key);
    if (rc < 0 && err && !*err->text)
        edge_fail(err, rc, "cannot decrypt: %s",
                  rc == EDGE_EINVALID
                      ? "not encrypted here for this module and this initialization "
                        "vector"
                      : edge_strerror(rc));
    return rc;
}
