/* common/http/client.h - HTTP requests, one at a time and to their end. The only room that knows
 * libcurl. Blocking: worker threads (or a command line program), any number at once; a request
 * shares nothing with another. HTTP/1.1; proxies by http_proxy, https_proxy and no_proxy as curl
 * takes them, never for a unix socket. */
#ifndef EDGE_HTTP_CLIENT_H
#define EDGE_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/bytes.h"
#include "common/base/cancel.h"
#include "common/base/err.h"

struct edge_http_header {
    const char *name;
    const char *value;
};

/** Why there is no answer, where the caller has advice that depends on it. */
enum edge_http_fault {
    EDGE_HTTP_FAULT_NONE,
    EDGE_HTTP_FAULT_HANDSHAKE, /* no TLS on the other side, or none that we speak */
    EDGE_HTTP_FAULT_TRUST,     /* its certificate is not signed by a CA we know, or not for it */
};

/** The answer. `{0}` before the call; edge_http_response_fini afterwards, whatever came. */
struct edge_http_response {
    int status;           /* 200, 404, …; 0 when there was no answer */
    struct edge_buf body; /* the whole body without on_body; always for a status outside 2xx, whose
                             body is cut at 64 KiB */
    bool stopped;         /* a callback had enough: the body is not complete */
    enum edge_http_fault fault;
    struct edge_buf head_;
};
/** Wipes what it frees. */
void edge_http_response_fini(struct edge_http_response *response);
static inline void edge_http_response_finip(struct edge_http_response *response)
{
    edge_http_response_fini(response);
}

/** Value of header @p name (any case) or NULL. Borrowed from the response. */
const char *edge_http_response_header(const struct edge_http_response *response, const char *name);
/** The one after @p previous, for headers that come several times; NULL at the end. */
const char *edge_http_response_header_next(const struct edge_http_response *response,
                                           const char *name, const char *previous);

enum { EDGE_HTTP_STOP = 1 };

struct edge_http_request {
    const char *method;    /* NULL: "GET" */
    const char *url;       /* http or https; a user name inside is refused */
    const char *unix_path; /* connect to this socket; the URL's host is then only a name */
    const struct edge_http_header *headers;
    size_t nheaders;
    struct edge_bytes body;
    const char *ca_file; /* PEM, trusted besides the system's; or NULL */
    const char *ca_pem;  /* the same as text; or NULL */
    /* Our own certificate for TLS, or NULL: PEM file, leaf first, and its key: PEM file, or the
     * "pkcs11:" URI of a key in a token. Never shown to another host. */
    const char *cert_file;
    const char *key;
    const char *username; /* Basic authorisation, or NULL */
    const char *password;
    int connect_timeout_ms; /* 0: 10 s */
    int stall_s;            /* give up when nothing comes for so long; 0: 30, negative: never */
    int total_ms;           /* for everything; 0: no limit */
    unsigned redirects;     /* most to follow, of GET and HEAD; never from https to http, and
                               without credentials to another host */
    size_t max_head;        /* bytes of headers; 0: 64 KiB */
    int64_t max_body;       /* 0: 1 MiB, but no limit with on_body; then EDGE_ELIMIT */
    struct edge_cancel *cancel;
    /** The final answer's status and headers are in; before any body. May be NULL.
     * @return 0, EDGE_HTTP_STOP, or a negative code that the request then returns */
    int (*on_head)(const struct edge_http_response *response, void *arg);
    /** Some bytes of the body of a 2xx answer; returns the same. May be NULL. */
    int (*on_body)(struct edge_bytes data, void *arg);
    void *arg;
};

/**
 * Do @p request.
 * @return 0 when there is an answer, whatever its status · EDGE_EUNAVAILABLE (name, connection,
 * stall, time limit, broken in the middle) · EDGE_EAUTH the server's certificate is not trusted ·
 * EDGE_EPROTOCOL not HTTP, or a redirect we refuse · EDGE_EINVALID the URL, a header, the CA file
 * or our certificate · EDGE_ELIMIT head or body too large, too many redirects · -ECANCELED ·
 * -ENOMEM; err names the host (never path or query: they may hold secrets)
 */
EDGE_MUST_CHECK int edge_http_request(const struct edge_http_request *request,
                                      struct edge_http_response *ret, struct edge_err *err);

#endif
