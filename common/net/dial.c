/* The way to a server is a row of steps; each begins with the stream the one before has left, and
 * ends in `next` or in `fail`, from a turn of the loop. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/net/base.h"
#include "common/net/dial_steps.h"
#include "common/net/head.h"
#include "common/net/socket.h"
#include "common/net/tls_stream.h"

enum {
    TIMEOUT_MS = 30 * 1000,
    ATTEMPT_MS = 5000, /* for one of several addresses */
};

static void begin_connect(struct edge_dial *dial);
static void begin_tls(struct edge_dial *dial);

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
    [PROXY] = {wants_proxy, dial_ask_proxy, "asking the proxy for it"},
    [TLS] = {wants_tls, begin_tls, "shaking hands (TLS)"},
    [WEBSOCKET] = {wants_websocket, dial_ask_websocket, "asking for a WebSocket"},
};

const char *dial_doing(const struct edge_dial *dial)
{
    return steps[dial->step].what;
}

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

void dial_tell(struct edge_dial *dial, struct edge_stream *stream, int rc,
               const struct edge_err *err)
{
    void (*done)(struct edge_stream * stream, int rc, const struct edge_err *err, void *arg) =
        dial->done;
    void *arg = dial->arg;

    free_dial(dial);
    done(stream, rc, err, arg);
}

void dial_fail(struct edge_dial *dial, int rc, const char *why)
{
    struct edge_err err = {0};

    edge_fail(&err, rc, "no connection to %s: %s", dial->authority, why);
    dial_tell(dial, NULL, rc, &err);
}

void dial_next(struct edge_dial *dial)
{
    do
        dial->step++;
    while (dial->step < DONE && !steps[dial->step].wanted(dial));
    if (dial->step < DONE) {
        steps[dial->step].begin(dial);
    } else {
        struct edge_err none = {0};

        dial_tell(dial, EDGE_TAKE(dial->stream), 0, &none);
    }
}

static void on_late(void *arg)
{
    struct edge_dial *dial = arg;
    char why[80];

    (void) snprintf(why, sizeof why, "it took too long while %s", dial_doing(dial));
    dial_fail(dial, EDGE_EUNAVAILABLE, why);
}

/* Looking up. */

static void on_resolved(struct addrinfo *list, const char *why, void *arg)
{
    struct edge_dial *dial = arg;

    dial->resolve = NULL;
    if (!list) {
        dial_fail(dial, EDGE_EUNAVAILABLE, why);
        return;
    }
    dial->addresses = list;
    dial->address = list;
    dial_next(dial);
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
        dial_next(dial);
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
    if (!dial->address)
        dial_fail(dial, EDGE_EUNAVAILABLE, edge_strerror(rc));
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
        dial_fail(dial, EDGE_EUNAVAILABLE, edge_strerror(rc));
}

/* TLS. */

static void on_shaken(int rc, const struct edge_err *err, void *arg)
{
    struct edge_dial *dial = arg;

    if (rc == 0)
        dial_next(dial);
    else
        dial_fail(dial, rc, *err->text ? err->text : edge_strerror(rc));
}

static void begin_tls(struct edge_dial *dial)
{
    dial->stream = tls_over(dial->loop, dial->stream, edge_tls_connect(dial->tls, dial->host),
                            on_shaken, dial);
    if (!dial->stream)
        dial_fail(dial, -ENOMEM, "no memory for TLS, or not a name that can have a certificate");
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
    (void) signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    dial->loop = loop;
    dial->port = options->port;
    dial->tls = options->tls;
    dial->done = options->done;
    dial->arg = options->arg;
    edge_buf_init(&dial->head, NET_HEAD_MAX + STREAM_KEPT_MAX);
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
