/* common/http/server.h - a small HTTP/1.1 server on the loop. Everything here runs on the loop
 * thread and never blocks.
 *
 * Connections are kept alive, one exchange at a time on each; what a client may take in time,
 * bytes and connections is bounded. A handler answers at once or later; a long answer is streamed
 * and waits for a slow client; or the connection becomes a WebSocket. */
#ifndef EDGE_HTTP_SERVER_H
#define EDGE_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/loop/loop.h"
#include "common/net/stream.h"

struct edge_http_server;
/** One request and its answer. Lives until the answer is complete or the client has gone. */
struct edge_exchange;

struct edge_http_server_options {
    const char *uri; /* "unix:///run/x.sock", "tcp://127.0.0.1:8080"; port 0 is any free one */
    mode_t mode;     /* of a unix socket; 0: 0660 */
    struct edge_tls_server *tls; /* NULL: plain; outlives the server */
    unsigned max_clients;        /* 0: 64; one more replaces one that has asked nothing
                                  * yet, or is closed */
    size_t max_body;             /* 0: 1 MiB; more is answered 413 */
    unsigned head_ms;            /* from first byte to the end of the head; 0: 10 s */
    unsigned body_ms;            /* for the body; 0: 30 s */
    unsigned idle_ms;            /* between two requests; 0: 60 s */
    unsigned stall_ms;           /* for a client to take at least something; 0: 60 s */
    /** A complete request. Must lead to edge_exchange_reply or _stream, now or later. */
    void (*handle)(struct edge_exchange *exchange, void *arg);
    void *arg;
};

/** Listen. A unix socket appears with its final mode, in a folder that is made when absent; a dead
 * one in its place is replaced. The process ignores SIGPIPE from here on.
 * @return 0, EDGE_EINVALID (uri), -EADDRINUSE, other errno */
EDGE_MUST_CHECK int edge_http_server_open(struct edge_loop *loop,
                                          const struct edge_http_server_options *options,
                                          struct edge_http_server **ret, struct edge_err *err);
/** TCP port listened on, 0 for a unix socket. */
uint16_t edge_http_server_port(const struct edge_http_server *server);
/** Stop and drop all connections; their exchanges are gone. The last memory goes in the loop's
 * next turns. Accepts NULL; returns NULL. */
struct edge_http_server *edge_http_server_close(struct edge_http_server *server);

/* The request. All text is borrowed from the exchange. */
const char *edge_exchange_method(const struct edge_exchange *exchange); /* "GET" */
/** Decoded, begins with "/", without query. */
const char *edge_exchange_path(const struct edge_exchange *exchange);
/** Decoded value of a query parameter, "" for one without value, NULL when absent; the first of
 * several. */
const char *edge_exchange_query(const struct edge_exchange *exchange, const char *name);
/** Value of a header, any case; NULL when absent; the first of several. */
const char *edge_exchange_header(const struct edge_exchange *exchange, const char *name);
/** The header at @p index, in the order of the request. @return false beyond the last */
bool edge_exchange_header_at(const struct edge_exchange *exchange, size_t index, const char **name,
                             const char **value);
struct edge_bytes edge_exchange_body(const struct edge_exchange *exchange);
/** Who is at the other end of a unix socket. @return false when that cannot be known */
bool edge_exchange_peer(const struct edge_exchange *exchange, pid_t *pid, uid_t *uid, gid_t *gid);
/** "127.0.0.1:50312", "unix". */
const char *edge_exchange_address(const struct edge_exchange *exchange);
/** The certificate the client has shown in TLS, or NULL. */
const struct edge_tls_peer *edge_exchange_certificate(const struct edge_exchange *exchange);

/* A WebSocket instead of an answer. */

/** Does the client ask for one, in a way that can be granted? */
bool edge_exchange_wants_websocket(const struct edge_exchange *exchange);
/** Is @p protocol among the sub-protocols it offers? */
bool edge_exchange_offers(const struct edge_exchange *exchange, const char *protocol);
/** The first of @p known that it offers, when it wants a WebSocket at all; NULL: none. */
const char *edge_exchange_choose(const struct edge_exchange *exchange, const char *const *known,
                                 size_t nknown);
/** Switch: only where edge_exchange_wants_websocket is true and nothing has been answered. No
 * extension is granted.
 * @param protocol  the sub-protocol chosen, one it offers; NULL: none
 * @return a stream of binary messages that the caller owns and attaches to, no longer the server's;
 * NULL when the client cannot be served. The exchange is gone in any case, without on_gone. */
struct edge_stream *edge_exchange_upgrade(struct edge_exchange *exchange, const char *protocol);

/* The answer. */

/** Have @p fn called when the client leaves before the answer is complete, or the server closes;
 * the exchange is invalid then. Never called from within a call of this header but close. */
void edge_exchange_on_gone(struct edge_exchange *exchange, void (*fn)(void *arg), void *arg);
/** One more header for the answer to come. Values with control characters are left out. */
void edge_exchange_set_header(struct edge_exchange *exchange, const char *name, const char *value);
/** Answer and be done; the exchange is invalid afterwards. @p data is copied; for HEAD only its
 * length is sent. @p type may be NULL with no data. */
void edge_exchange_reply(struct edge_exchange *exchange, int status, const char *type,
                         const void *data, size_t len);
/** Begin an answer of unknown length. @p ready is called, also later, whenever the client has taken
 * what was written; not from within this call. */
void edge_exchange_stream(struct edge_exchange *exchange, int status, const char *type,
                          void (*ready)(void *arg), void *arg);
/** Copies. @return false when that is enough for now: wait for ready (nothing was lost) */
bool edge_exchange_write(struct edge_exchange *exchange, const void *data, size_t len);
/** The streamed answer is complete; the exchange is invalid afterwards. */
void edge_exchange_end(struct edge_exchange *exchange);

#endif
