#include "agent/security/certs/certs.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "agent/security/certs/ca.h"

enum { LEAF_DAYS = 30, HOUR_S = 3600, NAME_MAX_ = 64 };

struct sec_certs {
    pthread_mutex_t lock;
    char *dir;
    char *name;
    uint32_t days;
    char *ca_cert;
    char *ca_pk;
    char *trusted_file;
};

static bool copy(char **to, const char *from)
{
    *to = edge_strdup(from);
    return *to || !from;
}

int sec_certs_open(const struct sec_certs_options *options, struct sec_certs **ret,
                   struct edge_err *err)
{
    struct sec_certs *certs = calloc(1, sizeof *certs);

    if (!certs)
        return edge_fail(err, -ENOMEM, "no memory for the CA");
    (void) pthread_mutex_init(&certs->lock, NULL);
    certs->days = options->days;
    if (!copy(&certs->dir, options->dir) || !copy(&certs->name, options->name) ||
        !copy(&certs->ca_cert, options->ca_cert) || !copy(&certs->ca_pk, options->ca_pk) ||
        !copy(&certs->trusted_file, options->trusted_file)) {
        sec_certs_close(certs);
        return edge_fail(err, -ENOMEM, "no memory for the CA");
    }
    *ret = certs;
    return 0;
}

struct sec_certs *sec_certs_close(struct sec_certs *certs)
{
    if (!certs)
        return NULL;
    (void) pthread_mutex_destroy(&certs->lock);
    free(certs->dir);
    free(certs->name);
    free(certs->ca_cert);
    free(certs->ca_pk);
    free(certs->trusted_file);
    free(certs);
    return NULL;
}

void sec_issued_fini(struct sec_issued *issued)
{
    edge_key_pem_free(issued->key_pem);
    free(issued->chain_pem);
    *issued = (struct sec_issued){0};
}

static int get_issuer(struct sec_certs *certs, int64_t now_s, struct sec_issuer *ret,
                      struct edge_err *err)
{
    int rc;

    if (certs->ca_cert)
        return sec_given_issuer(certs->ca_cert, certs->ca_pk, now_s, ret, err);
    (void) pthread_mutex_lock(&certs->lock);
    rc = sec_own_issuer(certs->dir, certs->name, certs->days, now_s, ret, err);
    (void) pthread_mutex_unlock(&certs->lock);
    return rc;
}

/* Valid from an hour ago to what is wanted, both within the CA's own time: with a clock behind it,
 * from the CA's beginning on. */
static void set_times(const struct sec_issuer *issuer, const struct sec_order *want, int64_t now_s,
                      struct edge_cert_order *order)
{
    int64_t now = now_s < issuer->not_before_s ? issuer->not_before_s : now_s;
    int64_t end = now + (int64_t) LEAF_DAYS * SEC_DAY_S;

    if (want->until_s > now && want->until_s < end)
        end = want->until_s;
    order->not_before_s = now - HOUR_S > issuer->not_before_s ? now - HOUR_S : issuer->not_before_s;
    order->not_after_s = end < issuer->not_after_s ? end : issuer->not_after_s;
}

static int issue(const struct sec_issuer *issuer, const struct sec_order *want, int64_t now_s,
                 struct sec_issued *ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_key_free) struct edge_key *key = NULL;
    EDGE_CLEANUP(edge_free) char *leaf = NULL;
    struct edge_cert_order order = {
        .use = want->server ? EDGE_CERT_SERVER : EDGE_CERT_CLIENT,
        .cn = want->cn,
        .dns = want->dns,
        .uri = want->uri,
        .pathlen = -1,
    };
    int rc = edge_key_generate(EDGE_KEY_RSA_2048, &key, err);

    if (rc < 0)
        return rc;
    set_times(issuer, want, now_s, &order);
    order.key = key;
    rc = edge_cert_issue(&order, issuer->chain_pem, issuer->key, &leaf, err);
    if (rc < 0)
        return rc;
    ret->key_pem = edge_key_pem(key);
    ret->chain_pem = edge_format("%s%s", leaf, issuer->chain_pem);
    ret->not_after_s = order.not_after_s;
    return ret->key_pem && ret->chain_pem ? 0 : -ENOMEM;
}

int sec_certs_issue(struct sec_certs *certs, const struct sec_order *order, int64_t now_s,
                    struct sec_issued *ret, struct edge_err *err)
{
    EDGE_CLEANUP(sec_issuer_fini) struct sec_issuer issuer = {0};
    size_t len = strlen(order->cn);
    int rc;

    *ret = (struct sec_issued){0};
    if (len == 0 || len > NAME_MAX_)
        return edge_fail(err, EDGE_ELIMIT, "a common name must have 1 to 64 characters");
    rc = get_issuer(certs, now_s, &issuer, err);
    if (rc == 0)
        rc = issue(&issuer, order, now_s, ret, err);
    if (rc < 0)
        sec_issued_fini(ret);
    return rc;
}

int sec_certs_bundle(struct sec_certs *certs, int64_t now_s, char **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(2 * SEC_PEM_MAX);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf trusted = EDGE_BUF_INIT(SEC_PEM_MAX);
    int rc;

    if (certs->ca_cert) {
        rc = sec_pem_read(certs->ca_cert, &out, err);
    } else {
        (void) pthread_mutex_lock(&certs->lock);
        rc = sec_own_bundle(certs->dir, certs->name, now_s, &out, err);
        (void) pthread_mutex_unlock(&certs->lock);
    }
    if (rc == 0 && certs->trusted_file)
        rc = sec_pem_read(certs->trusted_file, &trusted, err);
    if (rc == 0 && trusted.len > 0)
        rc = edge_buf_printf(&out, "\n%s", trusted.data);
    if (rc < 0)
        return rc;
    *ret = edge_buf_take(&out);
    return *ret ? 0 : -ENOMEM;
}
