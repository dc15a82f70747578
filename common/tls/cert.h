/* common/tls/cert.h - keys and X.509 certificates: made, issued, read, verified. Any thread; a key
 * may be used by several. Source: RFC 5280, RFC 8410, PKCS#8 (RFC 5958), RFC 7512 ("pkcs11:" URIs).
 */
#ifndef EDGE_TLS_CERT_H
#define EDGE_TLS_CERT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/err.h"

struct edge_key;

enum edge_key_kind { EDGE_KEY_EC_P256, EDGE_KEY_RSA_2048 };
EDGE_MUST_CHECK int edge_key_generate(enum edge_key_kind kind, struct edge_key **ret,
                                      struct edge_err *err);
/** PEM text (PKCS#8, PKCS#1 or SEC 1), or a "pkcs11:" URI of a key that stays in its token. */
EDGE_MUST_CHECK int edge_key_load(const char *pem_or_uri, struct edge_key **ret,
                                  struct edge_err *err);
/** PKCS#8 PEM, to be wiped by the caller (edge_key_pem_free). NULL for a key in a token. */
char *edge_key_pem(const struct edge_key *key);
/** Overwrite, then free. Accepts NULL; returns NULL. */
char *edge_key_pem_free(char *pem);
EDGE_DEFINE_CLEANUP(char *, edge_key_pem_free)
struct edge_key *edge_key_free(struct edge_key *key);
EDGE_DEFINE_CLEANUP(struct edge_key *, edge_key_free)

enum edge_cert_use { EDGE_CERT_CA, EDGE_CERT_SERVER, EDGE_CERT_CLIENT };
struct edge_cert_order {
    enum edge_cert_use use;
    const char *cn; /* 1 to 64 characters */
    const char *const
        *dns; /* alternative names, NULL at the end: an address becomes an IP name; or NULL */
    const char *const *uri;     /* the same for URIs, or NULL */
    int pathlen;                /* of a CA; -1: none */
    int64_t not_before_s;       /* UNIX seconds */
    int64_t not_after_s;        /* cut to the issuer's own end */
    const struct edge_key *key; /* whose public half is certified */
};
/** @param issuer_pem  the issuer's certificate (first of several), NULL: self-signed
 * @param ret  PEM of the new certificate alone; the caller frees it */
EDGE_MUST_CHECK int edge_cert_issue(const struct edge_cert_order *order, const char *issuer_pem,
                                    const struct edge_key *issuer_key, char **ret,
                                    struct edge_err *err);

struct edge_cert_info {
    char cn[65];
    char sha1[41]; /* upper-case hex */
    char sha256[65];
    int64_t not_before_s;
    int64_t not_after_s;
    bool is_ca;
    unsigned count; /* certificates in the text */
};
/** About the first certificate of a PEM text. @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int edge_cert_read(const char *pem, struct edge_cert_info *ret,
                                   struct edge_err *err);
/** Does the first certificate belong to this key? */
bool edge_cert_fits(const char *pem, const struct edge_key *key);
/** Does the chain lead to one of the CAs at @p now_s, and may it serve @p use?
 * @return 0, or EDGE_EAUTH with the reason */
EDGE_MUST_CHECK int edge_cert_verify(const char *chain_pem, const char *ca_pem,
                                     enum edge_cert_use use, int64_t now_s, struct edge_err *err);

#endif
