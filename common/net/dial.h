/* common/net/dial.h - connect to a server: TCP, then as asked a proxy's CONNECT, TLS, a WebSocket.
 * Loop thread; names are looked up on libuv's threads. The process ignores SIGPIPE from then on. */
#ifndef EDGE_NET_DIAL_H
#define EDGE_NET_DIAL_H

#include <stdint.h>

#include "common/net/stream.h"

struct edge_dial;

struct edge_dial_options {
    const char *host; /* name (also for SNI and the certificate) or address; all text is copied */
    uint16_t port;
    const char *proxy;           /* "http://[user:password@]host:port", or NULL */
    struct edge_tls_client *tls; /* NULL: plain; outlives the call */
    const char *ws_path;         /* "/$iothub/websocket", or NULL: no WebSocket */
    const char *ws_protocol;     /* "mqtt" */
    unsigned timeout_ms;         /* for everything; 0: 30 s */
    /** Once, from a turn of the loop: a stream the callee owns, or NULL with the reason in @p err.
     * The dial is gone afterwards. */
    void (*done)(struct edge_stream *stream, int rc, const struct edge_err *err, void *arg);
    void *arg;
};

EDGE_MUST_CHECK int edge_dial_open(struct edge_loop *loop, const struct edge_dial_options *options,
                                   struct edge_dial **ret, struct edge_err *err);
/** Give up; done is not called. Accepts NULL; returns NULL. */
struct edge_dial *edge_dial_cancel(struct edge_dial *dial);

#endif
