/* tests/unit/common/pki.h - a small authority for tests that need certificates. */
#ifndef TESTS_UNIT_COMMON_PKI_H
#define TESTS_UNIT_COMMON_PKI_H

#include "tests/unit/test.h"

#include <stdio.h>
#include <time.h>

#include "common/tls/cert.h"

/** A certificate and its key, to be freed with pki_free. */
struct pki {
    struct edge_key *key;
    char *key_pem;
    char *pem;
};

enum { PKI_DAY = 24 * 3600 };

static inline void pki_free(struct pki *id)
{
    edge_key_free(id->key);
    edge_key_pem_free(id->key_pem);
    free(id->pem);
    *id = (struct pki){0};
}

/** As @p order says, with a fresh key; begins a day ago and ends in @p days when it says nothing.
 * @param issuer  NULL: self-signed */
static inline struct pki pki_issue(struct edge_cert_order order, const struct pki *issuer)
{
    struct edge_err err = {0};
    struct pki id = {0};

    assert_int_equal(edge_key_generate(EDGE_KEY_EC_P256, &id.key, &err), 0);
    id.key_pem = edge_key_pem(id.key);
    order.key = id.key;
    if (order.not_after_s == 0)
        order.not_after_s = time(NULL) + 30 * PKI_DAY;
    if (order.not_before_s == 0)
        order.not_before_s = time(NULL) - PKI_DAY;
    if (edge_cert_issue(&order, issuer ? issuer->pem : NULL, issuer ? issuer->key : NULL, &id.pem,
                        &err) < 0)
        fail_msg("%s", err.text);
    return id;
}

static inline struct pki pki_ca(const char *cn, const struct pki *issuer)
{
    return pki_issue((struct edge_cert_order){.use = EDGE_CERT_CA, .cn = cn, .pathlen = -1},
                     issuer);
}

/** For "localhost" and 127.0.0.1. */
static inline struct pki pki_server(const struct pki *issuer)
{
    static const char *const names[] = {"localhost", "127.0.0.1", NULL};

    return pki_issue(
        (struct edge_cert_order){.use = EDGE_CERT_SERVER, .cn = "localhost", .dns = names}, issuer);
}

static inline struct pki pki_client(const char *cn, const struct pki *issuer)
{
    return pki_issue((struct edge_cert_order){.use = EDGE_CERT_CLIENT, .cn = cn}, issuer);
}

#endif
