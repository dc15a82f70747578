/* Bytes at rest. What is sealed: format, nonce, AES-256-GCM under HMAC(vault key, nonce), which is
 * used once. The vault key itself is wrapped by the workload API, or under the connection string's
 * key. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/crypto/aead.h"
#include "common/crypto/hmac.h"
#include "hub/workload/internal.h"

enum {
    SEALED = 1,      /* formats, the first byte */
    WRAPPED_API = 1, /* initialization vector, ciphertext */
    WRAPPED_KEY = 2, /* nonce, ciphertext */
    NONCE_SIZE = 32,
    IV_SIZE = 16,
    WRAPPED_MAX = 4096,
    STATUS_BAD_REQUEST = 400,
};

static const char vault_label[] = "edge-hub vault 1";
static const char document_label[] = "edge-hub document 1";

struct hub_vault {
    uint8_t key[EDGE_AEAD_KEY];
};

static struct edge_bytes text_bytes(const char *text)
{
    return (struct edge_bytes){(const uint8_t *) text, strlen(text)};
}

/* ---- sealing with a long-lived key ---- */

static int one_key(struct edge_bytes master, const char *label, const uint8_t nonce[NONCE_SIZE],
                   uint8_t key[EDGE_AEAD_KEY])
{
    uint8_t data[sizeof document_label + NONCE_SIZE];
    size_t len = strlen(label) + 1;

    memcpy(data, label, len);
    memcpy(data + len, nonce, NONCE_SIZE);
    return edge_hmac_sha256(master, data, len + NONCE_SIZE, key);
}

static int seal(struct edge_bytes master, const char *label, const char *context,
                struct edge_bytes plain, uint8_t format, struct edge_buf *out)
{
    uint8_t head[1 + NONCE_SIZE] = {format};
    uint8_t key[EDGE_AEAD_KEY];
    int rc = edge_random(head + 1, NONCE_SIZE);

    if (rc == 0)
        rc = one_key(master, label, head + 1, key);
    if (rc == 0)
        rc = edge_buf_append(out, head, sizeof head);
    if (rc == 0)
        rc = edge_aead_seal(key, text_bytes(context), plain, out);
    explicit_bzero(key, sizeof key);
    return rc;
}

static int unseal(struct edge_bytes master, const char *label, const char *context,
                  struct edge_bytes sealed, uint8_t format, struct edge_buf *out)
{
    const size_t head = 1 + NONCE_SIZE;
    uint8_t key[EDGE_AEAD_KEY];
    int rc;

    if (sealed.len < head + EDGE_AEAD_TAG || sealed.data[0] != format)
        return EDGE_EDIGEST;
    rc = one_key(master, label, sealed.data + 1, key);
    if (rc == 0)
        rc = edge_aead_open(key, text_bytes(context),
                            (struct edge_bytes){sealed.data + head, sealed.len - head}, out);
    explicit_bzero(key, sizeof key);
    return rc == EDGE_EINVALID ? EDGE_EDIGEST : rc;
}

int hub_vault_seal(const struct hub_vault *vault, const char *context, struct edge_bytes plain,
                   struct edge_buf *ret)
{
    return seal((struct edge_bytes){vault->key, sizeof vault->key}, document_label, context, plain,
                SEALED, ret);
}

int hub_vault_unseal(const struct hub_vault *vault, const char *context, struct edge_bytes sealed,
                     struct edge_buf *ret)
{
    return unseal((struct edge_bytes){vault->key, sizeof vault->key}, document_label, context,
                  sealed, SEALED, ret);
}

/* ---- the vault's key, wrapped by the workload API ---- */

static int set_base64(struct edge_json *object, const char *name, struct edge_bytes data)
{
    char *text = edge_base64(data.data, data.len);
    int rc = text ? edge_json_set_str(object, name, text) : -ENOMEM;

    (void) edge_wipe(text);
    return rc;
}

/* encrypt or decrypt */
static int ask(const struct hub_workload *w, const char *what, const char *from,
               struct edge_bytes in, const uint8_t iv[IV_SIZE], const char *to,
               struct edge_buf *out, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = edge_json_new_object();
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    const struct edge_workload api = workload_api(w);
    const char *text;
    int rc;

    if (!body || set_base64(body, from, in) < 0 ||
        set_base64(body, "initializationVector", (struct edge_bytes){iv, IV_SIZE}) < 0)
        return -ENOMEM;
    rc = edge_workload_post(&api, what, body, &answer, err);
    if (rc < 0)
        return rc;
    text = edge_json_str(edge_json_get(answer, to), "");
    rc = edge_base64_decode(text, strlen(text), out);
    return rc < 0 ? edge_fail(err, EDGE_EPROTOCOL, "edge-securityd's %s cannot be read", to) : 0;
}

static int wrap_by_api(const struct hub_workload *w, struct edge_bytes key, struct edge_buf *out,
                       struct edge_err *err)
{
    uint8_t head[1 + IV_SIZE] = {WRAPPED_API};
    int rc = edge_random(head + 1, IV_SIZE);

    if (rc == 0)
        rc = edge_buf_append(out, head, sizeof head);
    if (rc == 0)
        rc = ask(w, "encrypt", "plaintext", key, head + 1, "ciphertext", out, err);
    return rc;
}

/* Only its plain no means that the key is lost; whatever else may pass. */
static int unwrap_by_api(const struct hub_workload *w, struct edge_bytes wrapped,
                         struct edge_buf *out, struct edge_err *err)
{
    const size_t head = 1 + IV_SIZE;
    struct edge_err why = {0};
    int rc;

    if (wrapped.len <= head || wrapped.data[0] != WRAPPED_API)
        return edge_fail(err, EDGE_EAUTH, "the vault's key was not wrapped by edge-securityd");
    rc = ask(w, "decrypt", "ciphertext",
             (struct edge_bytes){wrapped.data + head, wrapped.len - head}, wrapped.data + 1,
             "plaintext", out, &why);
    if (rc == 0 || rc == -ENOMEM)
        return rc;
    return edge_fail(err, why.status == STATUS_BAD_REQUEST ? EDGE_EAUTH : EDGE_EUNAVAILABLE, "%s",
                     why.text);
}

/* ---- wrapped under the connection string's key ---- */

static int wrap_by_key(const struct hub_workload *w, struct edge_bytes key, struct edge_buf *out)
{
    struct edge_buf master;
    int rc = workload_key(w, &master);

    if (rc == 0)
        rc = seal(workload_bytes(&master), vault_label, w->resource, key, WRAPPED_KEY, out);
    edge_buf_wipe(&master);
    return rc;
}

static int unwrap_by_key(const struct hub_workload *w, struct edge_bytes wrapped,
                         struct edge_buf *out, struct edge_err *err)
{
    struct edge_buf master;
    int rc = workload_key(w, &master);

    if (rc == 0)
        rc = unseal(workload_bytes(&master), vault_label, w->resource, wrapped, WRAPPED_KEY, out);
    edge_buf_wipe(&master);
    if (rc == EDGE_EDIGEST)
        rc = edge_fail(err, EDGE_EAUTH,
                       "the vault's key was wrapped for another identity or by another key");
    return rc;
}

/* ---- life ---- */

static int make(const struct hub_workload *w, struct hub_vault *vault, struct edge_buf *wrapped,
                struct edge_err *err)
{
    const struct edge_bytes key = {vault->key, sizeof vault->key};
    int rc = edge_random(vault->key, sizeof vault->key);

    if (rc < 0)
        return rc;
    rc = w->socket ? wrap_by_api(w, key, wrapped, err) : wrap_by_key(w, key, wrapped);
    return rc == -ENOMEM ? rc : rc < 0 ? EDGE_EUNAVAILABLE : 0;
}

static int find(const struct hub_workload *w, struct edge_bytes wrapped, struct hub_vault *vault,
                struct edge_err *err)
{
    struct edge_buf key = EDGE_BUF_INIT(WRAPPED_MAX);
    int rc =
        w->socket ? unwrap_by_api(w, wrapped, &key, err) : unwrap_by_key(w, wrapped, &key, err);

    if (rc == 0 && key.len != sizeof vault->key)
        rc = edge_fail(err, EDGE_EAUTH, "the vault's key has another size");
    if (rc == 0)
        memcpy(vault->key, key.data, sizeof vault->key);
    edge_buf_wipe(&key);
    return rc;
}

int hub_vault_open(struct hub_workload *w, struct edge_bytes wrapped, struct edge_buf *ret_wrapped,
                   struct hub_vault **ret, struct edge_err *err)
{
    struct hub_vault *vault = calloc(1, sizeof *vault);
    struct edge_buf fresh = EDGE_BUF_INIT(WRAPPED_MAX);
    int rc = vault ? 0 : -ENOMEM;

    if (rc == 0)
        rc = wrapped.len > 0 ? find(w, wrapped, vault, err) : make(w, vault, &fresh, err);
    if (rc == 0)
        rc = wrapped.len > 0 ? edge_buf_append(ret_wrapped, wrapped.data, wrapped.len)
                             : edge_buf_append(ret_wrapped, fresh.data, fresh.len);
    edge_buf_fini(&fresh);
    if (rc < 0) {
        hub_vault_close(vault);
        return edge_wrap(err, rc, "the key for bytes at rest");
    }
    *ret = vault;
    return 0;
}

struct hub_vault *hub_vault_close(struct hub_vault *vault)
{
    if (vault)
        explicit_bzero(vault, sizeof *vault);
    free(vault);
    return NULL;
}
