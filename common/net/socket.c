#include "common/net/socket.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/net/socket_stream.h"

enum { KEEPALIVE_S = 60, ADDRESS_SIZE = 64 };

static void on_closed(uv_handle_t *handle)
{
    stream_release(&socket_of_handle(handle)->base);
}

void socket_shut(struct socket_stream *s)
{
    if (uv_is_closing(&s->uv.handle))
        return;
    if (s->goodbye)
        s->goodbye->timer = edge_timer_destroy(s->goodbye->timer);
    uv_close(&s->uv.handle, on_closed);
}

static void socket_free(struct edge_stream *stream)
{
    struct socket_stream *s = socket_of(stream);

    edge_buf_fini(&s->out);
    free(s->goodbye);
    free(s->connecting);
    free(s->address);
    free(s);
}

static void socket_close(struct edge_stream *stream)
{
    socket_shut(socket_of(stream));
}

/* Reading. */

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static _Thread_local char room[STREAM_READ]; /* used up before the next read */

    (void) handle;
    (void) suggested;
    *buf = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf)
{
    struct socket_stream *s = socket_of_handle(handle);

    if (s->goodbye) {
        socket_goodbye_read(s, n);
    } else if (n > 0) {
        stream_deliver(&s->base, buf->base, (size_t) n);
    } else if (n < 0) {
        (void) uv_read_stop(handle);
        stream_end(&s->base, n == UV_EOF ? 0 : (int) n);
    }
}

int socket_read_start(struct socket_stream *s)
{
    return uv_read_start(&s->uv.stream, on_room, on_read);
}

static void socket_read(struct edge_stream *stream, bool wanted)
{
    struct socket_stream *s = socket_of(stream);
    int rc = wanted ? socket_read_start(s) : uv_read_stop(&s->uv.stream);

    if (rc < 0)
        stream_end_later(stream, rc);
}

/* Who is there. */

static bool socket_peer(const struct edge_stream *stream, pid_t *pid, uid_t *uid, gid_t *gid)
{
    const struct socket_stream *s = socket_of(stream);
    struct ucred peer;
    socklen_t len = sizeof peer;
    uv_os_fd_t fd;

    if (!s->is_unix || uv_fileno(&s->uv.handle, &fd) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return false;
    *pid = peer.pid;
    *uid = peer.uid;
    *gid = peer.gid;
    return true;
}

static const char *socket_address(const struct edge_stream *stream)
{
    return socket_of(stream)->address;
}

static const struct edge_tls_peer *socket_certificate(const struct edge_stream *stream)
{
    (void) stream;
    return NULL;
}

static const struct stream_kind kind = {
    .read = socket_read,
    .write = socket_write,
    .queued = socket_queued,
    .peer = socket_peer,
    .address = socket_address,
    .certificate = socket_certificate,
    .close = socket_close,
    .finish = socket_finish,
    .free = socket_free,
};

/* Making one. */

static void write_address(const struct sockaddr *address, socklen_t len, char text[ADDRESS_SIZE])
{
    char host[48];
    char port[8];
    bool six = address->sa_family == AF_INET6;

    if (getnameinfo(address, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        (void) snprintf(text, ADDRESS_SIZE, "unknown");
    else
        (void) snprintf(text, ADDRESS_SIZE, six ? "[%s]:%s" : "%s:%s", host, port);
}

static struct socket_stream *make(struct edge_loop *loop, bool is_unix, const char *address)
{
    struct socket_stream *s = calloc(1, sizeof *s);
    char *copy = edge_strdup(address);

    if (!s || !copy) {
        free(copy);
        free(s);
        return NULL;
    }
    stream_init(&s->base, &kind, loop);
    edge_buf_init(&s->out, STREAM_QUEUE_MAX);
    s->is_unix = is_unix;
    s->address = copy;
    if (is_unix) /* these open nothing yet: they cannot fail */
        (void) uv_pipe_init(edge_loop_native(loop), &s->uv.pipe, 0);
    else
        (void) uv_tcp_init(edge_loop_native(loop), &s->uv.tcp);
    return s;
}

static void tune(struct socket_stream *s)
{
    (void) uv_tcp_nodelay(&s->uv.tcp, 1);
    (void) uv_tcp_keepalive(&s->uv.tcp, 1, KEEPALIVE_S);
}

struct edge_stream *socket_open(struct edge_loop *loop, int fd, bool is_unix)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    char text[ADDRESS_SIZE] = "unix";
    struct socket_stream *s;
    int rc;

    if (!is_unix && getpeername(fd, (struct sockaddr *) &address, &len) == 0)
        write_address((struct sockaddr *) &address, len, text);
    s = make(loop, is_unix, text);
    if (!s) {
        edge_close(fd);
        return NULL;
    }
    rc = is_unix ? uv_pipe_open(&s->uv.pipe, fd) : uv_tcp_open(&s->uv.tcp, fd);
    if (rc < 0) {
        edge_close(fd);
        return edge_stream_close(&s->base);
    }
    if (!is_unix)
        tune(s);
    return &s->base;
}

static void on_connected(uv_connect_t *request, int status)
{
    struct socket_stream *s = socket_of_handle(request->handle);

    if (s->base.left)
        return;
    if (status == 0)
        tune(s);
    s->connected(status, s->connected_arg);
}

int socket_connect(struct edge_loop *loop, const struct sockaddr *address,
                   void (*done)(int rc, void *arg), void *arg, struct edge_stream **ret)
{
    socklen_t len =
        address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    char text[ADDRESS_SIZE];
    struct socket_stream *s;
    int rc = -ENOMEM;

    write_address(address, len, text);
    s = make(loop, false, text);
    if (!s)
        return -ENOMEM;
    s->connected = done;
    s->connected_arg = arg;
    s->connecting = malloc(sizeof *s->connecting);
    if (s->connecting)
        rc = uv_tcp_connect(s->connecting, &s->uv.tcp, address, on_connected);
    if (rc < 0) {
        edge_stream_close(&s->base);
        return rc;
    }
    *ret = &s->base;
    return 0;
}
