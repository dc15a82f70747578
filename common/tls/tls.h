/* common/tls/tls.h - what both sides of a TLS connection need; the handshake itself is
 * common/net's. TLS 1.2 and 1.3, no compression, no renegotiation. Contexts: loop thread. */
#ifndef EDGE_TLS_TLS_H
#define EDGE_TLS_TLS_H

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/err.h"

/** A certificate the other side has shown (and proved to hold the key of). Nothing is verified yet:
 * who asks decides by thumbprint or with edge_cert_verify. */
struct edge_tls_peer {
    char sha1[41]; /* thumbprints, upper-case hex */
    char sha256[65];
    char cn[65];     /* common name of the subject, "" when absent or longer */
    char *chain_pem; /* leaf first */
};

struct edge_tls_server;
struct edge_tls_server_options {
    const char *chain_pem;    /* leaf first, with the intermediates; text, not a path */
    const char *key_pem;      /* PEM, or a "pkcs11:" URI */
    bool request_certificate; /* ask clients for one; none is fine, and any is let in */
};
EDGE_MUST_CHECK int edge_tls_server_create(const struct edge_tls_server_options *options,
                                           struct edge_tls_server **ret, struct edge_err *err);
/** New connections get the new certificate; existing ones go on. On failure nothing changes. */
EDGE_MUST_CHECK int edge_tls_server_reload(struct edge_tls_server *server, const char *chain_pem,
                                           const char *key_pem, struct edge_err *err);
struct edge_tls_server *edge_tls_server_destroy(struct edge_tls_server *server);
EDGE_DEFINE_CLEANUP(struct edge_tls_server *, edge_tls_server_destroy)

struct edge_tls_client;
struct edge_tls_client_options {
    const char *ca_pem;    /* trusted besides the system's (and SSL_CERT_FILE's), or NULL */
    const char *chain_pem; /* our certificate, or NULL */
    const char *key_pem;
};
EDGE_MUST_CHECK int edge_tls_client_create(const struct edge_tls_client_options *options,
                                           struct edge_tls_client **ret, struct edge_err *err);
struct edge_tls_client *edge_tls_client_destroy(struct edge_tls_client *client);
EDGE_DEFINE_CLEANUP(struct edge_tls_client *, edge_tls_client_destroy)

#endif
