/* Our own CA on disk: root.pem, root.key.pem, ca.pem (the newest first, all of one key),
 * ca.key.pem. Each file is written whole; what is missing is made. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/security/certs/ca.h"
#include "common/base/file.h"

enum {
    KEEP = 4, /* CAs: a clock that jumped has made one too many, the one before it is still good */
    HOUR_S = 3600, /* certificates begin this much earlier: clocks differ */
    ROOT_DAYS = 25 * 365,
};

/* 2024-01-01: no device that runs this is earlier; a clock that says so has lost its battery. */
static const int64_t least_now_s = 1704067200;

struct own {
    const char *dir;
    const char *name;
    uint32_t days;
    int64_t now_s;
    struct edge_key *root_key;
    struct edge_key *ca_key;
    struct edge_buf root; /* PEM */
    struct edge_buf cas;
};

static void own_fini(struct own *own)
{
    edge_key_free(own->root_key);
    edge_key_free(own->ca_key);
    edge_buf_fini(&own->root);
    edge_buf_fini(&own->cas);
}

static int make_key(const char *path, struct edge_key **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_key_free) struct edge_key *key = NULL;
    EDGE_CLEANUP(edge_key_pem_free) char *pem = NULL;
    int rc = edge_key_generate(EDGE_KEY_RSA_2048, &key, err);

    if (rc < 0)
        return rc;
    pem = edge_key_pem(key);
    if (!pem)
        return -ENOMEM;
    rc = edge_file_write(path, pem, strlen(pem), 0600, err);
    if (rc == 0)
        *ret = EDGE_TAKE(key);
    return rc;
}

static int need_key(const struct own *own, const char *name, struct edge_key **ret,
                    struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", own->dir, name);
    int rc = path ? sec_key_read(path, ret, err) : -ENOMEM;

    return rc == -ENOENT ? make_key(path, ret, err) : rc;
}

/* @return 0 also when there is none */
static int read_certs(const struct own *own, const char *name, struct edge_buf *ret,
                      struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", own->dir, name);
    int rc = path ? sec_pem_read(path, ret, err) : -ENOMEM;

    return rc == -ENOENT ? 0 : rc;
}

static int write_certs(const struct own *own, const char *name, const struct edge_buf *pem,
                       struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", own->dir, name);

    return path ? edge_file_write(path, pem->data, pem->len, 0644, err) : -ENOMEM;
}

static int make_root(struct own *own, struct edge_err *err)
{
    char cn[65];
    EDGE_CLEANUP(edge_free) char *pem = NULL;
    struct edge_cert_order order = {
        .use = EDGE_CERT_CA,
        .cn = cn,
        .pathlen = 1,
        .not_before_s = least_now_s,
        .not_after_s = own->now_s + (int64_t) ROOT_DAYS * SEC_DAY_S,
        .key = own->root_key,
    };
    int rc;

    (void) snprintf(cn, sizeof cn, "aziot-edge root CA %s", own->name);
    rc = edge_cert_issue(&order, NULL, own->root_key, &pem, err);
    if (rc == 0)
        rc = edge_buf_puts(&own->root, pem);
    return rc < 0 ? rc : write_certs(own, "root.pem", &own->root, err);
}

static int own_load(struct own *own, struct edge_err *err)
{
    int rc = edge_mkdirs(own->dir, 0700, err);

    if (own->now_s < least_now_s)
        own->now_s = least_now_s;
    if (rc == 0)
        rc = need_key(own, "root.key.pem", &own->root_key, err);
    if (rc == 0)
        rc = need_key(own, "ca.key.pem", &own->ca_key, err);
    if (rc == 0)
        rc = read_certs(own, "root.pem", &own->root, err);
    if (rc == 0 && (own->root.len == 0 || !edge_cert_fits(own->root.data, own->root_key))) {
        edge_buf_fini(&own->root);
        rc = make_root(own, err);
    }
    return rc < 0 ? rc : read_certs(own, "ca.pem", &own->cas, err);
}

/* May it still sign, and for more than a fifth of its life? */
static bool is_good(const struct own *own, const char *pem, struct edge_cert_info *info)
{
    return edge_cert_read(pem, info, NULL) == 0 && edge_cert_fits(pem, own->ca_key) &&
           info->not_before_s <= own->now_s &&
           own->now_s < info->not_after_s - (info->not_after_s - info->not_before_s) / 5;
}

/* The newest that is good. @return its text, which the caller frees, or NULL */
static char *pick(const struct own *own, struct edge_cert_info *info)
{
    const char *at = own->cas.data ? own->cas.data : "";
    const char *one;
    size_t len;

    while ((len = sec_pem_next(at, &one)) > 0) {
        char *pem = edge_format("%.*s\n", (int) len, one);

        if (!pem || is_good(own, pem, info))
            return pem;
        free(pem);
        at = one + len;
    }
    return NULL;
}

/* @p newest and what was there before it, as many as are kept. */
static int prepend(struct own *own, const char *newest, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf all = EDGE_BUF_INIT(SEC_PEM_MAX);
    const char *at = own->cas.data ? own->cas.data : "";
    const char *one;
    size_t len;
    int rc;

    edge_ignore(edge_buf_puts(&all, newest));
    for (int i = 1; i < KEEP && (len = sec_pem_next(at, &one)) > 0; i++) {
        edge_ignore(edge_buf_append(&all, one, len));
        edge_ignore(edge_buf_puts(&all, "\n"));
        at = one + len;
    }
    rc = edge_buf_error(&all);
    if (rc == 0)
        rc = write_certs(own, "ca.pem", &all, err);
    if (rc < 0)
        return rc;
    edge_buf_fini(&own->cas);
    return edge_buf_append(&own->cas, all.data, all.len);
}

static int renew(struct own *own, char **ret, struct edge_cert_info *info, struct edge_err *err)
{
    char cn[65];
    EDGE_CLEANUP(edge_free) char *pem = NULL;
    struct edge_cert_order order = {
        .use = EDGE_CERT_CA,
        .cn = cn,
        .pathlen = 0,
        .not_before_s = own->now_s - HOUR_S,
        .not_after_s = own->now_s + (int64_t) own->days * SEC_DAY_S,
        .key = own->ca_key,
    };
    int rc;

    (void) snprintf(cn, sizeof cn, "aziot-edge CA %s", own->name);
    rc = edge_cert_issue(&order, own->root.data, own->root_key, &pem, err);
    if (rc == 0)
        rc = edge_cert_read(pem, info, err);
    if (rc == 0 && info->not_after_s <= own->now_s)
        rc = edge_fail(err, EDGE_EUNAVAILABLE,
                       "no certificate can be valid now: the device's clock is beyond the end of "
                       "its root CA");
    if (rc == 0)
        rc = prepend(own, pem, err);
    if (rc == 0)
        *ret = EDGE_TAKE(pem);
    return rc;
}

int sec_own_issuer(const char *dir, const char *name, uint32_t days, int64_t now_s,
                   struct sec_issuer *ret, struct edge_err *err)
{
    struct own own = {.dir = dir,
                      .name = name,
                      .days = days,
                      .now_s = now_s,
                      .root = EDGE_BUF_INIT(SEC_PEM_MAX),
                      .cas = EDGE_BUF_INIT(SEC_PEM_MAX)};
    struct edge_cert_info info = {0};
    int rc = own_load(&own, err);

    *ret = (struct sec_issuer){0};
    if (rc == 0)
        ret->chain_pem = pick(&own, &info);
    if (rc == 0 && !ret->chain_pem)
        rc = renew(&own, &ret->chain_pem, &info, err);
    if (rc == 0) {
        ret->key = EDGE_TAKE(own.ca_key);
        ret->not_before_s = info.not_before_s;
        ret->not_after_s = info.not_after_s;
    }
    own_fini(&own);
    return rc < 0 ? edge_wrap(err, rc, "the device's own CA") : 0;
}

int sec_own_bundle(const char *dir, const char *name, int64_t now_s, struct edge_buf *out,
                   struct edge_err *err)
{
    struct own own = {.dir = dir,
                      .name = name,
                      .now_s = now_s,
                      .root = EDGE_BUF_INIT(SEC_PEM_MAX),
                      .cas = EDGE_BUF_INIT(SEC_PEM_MAX)};
    int rc = own_load(&own, err);

    if (rc == 0)
        rc = edge_buf_append(out, own.root.data, own.root.len);
    own_fini(&own);
    return rc < 0 ? edge_wrap(err, rc, "the device's own CA") : 0;
}
