/* common/net/dial_steps.h - inside the room: a dial on its way. Loop thread. */
#ifndef EDGE_NET_DIAL_STEPS_H
#define EDGE_NET_DIAL_STEPS_H

#include "common/net/dial.h"
#include "common/net/proxy.h"
#include "common/net/resolve.h"

enum step { RESOLVE, CONNECT, PROXY, TLS, WEBSOCKET, DONE };

struct edge_dial {
    struct edge_loop *loop;
    char *host;
    char *authority; /* "host:port", "[::1]:443" */
    uint16_t port;
    bool has_proxy;
    struct net_proxy proxy;
    struct edge_tls_client *tls;
    char *ws_path;
    char *ws_protocol;
    void (*done)(struct edge_stream *stream, int rc, const struct edge_err *err, void *arg);
    void *arg;

    enum step step;
    struct edge_timer *timer;   /* for everything */
    struct edge_timer *attempt; /* for one address */
    struct net_resolve *resolve;
    struct addrinfo *addresses;
    struct addrinfo *address; /* being tried */
    struct edge_stream *stream;
    struct edge_buf head; /* of an answer, as far as it has come, and what came with it */
    char *key;            /* Sec-WebSocket-Key */
};

/** The step is done: begin the next. The dial may be gone afterwards, as after the next two. */
void dial_next(struct edge_dial *dial);
/** Give up: "no connection to host:port: @p why". */
void dial_fail(struct edge_dial *dial, int rc, const char *why);
/** Tell the owner; the dial is gone. */
void dial_tell(struct edge_dial *dial, struct edge_stream *stream, int rc,
               const struct edge_err *err);
/** For a person: "it took too long while ...". */
const char *dial_doing(const struct edge_dial *dial);

/* dial_ask.c: the steps that are a request and the head of its answer. */

void dial_ask_proxy(struct edge_dial *dial);
void dial_ask_websocket(struct edge_dial *dial);

#endif
