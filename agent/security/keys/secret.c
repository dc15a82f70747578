#include "agent/security/keys/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/security/keys/backend.h"
#include "common/base/encode.h"
#include "common/base/file.h"

enum { FILE_KEY_SIZE = 32 };

struct memory_secret {
    struct sec_secret base;
    size_t len;
    uint8_t key[SEC_SECRET_MAX];
};

static int memory_hmac(struct sec_secret *secret, const void *data, size_t len,
                       uint8_t mac[EDGE_HMAC_SIZE], struct edge_err *err)
{
    const struct memory_secret *s = EDGE_CONTAINER_OF(secret, struct memory_secret, base);
    int rc = edge_hmac_sha256((struct edge_bytes){s->key, s->len}, data, len, mac);

    return rc < 0 ? edge_fail(err, rc, "cannot sign: %s", edge_strerror(rc)) : 0;
}

static void memory_free(struct sec_secret *secret)
{
    struct memory_secret *s = EDGE_CONTAINER_OF(secret, struct memory_secret, base);

    explicit_bzero(s->key, sizeof s->key);
    free(s);
}

/* A copy of @p key, 1 to SEC_SECRET_MAX bytes. */
static int of_bytes(struct edge_bytes key, struct sec_secret **ret, struct edge_err *err)
{
    struct memory_secret *s;

    if (key.len == 0 || key.len > SEC_SECRET_MAX)
        return edge_fail(err, EDGE_EINVALID, "a key must have 1 to %d bytes", SEC_SECRET_MAX);
    s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->base = (struct sec_secret){memory_hmac, memory_free};
    s->len = key.len;
    memcpy(s->key, key.data, key.len);
    *ret = &s->base;
    return 0;
}

static void wipe(struct edge_buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->len);
    edge_buf_fini(buf);
}

int sec_secret_of_text(const char *text, struct sec_secret **ret, struct edge_err *err)
{
    struct edge_buf key = EDGE_BUF_INIT(SEC_SECRET_MAX);
    int rc;

    if (strncmp(text, "pkcs11:", 7) == 0)
        return sec_secret_of_token(text, NULL, ret, err);
    rc = edge_base64_decode(text, strlen(text), &key);
    if (rc < 0)
        rc = edge_fail(err, rc, "a key is not valid base64");
    else
        rc = of_bytes((struct edge_bytes){(const uint8_t *) key.data, key.len}, ret, err);
    wipe(&key);
    return rc;
}

static int make_file(const char *path, struct sec_secret **ret, struct edge_err *err)
{
    uint8_t key[FILE_KEY_SIZE];
    int rc = edge_random(key, sizeof key);

    if (rc < 0)
        return edge_fail(err, rc, "cannot make a key: no random numbers");
    rc = edge_file_write(path, key, sizeof key, 0600, err);
    if (rc == 0)
        rc = of_bytes((struct edge_bytes){key, sizeof key}, ret, err);
    explicit_bzero(key, sizeof key);
    return rc;
}

/* Others may not have been let in, whoever copied the file here. */
static int check_mode(const char *path, struct edge_err *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return edge_fail(err, -errno, "cannot look at %s: %s", path, strerror(errno));
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return edge_fail(err, EDGE_EAUTH, "the key %s can be read by others: chmod 0600 %s", path,
                         path);
    return 0;
}

int sec_secret_of_file(const char *path, struct sec_secret **ret, struct edge_err *err)
{
    struct edge_buf key = EDGE_BUF_INIT(FILE_KEY_SIZE);
    int rc = edge_file_read(path, &key, err);

    if (rc == -ENOENT)
        return make_file(path, ret, err);
    if (rc == 0)
        rc = check_mode(path, err);
    if (rc == EDGE_ELIMIT || (rc == 0 && key.len != FILE_KEY_SIZE))
        rc = edge_fail(
            err, EDGE_ESTORE,
            "the key %s is damaged: it must have %d bytes. Bring it back from a backup, or "
            "remove it to have a new one made",
            path, FILE_KEY_SIZE);
    if (rc == 0)
        rc = of_bytes((struct edge_bytes){(const uint8_t *) key.data, key.len}, ret, err);
    wipe(&key);
    return rc;
}

int sec_secret_hmac(struct sec_secret *secret, const void *data, size_t len,
                    uint8_t mac[EDGE_HMAC_SIZE], struct edge_err *err)
{
    return secret->hmac(secret, data, len, mac, err);
}

struct sec_secret *sec_secret_free(struct sec_secret *secret)
{
    if (secret)
        secret->free(secret);
    return NULL;
}
