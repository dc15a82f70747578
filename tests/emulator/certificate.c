#include "tests/emulator/certificate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/tls/cert.h"

#define DAY_S INT64_C(86400)
enum { PEM_MAX = 1 << 20, CA_DAYS = 3650, SERVER_DAYS = 365, CN_MAX = 64 };

void certificate_fini(struct certificate *certificate)
{
    free(certificate->chain_pem);
    edge_key_pem_free(certificate->key_pem);
    memset(certificate, 0, sizeof *certificate);
}

static int read_text(const char *path, char **ret, struct edge_err *err)
{
    struct edge_buf text = EDGE_BUF_INIT(PEM_MAX);
    int rc = edge_file_read(path, &text, err);

    if (rc == 0) {
        *ret = edge_buf_take(&text);
        rc = *ret ? 0 : -ENOMEM;
    }
    edge_buf_fini(&text);
    return rc;
}

int certificate_read(const char *cert, const char *key, struct certificate *ret,
                     struct edge_err *err)
{
    struct certificate made = {0};
    int rc = read_text(cert, &made.chain_pem, err);

    if (rc == 0)
        rc = read_text(key, &made.key_pem, err);
    if (rc == 0)
        *ret = made;
    else
        certificate_fini(&made);
    return rc;
}

/* Certificates begin a day early: clocks of test machines differ, and are moved on purpose. */
static int64_t now_s(void)
{
    return edge_wall_ns() / 1000000000;
}

static int make_ca(const char *cert_path, const char *key_path, struct edge_err *err)
{
    EDGE_CLEANUP(edge_key_free) struct edge_key *key = NULL;
    EDGE_CLEANUP(edge_key_pem_free) char *key_pem = NULL;
    EDGE_CLEANUP(edge_free) char *pem = NULL;
    struct edge_cert_order order = {
        .use = EDGE_CERT_CA,
        .cn = "iothub-emulator CA",
        .pathlen = 1,
        .not_before_s = now_s() - DAY_S,
        .not_after_s = now_s() + CA_DAYS * DAY_S,
    };
    int rc = edge_key_generate(EDGE_KEY_EC_P256, &key, err);

    if (rc < 0)
        return rc;
    order.key = key;
    rc = edge_cert_issue(&order, NULL, key, &pem, err);
    if (rc < 0)
        return rc;
    key_pem = edge_key_pem(key);
    if (!key_pem)
        return -ENOMEM;
    rc = edge_file_write(key_path, key_pem, strlen(key_pem), 0600, err);
    return rc == 0 ? edge_file_write(cert_path, pem, strlen(pem), 0644, err) : rc;
}

static int read_ca(const char *state, struct certificate *ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *cert = edge_format("%s.ca.pem", state);
    EDGE_CLEANUP(edge_free) char *key = edge_format("%s.ca.key.pem", state);
    int rc;

    if (!cert || !key)
        return -ENOMEM;
    rc = certificate_read(cert, key, ret, err);
    if (rc != -ENOENT)
        return rc;
    rc = make_ca(cert, key, err);
    return rc == 0 ? certificate_read(cert, key, ret, err) : rc;
}

static int issue(const struct certificate *ca, const char *const *names, struct certificate *ret,
                 struct edge_err *err)
{
    EDGE_CLEANUP(edge_key_free) struct edge_key *ca_key = NULL;
    EDGE_CLEANUP(edge_key_free) struct edge_key *key = NULL;
    EDGE_CLEANUP(edge_free) char *leaf = NULL;
    char cn[CN_MAX + 1];
    struct edge_cert_order order = {
        .use = EDGE_CERT_SERVER,
        .cn = cn,
        .dns = names,
        .pathlen = -1,
        .not_before_s = now_s() - DAY_S,
        .not_after_s = now_s() + SERVER_DAYS * DAY_S,
    };
    int rc = edge_key_load(ca->key_pem, &ca_key, err);

    if (rc == 0)
        rc = edge_key_generate(EDGE_KEY_EC_P256, &key, err);
    if (rc < 0)
        return rc;
    snprintf(cn, sizeof cn, "%s", names[0]);
    order.key = key;
    rc = edge_cert_issue(&order, ca->chain_pem, ca_key, &leaf, err);
    if (rc < 0)
        return rc;
    ret->chain_pem = edge_format("%s%s", leaf, ca->chain_pem);
    ret->key_pem = edge_key_pem(key);
    if (ret->chain_pem && ret->key_pem)
        return 0;
    certificate_fini(ret);
    return -ENOMEM;
}

int certificate_make(const char *state, const char *const *names, struct certificate *ret,
                     struct edge_err *err)
{
    struct certificate ca = {0};
    int rc = read_ca(state, &ca, err);

    if (rc == 0)
        rc = issue(&ca, names, ret, err);
    certificate_fini(&ca);
    return rc < 0 ? edge_wrap(err, rc, "no server certificate") : 0;
}
