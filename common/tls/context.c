/* The two kinds of TLS contexts, and connections made from them. */
#include "common/tls/context.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/tls/internal.h"
#include "common/tls/ticket.h"

enum { CERTS_MAX = 20 * 1024 }; /* bytes of a chain shown to us; a ticket must hold it as well */

/* For TLS 1.2: forward secrecy only. */
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL";
static const unsigned char session_context[] = "edge";

struct edge_tls_server {
    SSL_CTX *ctx;
    bool request_certificate;
};

struct edge_tls_client {
    SSL_CTX *ctx;
};

static bool set_common(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_max_cert_list(ctx, CERTS_MAX);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, ciphers) == 1;
}

static int use_certificate(SSL_CTX *ctx, const char *chain_pem, const char *key_pem,
                           struct edge_err *err)
{
    EDGE_CLEANUP(tls_certs_free) tls_certs *chain = NULL;
    EDGE_CLEANUP(edge_key_free) struct edge_key *key = NULL;
    EDGE_CLEANUP(X509_free) X509 *leaf = NULL;
    int rc = tls_read_certs(chain_pem, &chain, err);

    if (rc == 0)
        rc = edge_key_load(key_pem, &key, err);
    if (rc < 0 || !key)
        return edge_wrap(err, rc, "the certificate for TLS");
    leaf = sk_X509_shift(chain);
    if (SSL_CTX_use_cert_and_key(ctx, leaf, key->pkey, chain, 1) != 1)
        return tls_fail(err, EDGE_EINVALID, "the certificate for TLS and its key");
    return 0;
}

static int let_in(int ok, X509_STORE_CTX *store)
{
    (void) ok;
    (void) store;
    return 1; /* whoever asks for the certificate decides */
}

static int make_server(const struct edge_tls_server *server, const char *chain_pem,
                       const char *key_pem, SSL_CTX **ret, struct edge_err *err)
{
    EDGE_CLEANUP(SSL_CTX_free) SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    int rc;

    if (!ctx || !set_common(ctx) ||
        SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1) != 1)
        return tls_fail(err, -ENOMEM, "cannot set up TLS");
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* the clients keep tickets */
    SSL_CTX_set_num_tickets(ctx, 1);
    tls_ticket_keep_chain(ctx);
    if (server->request_certificate)
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, let_in);
    rc = use_certificate(ctx, chain_pem, key_pem, err);
    if (rc == 0)
        *ret = EDGE_TAKE(ctx);
    return rc;
}

int edge_tls_server_create(const struct edge_tls_server_options *options,
                           struct edge_tls_server **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_tls_server_destroy)
    struct edge_tls_server *server = calloc(1, sizeof *server);
    int rc;

    if (!server)
        return edge_fail(err, -ENOMEM, "no memory for TLS");
    server->request_certificate = options->request_certificate;
    rc = make_server(server, options->chain_pem, options->key_pem, &server->ctx, err);
    if (rc == 0)
        *ret = EDGE_TAKE(server);
    return rc;
}

int edge_tls_server_reload(struct edge_tls_server *server, const char *chain_pem,
                           const char *key_pem, struct edge_err *err)
{
    SSL_CTX *ctx = NULL;
    int rc = make_server(server, chain_pem, key_pem, &ctx, err);

    if (rc < 0)
        return rc;
    SSL_CTX_free(server->ctx); /* connections hold it as long as they need it */
    server->ctx = ctx;
    return 0;
}

struct edge_tls_server *edge_tls_server_destroy(struct edge_tls_server *server)
{
    if (server)
        SSL_CTX_free(server->ctx);
    free(server);
    return NULL;
}

static int trust(SSL_CTX *ctx, const char *ca_pem, struct edge_err *err)
{
    EDGE_CLEANUP(tls_certs_free) tls_certs *cas = NULL;
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    int rc;

    (void) SSL_CTX_set_default_verify_paths(ctx); /* a device may have none */
    ERR_clear_error();
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    if (!ca_pem)
        return 0;
    rc = tls_read_certs(ca_pem, &cas, err);
    if (rc < 0)
        return edge_wrap(err, rc, "the CA certificates to trust");
    for (int i = 0; i < sk_X509_num(cas); i++) {
        if (X509_STORE_add_cert(store, sk_X509_value(cas, i)) != 1)
            return tls_fail(err, EDGE_EINVALID, "the CA certificates to trust");
    }
    return 0;
}

int edge_tls_client_create(const struct edge_tls_client_options *options,
                           struct edge_tls_client **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_tls_client_destroy)
    struct edge_tls_client *client = calloc(1, sizeof *client);
    int rc;

    if (client)
        client->ctx = SSL_CTX_new(TLS_client_method());
    if (!client || !client->ctx || !set_common(client->ctx))
        return tls_fail(err, -ENOMEM, "cannot set up TLS");
    SSL_CTX_set_verify(client->ctx, SSL_VERIFY_PEER, NULL);
    rc = trust(client->ctx, options->ca_pem, err);
    if (rc == 0 && options->chain_pem)
        rc = use_certificate(client->ctx, options->chain_pem, options->key_pem, err);
    if (rc == 0)
        *ret = EDGE_TAKE(client);
    return rc;
}

struct edge_tls_client *edge_tls_client_destroy(struct edge_tls_client *client)
{
    if (client)
        SSL_CTX_free(client->ctx);
    free(client);
    return NULL;
}

SSL *edge_tls_accept(const struct edge_tls_server *server)
{
    SSL *ssl = SSL_new(server->ctx);

    if (ssl)
        SSL_set_accept_state(ssl);
    return ssl;
}

static bool is_address(const char *host)
{
    unsigned char address[16];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

SSL *edge_tls_connect(const struct edge_tls_client *client, const char *host)
{
    SSL *ssl = SSL_new(client->ctx);
    bool done;

    if (!ssl)
        return NULL;
    SSL_set_connect_state(ssl);
    if (is_address(host))
        done = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    else
        done = SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
    if (done)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

static int not_trusted(long why, struct edge_err *err)
{
    const char *reason = X509_verify_cert_error_string(why);
    char now[EDGE_TIME_TEXT];

    if (why != X509_V_ERR_CERT_NOT_YET_VALID && why != X509_V_ERR_CERT_HAS_EXPIRED)
        return edge_fail(err, EDGE_EAUTH, "the server's certificate is not trusted: %s", reason);
    edge_time_format(edge_wall_ns(), now);
    return edge_fail(err, EDGE_EAUTH,
                     "the server's certificate is not trusted: %s; the clock of this device says "
                     "%.19sZ",
                     reason, now);
}

int edge_tls_failure(const SSL *ssl, struct edge_err *err)
{
    long verified = SSL_get_verify_result(ssl);

    if (!SSL_is_server(ssl) && verified != X509_V_OK) {
        ERR_clear_error();
        return not_trusted(verified, err);
    }
    return tls_fail(err, EDGE_EPROTOCOL, "TLS failed");
}
