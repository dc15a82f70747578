/* What the other side has shown of itself. */
#include <errno.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "common/tls/context.h"
#include "common/tls/internal.h"
#include "common/tls/ticket.h"

static char *one_pem(X509 *cert)
{
    tls_certs *certs = sk_X509_new_null();
    char *pem = certs && sk_X509_push(certs, cert) > 0 ? tls_certs_pem(certs, 0) : NULL;

    sk_X509_free(certs);
    return pem;
}

/* OpenSSL's chain has the leaf in it on the client's side only. */
static char *chain_pem(const SSL *ssl, X509 *leaf)
{
    const tls_certs *chain = SSL_get_peer_cert_chain(ssl);
    EDGE_CLEANUP(edge_free) char *first = one_pem(leaf);
    EDGE_CLEANUP(edge_free) char *rest = NULL;

    if (sk_X509_num(chain) > 0)
        rest = tls_certs_pem(chain, SSL_is_server(ssl) ? 0 : 1);
    else
        rest = tls_ticket_chain(ssl);
    return first && rest ? edge_format("%s%s", first, rest) : NULL;
}

int edge_tls_peer_of(const SSL *ssl, struct edge_tls_peer **ret)
{
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    struct edge_tls_peer *peer = leaf ? calloc(1, sizeof *peer) : NULL;

    *ret = NULL;
    if (!leaf)
        return 0;
    if (peer)
        peer->chain_pem = chain_pem(ssl, leaf);
    if (!peer || !peer->chain_pem) {
        edge_tls_peer_free(peer);
        return -ENOMEM;
    }
    tls_thumbprints(leaf, peer->sha1, peer->sha256);
    tls_common_name(leaf, peer->cn);
    *ret = peer;
    return 0;
}

struct edge_tls_peer *edge_tls_peer_free(struct edge_tls_peer *peer)
{
    if (peer)
        free(peer->chain_pem);
    free(peer);
    return NULL;
}
