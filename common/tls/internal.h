/* common/tls/internal.h - inside the room: what its files share. Any thread. */
#ifndef EDGE_TLS_INTERNAL_H
#define EDGE_TLS_INTERNAL_H

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "common/base/attr.h"
#include "common/tls/cert.h"

enum {
    TLS_TEXT_MAX = 1024 * 1024, /* of a PEM text: the system's bundle has a quarter of it */
    TLS_NAME_MAX = 64,          /* of a common name, as RFC 5280 has it */
};

struct edge_key {
    EVP_PKEY *pkey;
    bool in_token;
};

EDGE_DEFINE_CLEANUP(BIO *, BIO_free)
EDGE_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
EDGE_DEFINE_CLEANUP(X509 *, X509_free)
EDGE_DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)
EDGE_DEFINE_CLEANUP(X509_STORE_CTX *, X509_STORE_CTX_free)
EDGE_DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free)

typedef STACK_OF(X509) tls_certs; /* OpenSSL's own name is a macro */
tls_certs *tls_certs_free(tls_certs *certs);
EDGE_DEFINE_CLEANUP(tls_certs *, tls_certs_free)

/** "<what>: <OpenSSL's reason>"; empties OpenSSL's queue of errors. @return @p code */
int tls_fail(struct edge_err *err, int code, const char *what);
/** A BIO that reads @p text, or NULL: none, too long. */
BIO *tls_text(const char *text);
/** OpenSSL asks for a passphrase: there is none. */
int tls_no_passphrase(char *buf, int size, int writing, void *arg);

/** All certificates of a PEM text, at least one. @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int tls_read_certs(const char *pem, tls_certs **ret, struct edge_err *err);
/** PEM of @p certs from index @p from; the caller frees it. */
char *tls_certs_pem(const tls_certs *certs, int from);
/** Thumbprints in upper-case hex. */
void tls_thumbprints(const X509 *cert, char sha1[41], char sha256[65]);
/** The only common name of the subject, "" when there is none, several, or not a plain short text.
 */
void tls_common_name(const X509 *cert, char cn[TLS_NAME_MAX + 1]);

/** engine.c: the private key behind a "pkcs11:" URI. */
EDGE_MUST_CHECK int tls_token_key(const char *uri, EVP_PKEY **ret, struct edge_err *err);

#endif
