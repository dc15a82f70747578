/* The way to a server is a row of steps; each begins with the stream the one before has left, and
 * ends in `next` or in `fail`, from a turn of the loop. */
#include "common/net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/encode.h"
#include "common/net/head.h"
#include "common/net/proxy.h"
#include "common/net/resolve.h"
#include "common/net/socket.h"
#include "common/net/tls_stream.h"
#include "common/net/websocket.h"

enum {
    TIMEOUT_MS = 30 * 1000,
    ATTEMPT_MS = 5000, /* for one of several addresses */
    REQUEST_MAX = 8 * 1024,
    KEY_BYTES = 16,
};

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
    struct edge_buf head; /* of an answer, as far as it has come */
    char *key;            /* Sec-WebSocket-Key */
};

static void begin_connect(struct edge_dial *dial);
static void begin_proxy(struct edge_dial *dial);
static void begin_tls(struct edge_dial *dial);
static void begin_websocket(struct edge_dial *dial);

static bool always(const struct edge_dial *dial)
{
    (void) dial;
    return true;
}

static bool wants_proxy(const struct edge_dial *dial)
{
    return dial->has_proxy;
}

static bool wants_tls(const struct edge_dial *dial)
{
    return dial->tls != NULL;
}

static bool wants_websocket(const struct edge_dial *dial)
{
    return dial->ws_path != NULL;
}

static const struct {
    bool (*wanted)(const struct edge_dial *dial);
    void (*begin)(struct edge_dial *dial);
    const char *what; /* for "no answer within 30 s while ..." */
} steps[DONE] = {
    /* begun by edge_dial_open itself */
    [RESOLVE] = {NULL, NULL, "looking up its name"},
    [CONNECT] = {always, begin_connect, "connecting"},
    [PROXY] = {wants_proxy, begin_proxy, "asking the proxy for it"},
    [TLS] = {wants_tls, begin_tls, "shaking hands (TLS)"},
    [WEBSOCKET] = {wants_websocket, begin_websocket, "asking for a WebSocket"},
};

static void free_dial(struct edge_dial *dial)
{
    net_resolve_cancel(dial->resolve);
    net_addresses_free(dial->addresses);
    edge_timer_destroy(dial->timer);
    edge_timer_destroy(dial->attempt);
    edge_stream_close(dial->stream);
    edge_buf_fini(&dial->head);
    net_proxy_fini(&dial->proxy);
    free(dial->host);
    free(dial->authority);
    free(dial->ws_path);
    free(dial->ws_protocol);
    free(dial->key);
    free(dial);
}

/* The dial is gone; tell its owner. */
static void tell(struct edge_dial *dial, struct edge_stream *stream, int rc,
                 const struct edge_err *err)
{
    void (*done)(struct edge_stream * stream, int rc, const struct edge_err *err, void *arg) =
        dial->done;
    void *arg = dial->arg;

    free_dial(dial);
    done(stream, rc, err, arg);
}

static void fail(struct edge_dial *dial, int rc, const char *why)
{
    struct edge_err err = {0};

    edge_fail(&err, rc, "no connection to %s: %s", dial->authority, why);
    tell(dial, NULL, rc, &err);
}

static void next(struct edge_dial *dial)
{
    do
        dial->step++;
    while (dial->step < DONE && !steps[dial->step].wanted(dial));
    if (dial->step < DONE) {
        steps[dial->step].begin(dial);
    } else {
        struct edge_err none = {0};

        tell(dial, EDGE_TAKE(dial->stream), 0, &none);
    }
}

static void on_late(void *arg)
{
    struct edge_dial *dial = arg;
    char why[80];

    (void) snprintf(why, sizeof why, "it took too long while %s", steps[dial->step].what);
    fail(dial, EDGE_EUNAVAILABLE, why);
}

/* Looking up. */

static void on_resolved(struct addrinfo *list, const char *why, void *arg)
{
    struct edge_dial *dial = arg;

    dial->resolve = NULL;
    if (!list) {
        fail(dial, EDGE_EUNAVAILABLE, why);
        return;
    }
    dial->addresses = list;
    dial->address = list;
    next(dial);
}

static int resolve(struct edge_dial *dial)
{
    const char *host = dial->has_proxy ? dial->proxy.host : dial->host;
    uint16_t port = dial->has_proxy ? dial->proxy.port : dial->port;

    return net_resolve(dial->loop, host, port, on_resolved, dial, &dial->resolve);
}

/* Connecting, to one address after the other. */

static void try_next(struct edge_dial *dial, int rc);

static void on_connected(int rc, void *arg)
{
    struct edge_dial *dial = arg;

    edge_timer_disarm(dial->attempt);
    if (rc == 0)
        next(dial);
    else
        try_next(dial, rc);
}

static void on_attempt_late(void *arg)
{
    try_next(arg, -ETIMEDOUT);
}

static void begin_connect(struct edge_dial *dial)
{
    int rc = -EAFNOSUPPORT;

    for (; dial->address; dial->address = dial->address->ai_next) {
        rc = socket_connect(dial->loop, dial->address->ai_addr, on_connected, dial, &dial->stream);
        if (rc == 0)
            break;
    }
    if (rc < 0)
        fail(dial, EDGE_EUNAVAILABLE, edge_strerror(rc));
    else if (dial->address->ai_next)
        edge_timer_arm(dial->attempt, ATTEMPT_MS);
}

static void try_next(struct edge_dial *dial, int rc)
{
    dial->stream = edge_stream_close(dial->stream);
    dial->address = dial->address->ai_next;
    if (dial->address)
        begin_connect(dial);
    else
        fail(dial, EDGE_EUNAVAILABLE, edge_strerror(rc));
}

/* One request and the head of its answer, for the proxy and the WebSocket. */

static void judge_proxy(struct edge_dial *dial, int status);
static void judge_websocket(struct edge_dial *dial, int status);

static void on_data(struct edge_bytes data, void *arg)
{
    struct edge_dial *dial = arg;
    int rc = edge_buf_append(&dial->head, data.data, data.len);
    size_t len = net_head_end(dial->head.data, dial->head.len);
    int status = net_head_status(dial->head.data, len);

    if (len == 0 && rc == 0)
        return;
    if (rc < 0 || status == 0)
        fail(dial, EDGE_EPROTOCOL, "the answer is not HTTP, or too long");
    else if (edge_stream_detach(dial->stream, dial->head.data + len, dial->head.len - len) < 0)
        fail(dial, -ENOMEM, "no memory");
    else if (dial->step == PROXY)
        judge_proxy(dial, status);
    else
        judge_websocket(dial, status);
}

static void on_end(int rc, void *arg)
{
    struct edge_dial *dial = arg;
    char why[160];

    (void) snprintf(why, sizeof why, "the other side left while %s%s%s", steps[dial->step].what,
                    rc < 0 ? ": " : "", rc < 0 ? edge_strerror(rc) : "");
    fail(dial, EDGE_EUNAVAILABLE, why);
}

static void ask(struct edge_dial *dial, struct edge_buf *request)
{
    static const struct edge_stream_handler handler = {.on_data = on_data, .on_end = on_end};
    int rc = edge_buf_error(request);

    if (rc == 0)
        edge_stream_write(dial->stream, request->data, request->len);
    if (request->data)
        explicit_bzero(request->data, request->len); /* the proxy's password */
    edge_buf_fini(request);
    if (rc < 0) {
        fail(dial, rc, "the request is too long");
        return;
    }
    edge_buf_fini(&dial->head);
    edge_stream_attach(dial->stream, &handler, dial);
}

static void refused(struct edge_dial *dial, const char *who, int status)
{
    struct edge_err err = {0};
    bool auth = status == 401 || status == 403 || status == 407;
    int rc = auth ? EDGE_EAUTH : EDGE_EREMOTE;

    edge_fail(&err, rc, "no connection to %s: %s answered with status %d", dial->authority, who,
              status);
    err.status = status;
    tell(dial, NULL, rc, &err);
}

static void begin_proxy(struct edge_dial *dial)
{
    struct edge_buf request = EDGE_BUF_INIT(REQUEST_MAX);

    edge_buf_printf(&request, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", dial->authority,
                    dial->authority);
    if (dial->proxy.basic)
        edge_buf_printf(&request, "Proxy-Authorization: Basic %s\r\n", dial->proxy.basic);
    edge_buf_puts(&request, "\r\n");
    ask(dial, &request);
}

static void judge_proxy(struct edge_dial *dial, int status)
{
    if (status >= 200 && status <= 299)
        next(dial);
    else
        refused(dial, "the proxy", status);
}

/* TLS. */

static void on_shaken(int rc, const struct edge_err *err, void *arg)
{
    struct edge_dial *dial = arg;

    if (rc == 0)
        next(dial);
    else
        fail(dial, rc, *err->text ? err->text : edge_strerror(rc));
}

static void begin_tls(struct edge_dial *dial)
{
    dial->stream = tls_over(dial->loop, dial->stream, edge_tls_connect(dial->tls, dial->host),
                            on_shaken, dial);
    if (!dial->stream)
        fail(dial, -ENOMEM, "no memory for TLS, or not a name that can have a certificate");
}

/* WebSocket. */

static void begin_websocket(struct edge_dial *dial)
{
    struct edge_buf request = EDGE_BUF_INIT(REQUEST_MAX);
    unsigned char nonce[KEY_BYTES];

    if (RAND_bytes(nonce, sizeof nonce) == 1)
        dial->key = edge_base64(nonce, sizeof nonce);
    if (!dial->key) {
        fail(dial, -ENOMEM, "no memory");
        return;
    }
    edge_buf_printf(&request,
                    "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n",
                    dial->ws_path, dial->authority, dial->key);
    if (dial->ws_protocol)
        edge_buf_printf(&request, "Sec-WebSocket-Protocol: %s\r\n", dial->ws_protocol);
    edge_buf_puts(&request, "\r\n");
    ask(dial, &request);
}

/* RFC 6455 4.1: what it grants must be what we have asked for. */
static bool is_granted(const struct edge_dial *dial)
{
    const char *text = dial->head.data;
    size_t len = net_head_end(text, dial->head.len);
    char accept[EDGE_WEBSOCKET_ACCEPT_SIZE];

    edge_websocket_accept(dial->key, accept);
    if (*accept == '\0' || !net_head_is(text, len, "Upgrade", "websocket", false) ||
        !net_head_is(text, len, "Connection", "upgrade", false) ||
        !net_head_is(text, len, "Sec-WebSocket-Accept", accept, true) ||
        net_head_has(text, len, "Sec-WebSocket-Extensions"))
        return false;
    return dial->ws_protocol
               ? net_head_is(text, len, "Sec-WebSocket-Protocol", dial->ws_protocol, true)
               : !net_head_has(text, len, "Sec-WebSocket-Protocol");
}

static void judge_websocket(struct edge_dial *dial, int status)
{
    if (status != 101) {
        refused(dial, "the server", status);
        return;
    }
    if (!is_granted(dial)) {
        fail(dial, EDGE_EPROTOCOL, "the server's WebSocket is not the one asked for");
        return;
    }
    dial->stream = edge_websocket_over(dial->loop, dial->stream, true);
    if (dial->stream)
        next(dial);
    else
        fail(dial, -ENOMEM, "no memory for a WebSocket");
}

/* The owner's calls. */

static bool is_address6(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET6, host, address) == 1;
}

/* They go into requests as they are. */
static bool is_clean(const char *text)
{
    for (; text && *text; text++) {
        if (*text <= ' ' || *text > '~')
            return false;
    }
    return true;
}

static int copy_options(struct edge_dial *dial, const struct edge_dial_options *options,
                        struct edge_err *err)
{
    bool six = is_address6(options->host);

    if (*options->host == '\0' || !is_clean(options->host) || !is_clean(options->ws_path) ||
        !is_clean(options->ws_protocol))
        return edge_fail(err, EDGE_EINVALID,
                         "cannot connect: a host, path or protocol with blanks or other signs");
    if (options->proxy) {
        int rc = net_proxy_parse(options->proxy, &dial->proxy, err);

        if (rc < 0)
            return rc;
        dial->has_proxy = true;
    }
    dial->host = edge_strdup(options->host);
    dial->authority = six ? edge_format("[%s]:%u", options->host, options->port)
                          : edge_format("%s:%u", options->host, options->port);
    dial->ws_path = edge_strdup(options->ws_path);
    dial->ws_protocol = edge_strdup(options->ws_protocol);
    if (!dial->host || !dial->authority || (options->ws_path && !dial->ws_path) ||
        (options->ws_protocol && !dial->ws_protocol))
        return edge_fail(err, -ENOMEM, "no memory to connect");
    return 0;
}

int edge_dial_open(struct edge_loop *loop, const struct edge_dial_options *options,
                   struct edge_dial **ret, struct edge_err *err)
{
    struct edge_dial *dial = calloc(1, sizeof *dial);
    int rc;

    if (!dial)
        return edge_fail(err, -ENOMEM, "no memory to connect");
    dial->loop = loop;
    dial->port = options->port;
    dial->tls = options->tls;
    dial->done = options->done;
    dial->arg = options->arg;
    edge_buf_init(&dial->head, NET_HEAD_MAX);
    rc = copy_options(dial, options, err);
    if (rc == 0) {
        dial->timer = edge_timer_create(loop, on_late, dial);
        dial->attempt = edge_timer_create(loop, on_attempt_late, dial);
        if (!dial->timer || !dial->attempt)
            rc = edge_fail(err, -ENOMEM, "no memory to connect");
    }
    if (rc == 0) {
        rc = resolve(dial);
        if (rc < 0)
            edge_fail(err, rc, "no connection to %s: %s", dial->authority, edge_strerror(rc));
    }
    if (rc < 0) {
        free_dial(dial);
        return rc;
    }
    edge_timer_arm(dial->timer, options->timeout_ms ? options->timeout_ms : TIMEOUT_MS);
    *ret = dial;
    return 0;
}

struct edge_dial *edge_dial_cancel(struct edge_dial *dial)
{
    if (dial)
        free_dial(dial);
    return NULL;
}
