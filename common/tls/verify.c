/* Whether a certificate may be believed. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/tls/internal.h"

static int purpose_of(enum edge_cert_use use)
{
    return use == EDGE_CERT_SERVER   ? X509_PURPOSE_SSL_SERVER
           : use == EDGE_CERT_CLIENT ? X509_PURPOSE_SSL_CLIENT
                                     : X509_PURPOSE_ANY;
}

static X509_STORE *store_of(const tls_certs *cas)
{
    X509_STORE *store = X509_STORE_new();

    for (int i = 0; store && i < sk_X509_num(cas); i++) {
        if (X509_STORE_add_cert(store, sk_X509_value(cas, i)) != 1) {
            X509_STORE_free(store);
            return NULL;
        }
    }
    return store;
}

/* What is meant to sign may not also serve, and the other way round. */
static int check_kind(X509 *leaf, enum edge_cert_use use, struct edge_err *err)
{
    bool is_ca = X509_check_ca(leaf) == 1;

    if (use == EDGE_CERT_CA && !is_ca)
        return edge_fail(err, EDGE_EAUTH, "the certificate is not one of a CA");
    if (use != EDGE_CERT_CA && is_ca)
        return edge_fail(err, EDGE_EAUTH, "the certificate of a CA cannot serve by itself");
    return 0;
}

static int check_chain(tls_certs *chain, const tls_certs *cas, enum edge_cert_use use,
                       int64_t now_s, struct edge_err *err)
{
    EDGE_CLEANUP(X509_STORE_free) X509_STORE *store = store_of(cas);
    EDGE_CLEANUP(X509_STORE_CTX_free) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *param;
    int why;

    if (!store || !ctx || X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain) != 1)
        return edge_fail(err, -ENOMEM, "no memory to verify a certificate");
    param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, now_s);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN); /* each CA given is a root */
    if (X509_VERIFY_PARAM_set_purpose(param, purpose_of(use)) != 1)
        return edge_fail(err, -ENOMEM, "no memory to verify a certificate");
    if (X509_verify_cert(ctx) == 1)
        return 0;
    why = X509_STORE_CTX_get_error(ctx);
    return edge_fail(err, EDGE_EAUTH, "the certificate is not trusted: %s",
                     X509_verify_cert_error_string(why));
}

int edge_cert_verify(const char *chain_pem, const char *ca_pem, enum edge_cert_use use,
                     int64_t now_s, struct edge_err *err)
{
    EDGE_CLEANUP(tls_certs_free) tls_certs *chain = NULL;
    EDGE_CLEANUP(tls_certs_free) tls_certs *cas = NULL;
    int rc;

    if (tls_read_certs(chain_pem, &chain, err) < 0)
        return edge_wrap(err, EDGE_EAUTH, "the certificate shown");
    if (tls_read_certs(ca_pem, &cas, err) < 0)
        return edge_wrap(err, EDGE_EAUTH, "the CA certificates to trust");
    rc = check_kind(sk_X509_value(chain, 0), use, err);
    if (rc == 0)
        rc = check_chain(chain, cas, use, now_s, err);
    ERR_clear_error();
    return rc;
}
