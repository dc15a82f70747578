/* common/tls/context.h - the OpenSSL side of tls.h, for common/net alone. Loop thread. */
#ifndef EDGE_TLS_CONTEXT_H
#define EDGE_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "common/tls/tls.h"

/** A connection with the server's present certificate; NULL without memory. The caller frees it. */
SSL *edge_tls_accept(const struct edge_tls_server *server);
/** A connection that will trust @p host only: a name or an address. NULL without memory. */
SSL *edge_tls_connect(const struct edge_tls_client *client, const char *host);

/** Why a handshake or a read has failed: EDGE_EAUTH when a certificate was the reason, otherwise
 * EDGE_EPROTOCOL. */
int edge_tls_failure(const SSL *ssl, struct edge_err *err);

/** What the other side has shown, @p ret is NULL when that is nothing. @return 0 or -ENOMEM */
EDGE_MUST_CHECK int edge_tls_peer_of(const SSL *ssl, struct edge_tls_peer **ret);
struct edge_tls_peer *edge_tls_peer_free(struct edge_tls_peer *peer);

#endif
