#include "common/net/listen.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <uv.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/net/place.h"
#include "common/net/socket.h"
#include "common/net/tls_stream.h"

enum {
    ACCEPTS_A_TURN = 16,
    NO_DESCRIPTORS_MS = 1000,
    HANDSHAKES = 512,
    HANDSHAKE_MS = 10 * 1000,
    /* Most a peer may be silent while others wait for its place: at all, and between two of its
     * messages, which are a way of the network apart. */
    SILENT_MS = 100,
    PONDER_MS = 500,
};

/* A client on its way to being a stream. */
struct handshake {
    struct edge_listener *listener;
    struct handshake *next;
    struct handshake **link;
    struct edge_stream *stream;
    struct edge_timer *timer;
};

/* Its handle outlives the close by a turn of the loop. */
struct edge_listener {
    uv_poll_t poll;
    struct edge_loop *loop;
    struct edge_listener_options options;
    struct net_place place;
    struct edge_timer *again; /* after the process ran out of descriptors */
    struct edge_timer *sweep; /* armed while others wait for a place */
    int64_t swept_ms;         /* the sweep has begun: its first turn; 0: not yet */
    struct handshake *handshakes;
    unsigned nhandshakes;
};

static void on_connection(uv_poll_t *poll, int status, int events);

static void resume(struct edge_listener *listener)
{
    if (!edge_timer_armed(listener->again))
        (void) uv_poll_start(&listener->poll, UV_READABLE, on_connection);
}

/* @return its stream, which is the caller's */
static struct edge_stream *forget(struct handshake *h)
{
    struct edge_listener *listener = h->listener;
    struct edge_stream *stream = h->stream;

    *h->link = h->next;
    if (h->next)
        h->next->link = h->link;
    edge_timer_destroy(h->timer);
    free(h);
    if (listener->nhandshakes-- == listener->options.max_handshakes)
        resume(listener);
    return stream;
}

static void drop(struct handshake *h, const char *why)
{
    const char *from = edge_stream_address(h->stream);

    edge_log_about(EDGE_LOG_INFO, from, "TLS handshake failed: from=%s reason=%s", from, why);
    edge_stream_close(forget(h));
}

static void on_ready(int rc, const struct edge_err *err, void *arg)
{
    struct handshake *h = arg;
    struct edge_listener *listener = h->listener;

    if (rc < 0)
        drop(h, *err->text ? err->text : edge_strerror(rc));
    else
        listener->options.on_stream(forget(h), listener->options.arg);
}

static void on_late(void *arg)
{
    drop(arg, "it takes too long");
}

/* Places are full: who says nothing gives his to those who wait. In two turns, because what has
 * come while the loop was busy is read between them. */
static void on_sweep(void *arg)
{
    struct edge_listener *listener = arg;
    int64_t began_ms = listener->swept_ms;
    struct handshake *next;

    if (listener->nhandshakes < listener->options.max_handshakes)
        return;
    listener->swept_ms = began_ms ? 0 : edge_now_ms();
    edge_timer_arm(listener->sweep, began_ms ? SILENT_MS : 1);
    for (struct handshake *h = listener->handshakes; began_ms && h; h = next) {
        next = h->next;
        if (began_ms - tls_heard_ms(h->stream) >=
            (tls_was_heard(h->stream) ? PONDER_MS : SILENT_MS))
            drop(h, "it is silent, and others wait");
    }
}

static void make_room(struct edge_listener *listener)
{
    (void) uv_poll_stop(&listener->poll);
    if (edge_timer_armed(listener->sweep))
        return;
    listener->swept_ms = 0;
    edge_timer_arm(listener->sweep, SILENT_MS);
}

static void begin_handshake(struct edge_listener *listener, struct edge_stream *below)
{
    struct handshake *h = calloc(1, sizeof *h);

    if (h)
        h->timer = edge_timer_create(listener->loop, on_late, h);
    if (h && h->timer)
        h->stream =
            tls_over(listener->loop, below, edge_tls_accept(listener->options.tls), on_ready, h);
    else
        edge_stream_close(below);
    if (!h || !h->stream) {
        if (h)
            edge_timer_destroy(h->timer);
        free(h);
        return;
    }
    h->listener = listener;
    h->next = listener->handshakes;
    h->link = &listener->handshakes;
    if (h->next)
        h->next->link = &h->next;
    listener->handshakes = h;
    listener->nhandshakes++;
    edge_timer_arm(h->timer, listener->options.handshake_ms);
}

static void admit(struct edge_listener *listener, int fd)
{
    struct edge_stream *stream = socket_open(listener->loop, fd, listener->place.path != NULL);

    if (!stream)
        return; /* the client sees it close */
    if (listener->options.tls)
        begin_handshake(listener, stream);
    else
        listener->options.on_stream(stream, listener->options.arg);
}

static bool is_open(const struct edge_listener *listener)
{
    return !uv_is_closing((const uv_handle_t *) &listener->poll);
}

/* Waiting in the backlog they would wake us without end. */
static void wait_for_descriptors(struct edge_listener *listener, int why)
{
    edge_log_about(EDGE_LOG_WARN, "accept", "no connection is let in for a second: reason=%s",
                   strerror(why));
    (void) uv_poll_stop(&listener->poll);
    edge_timer_arm(listener->again, NO_DESCRIPTORS_MS);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct edge_listener *listener = EDGE_CONTAINER_OF(poll, struct edge_listener, poll);

    (void) events;
    for (int i = 0; status == 0 && is_open(listener) && i < ACCEPTS_A_TURN; i++) {
        int fd;

        if (listener->nhandshakes >= listener->options.max_handshakes) {
            make_room(listener);
            return;
        }
        fd = accept4(listener->place.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(listener, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            wait_for_descriptors(listener, errno);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

static void accept_again(void *arg)
{
    resume(arg);
}

static void on_closed(uv_handle_t *handle)
{
    free(EDGE_CONTAINER_OF(handle, struct edge_listener, poll));
}

struct edge_listener *edge_listener_close(struct edge_listener *listener)
{
    if (!listener)
        return NULL;
    listener->options.max_handshakes = 0; /* none is resumed */
    while (listener->handshakes)
        edge_stream_close(forget(listener->handshakes));
    edge_timer_destroy(listener->again);
    edge_timer_destroy(listener->sweep);
    uv_close((uv_handle_t *) &listener->poll, on_closed);
    net_place_close(&listener->place);
    return NULL;
}

static void set_options(struct edge_listener *listener, const struct edge_listener_options *options)
{
    listener->options = *options;
    listener->options.uri = NULL; /* the caller's, and not needed any more */
    if (listener->options.max_handshakes == 0)
        listener->options.max_handshakes = HANDSHAKES;
    if (listener->options.handshake_ms == 0)
        listener->options.handshake_ms = HANDSHAKE_MS;
}

int edge_listen(struct edge_loop *loop, const struct edge_listener_options *options,
                struct edge_listener **ret, struct edge_err *err)
{
    struct edge_listener *listener = calloc(1, sizeof *listener);
    mode_t mode = options->mode ? options->mode : 0660;
    int rc;

    if (!listener)
        return edge_fail(err, -ENOMEM, "no memory to listen on %s", options->uri);
    signal(SIGPIPE, SIG_IGN);
    rc = net_place_open(options->uri, mode, &listener->place, err);
    if (rc < 0) {
        free(listener);
        return rc;
    }
    listener->loop = loop;
    set_options(listener, options);
    rc = uv_poll_init(edge_loop_native(loop), &listener->poll, listener->place.fd);
    if (rc < 0) {
        net_place_close(&listener->place);
        free(listener);
        return edge_fail(err, rc, "cannot listen on %s: %s", options->uri, uv_strerror(rc));
    }
    listener->again = edge_timer_create(loop, accept_again, listener);
    listener->sweep = edge_timer_create(loop, on_sweep, listener);
    rc = listener->again && listener->sweep
             ? uv_poll_start(&listener->poll, UV_READABLE, on_connection)
             : -ENOMEM;
    if (rc < 0) {
        edge_listener_close(listener);
        return edge_fail(err, rc, "cannot listen on %s: %s", options->uri, uv_strerror(rc));
    }
    *ret = listener;
    return 0;
}

uint16_t edge_listener_port(const struct edge_listener *listener)
{
    return listener->place.port;
}
