/* common/net/listen.h - accept connections on a socket, with or without TLS. Loop thread. */
#ifndef EDGE_NET_LISTEN_H
#define EDGE_NET_LISTEN_H

#include <stdint.h>

#include "common/net/stream.h"

struct edge_listener;

struct edge_listener_options {
    const char *uri; /* "tcp://127.0.0.1:8883", "tcp://[::]:443" (every address, of IPv4 as well),
                        "unix:///run/x.sock"; port 0: any */
    mode_t mode;     /* of a unix socket; 0: 0660 */
    struct edge_tls_server *tls; /* NULL: plain; outlives the listener */
    unsigned max_handshakes;     /* TLS handshakes under way at once; 0: 512; while more wait in the
                                    backlog, the silent are dropped */
    unsigned handshake_ms;       /* 0: 10 s */
    /** A connected stream, its handshake done; the callee owns it and attaches. */
    void (*on_stream)(struct edge_stream *stream, void *arg);
    void *arg;
};

/** A unix socket appears with its final mode, in a folder that is made when absent; a dead one in
 * its place is replaced. Running out of descriptors pauses accepting for a second.
 * @return 0, EDGE_EINVALID (uri), -EADDRINUSE, other errno */
EDGE_MUST_CHECK int edge_listen(struct edge_loop *loop, const struct edge_listener_options *options,
                                struct edge_listener **ret, struct edge_err *err);
/** TCP port listened on, 0 for a unix socket. */
uint16_t edge_listener_port(const struct edge_listener *listener);
/** Streams handed over live on. Accepts NULL; returns NULL. */
struct edge_listener *edge_listener_close(struct edge_listener *listener);

#endif
