#include "common/net/socket.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "common/net/base.h"

enum {
    KEEPALIVE_S = 60,
    GOODBYE_MS = 5000,
    GOODBYE_MAX = 4 * 1024 * 1024, /* bytes of a peer that does not listen */
    ADDRESS_SIZE = 64,
};

/* Bytes libuv is sending: one such request at a time, so that what comes meanwhile goes in one. */
struct writing {
    uv_write_t request;
    char *data;
};

/* After finish. Closing with unread bytes would make the kernel throw away what we have sent. */
struct goodbye {
    uv_shutdown_t request;
    struct edge_timer *timer;
    size_t dropped;
    bool said;
};

struct socket_stream {
    struct edge_stream base;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
    } uv;
    bool is_unix;
    bool above; /* the low mark */
    struct edge_buf out;
    struct writing *writing;
    struct goodbye *goodbye;
    uv_connect_t *connecting;
    void (*connected)(int rc, void *arg);
    void *connected_arg;
    char *address;
};

static struct socket_stream *self(const struct edge_stream *stream)
{
    return EDGE_CONTAINER_OF(stream, struct socket_stream, base);
}

static struct socket_stream *of_handle(void *handle)
{
    return EDGE_CONTAINER_OF(handle, struct socket_stream, uv);
}

/* Nothing more can be sent. */
static bool is_broken(const struct socket_stream *s)
{
    return s->base.over && s->base.end_rc < 0;
}

static void on_closed(uv_handle_t *handle)
{
    stream_release(&of_handle(handle)->base);
}

static void shut(struct socket_stream *s)
{
    if (uv_is_closing(&s->uv.handle))
        return;
    if (s->goodbye)
        s->goodbye->timer = edge_timer_destroy(s->goodbye->timer);
    uv_close(&s->uv.handle, on_closed);
}

static void socket_free(struct edge_stream *stream)
{
    struct socket_stream *s = self(stream);

    edge_buf_fini(&s->out);
    free(s->goodbye);
    free(s->connecting);
    free(s->address);
    free(s);
}

static void socket_close(struct edge_stream *stream)
{
    shut(self(stream));
}

/* Reading. */

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static _Thread_local char room[STREAM_READ]; /* used up before the next read */

    (void) handle;
    (void) suggested;
    *buf = uv_buf_init(room, sizeof room);
}

/* The peer's last bytes are not wanted any more. */
static void on_read_of_goodbye(struct socket_stream *s, ssize_t n)
{
    if (n > 0)
        s->goodbye->dropped += (size_t) n;
    if (n < 0 || s->goodbye->dropped > GOODBYE_MAX)
        s->base.over = true;
    if ((s->base.over && s->goodbye->said) || s->goodbye->dropped > GOODBYE_MAX)
        shut(s);
    else if (s->base.over)
        (void) uv_read_stop(&s->uv.stream);
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf)
{
    struct socket_stream *s = of_handle(handle);

    if (s->goodbye) {
        on_read_of_goodbye(s, n);
    } else if (n > 0) {
        stream_deliver(&s->base, buf->base, (size_t) n);
    } else if (n < 0) {
        (void) uv_read_stop(handle);
        stream_end(&s->base, n == UV_EOF ? 0 : (int) n);
    }
}

static void socket_read(struct edge_stream *stream, bool wanted)
{
    struct socket_stream *s = self(stream);
    int rc = wanted ? uv_read_start(&s->uv.stream, on_room, on_read) : uv_read_stop(&s->uv.stream);

    if (rc < 0)
        stream_end_later(stream, rc);
}

/* Writing. */

static size_t socket_queued(const struct edge_stream *stream)
{
    const struct socket_stream *s = self(stream);

    return uv_stream_get_write_queue_size(&s->uv.stream) + s->out.len;
}

static void say_goodbye(struct socket_stream *s);

static void write_out(struct socket_stream *s);

static void on_written(uv_write_t *request, int status)
{
    struct writing *writing = EDGE_CONTAINER_OF(request, struct writing, request);
    struct socket_stream *s = of_handle(request->handle);

    free(writing->data);
    free(writing);
    s->writing = NULL;
    if (uv_is_closing(&s->uv.handle))
        return;
    if (status < 0) {
        edge_buf_fini(&s->out);
        if (s->goodbye)
            shut(s);
        else
            stream_end(&s->base, status);
        return;
    }
    if (s->out.len > 0)
        write_out(s);
    else if (s->goodbye)
        say_goodbye(s);
    if (s->above && socket_queued(&s->base) <= EDGE_STREAM_LOW) {
        s->above = false;
        stream_drained(&s->base);
    }
}

static void write_out(struct socket_stream *s)
{
    struct writing *writing = malloc(sizeof *writing);
    uv_buf_t buf = uv_buf_init(s->out.data, (unsigned) s->out.len);
    int rc = -ENOMEM;

    if (writing) {
        writing->data = s->out.data;
        rc = uv_write(&writing->request, &s->uv.stream, &buf, 1, on_written);
    }
    if (rc < 0) {
        free(writing);
        edge_buf_fini(&s->out);
        stream_end_later(&s->base, rc);
        return;
    }
    s->writing = writing;
    edge_buf_init(&s->out, s->out.max); /* the data is the request's now */
}

/* @return bytes the kernel has taken at once */
static size_t write_now(struct socket_stream *s, const char *data, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *) (uintptr_t) data, (unsigned) len);
    int n = s->writing ? 0 : uv_try_write(&s->uv.stream, &buf, 1);

    if (n < 0 && n != UV_EAGAIN)
        stream_end_later(&s->base, n);
    return n > 0 ? (size_t) n : 0;
}

static void socket_write(struct edge_stream *stream, const void *data, size_t len)
{
    struct socket_stream *s = self(stream);
    size_t done = len <= STREAM_QUEUE_MAX ? write_now(s, data, len) : 0;
    int rc;

    if (is_broken(s) || done == len)
        return;
    rc = edge_buf_append(&s->out, (const char *) data + done, len - done);
    if (rc < 0)
        stream_end_later(stream, rc);
    else if (!s->writing)
        write_out(s);
    s->above = s->above || socket_queued(stream) > EDGE_STREAM_LOW;
}

/* Finishing. */

static void on_said(uv_shutdown_t *request, int status)
{
    struct goodbye *goodbye = EDGE_CONTAINER_OF(request, struct goodbye, request);
    struct socket_stream *s = of_handle(request->handle);

    goodbye->said = true;
    if (status < 0 || s->base.over)
        shut(s);
}

static void say_goodbye(struct socket_stream *s)
{
    if (uv_shutdown(&s->goodbye->request, &s->uv.stream, on_said) < 0)
        shut(s);
}

static void on_goodbye_time(void *arg)
{
    shut(arg);
}

static void socket_finish(struct edge_stream *stream)
{
    struct socket_stream *s = self(stream);
    int rc;

    s->goodbye = is_broken(s) ? NULL : calloc(1, sizeof *s->goodbye);
    if (s->goodbye)
        s->goodbye->timer = edge_timer_create(stream->loop, on_goodbye_time, s);
    if (!s->goodbye || !s->goodbye->timer) {
        shut(s);
        return;
    }
    edge_timer_arm(s->goodbye->timer, GOODBYE_MS);
    rc = stream->over ? 0 : uv_read_start(&s->uv.stream, on_room, on_read);
    if (rc < 0 && rc != UV_EALREADY)
        shut(s);
    else if (!s->writing)
        say_goodbye(s);
}

/* Who is there. */

static bool socket_peer(const struct edge_stream *stream, pid_t *pid, uid_t *uid, gid_t *gid)
{
    const struct socket_stream *s = self(stream);
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
    return self(stream)->address;
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
    struct socket_stream *s = of_handle(request->handle);

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
