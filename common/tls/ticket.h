/* common/tls/ticket.h - inside the room: what a session ticket remembers of a client. OpenSSL puts
 * the client's certificate in, but not the intermediates, without which it cannot be verified. */
#ifndef EDGE_TLS_TICKET_H
#define EDGE_TLS_TICKET_H

#include <openssl/ssl.h>

/** Have the tickets of @p ctx hold the rest of the chain. */
void tls_ticket_keep_chain(SSL_CTX *ctx);
/** The rest of the chain of a resumed session as PEM, "" when there is none; the caller frees it;
 * NULL without memory. */
char *tls_ticket_chain(const SSL *ssl);

#endif
