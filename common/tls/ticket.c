#include "common/tls/ticket.h"

#include <stdlib.h>

#include "common/tls/internal.h"

static int on_make(SSL *ssl, void *arg)
{
    const tls_certs *chain = SSL_get_peer_cert_chain(ssl); /* of a client: without the leaf */
    char *pem;

    (void) arg;
    if (SSL_session_reused(ssl) || sk_X509_num(chain) <= 0)
        return 1; /* a resumed session has it already */
    pem = tls_certs_pem(chain, 0);
    if (!pem)
        return 0;
    (void) SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), pem, strlen(pem));
    free(pem);
    return 1;
}

static SSL_TICKET_RETURN on_read(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                 size_t name_len, SSL_TICKET_STATUS status, void *arg)
{
    (void) ssl;
    (void) session;
    (void) name;
    (void) name_len;
    (void) arg;
    switch (status) {
    case SSL_TICKET_SUCCESS:
        return SSL_TICKET_RETURN_USE;
    case SSL_TICKET_SUCCESS_RENEW:
        return SSL_TICKET_RETURN_USE_RENEW;
    case SSL_TICKET_EMPTY:
    case SSL_TICKET_NO_DECRYPT:
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    default:
        return SSL_TICKET_RETURN_ABORT;
    }
}

void tls_ticket_keep_chain(SSL_CTX *ctx)
{
    (void) SSL_CTX_set_session_ticket_cb(ctx, on_make, on_read, NULL);
}

char *tls_ticket_chain(const SSL *ssl)
{
    void *data = NULL;
    size_t len = 0;

    (void) SSL_SESSION_get0_ticket_appdata(SSL_get_session(ssl), &data, &len);
    return strndup(data && len > 0 ? data : "", len);
}
