/* hub/http/http.h - HTTPS on 443: WebSockets for the other heads, direct methods between modules,
 * /health; and /metrics on its own plain port. Loop thread. Source: hub.md 3, 11.1; cloud.md 6, 9.
 */
#ifndef HUB_HTTP_HTTP_H
#define HUB_HTTP_HTTP_H

#include "common/net/stream.h"
#include "hub/core/core.h"

struct hub_http;

struct hub_http_options {
    struct edge_loop *loop;
    struct hub_core *core;
    const struct hub_self *self;
    const char *uri; /* "tcp://[::]:443" */
    struct edge_tls_server *tls;
    const char *metrics_uri; /* "tcp://[::]:9600", or NULL */
    /** A WebSocket was opened with this sub-protocol: the stream is the callee's. */
    void (*mqtt)(struct edge_stream *stream, void *arg);
    void (*amqp)(struct edge_stream *stream, void *arg);
    void *arg;
};
EDGE_MUST_CHECK int hub_http_open(const struct hub_http_options *options, struct hub_http **ret,
                                  struct edge_err *err);
struct hub_http *hub_http_close(struct hub_http *http);

#endif
