/* common/net/socket_stream.h - inside the room: a socket's stream, in three parts. Loop thread.
 *
 *   socket.c  made, read, closed     socket_write.c  written     socket_finish.c  said goodbye
 *
 * shut is the only way out: libuv's close lets go of the first hold. */
#ifndef EDGE_NET_SOCKET_STREAM_H
#define EDGE_NET_SOCKET_STREAM_H

#include <stdint.h>
#include <uv.h>

#include "common/net/base.h"

struct socket_writing;

/** After finish. Closing with unread bytes would make the kernel throw away what we have sent. */
struct socket_goodbye {
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
    bool above;                     /* the low mark */
    struct edge_buf out;            /* what comes after those */
    struct socket_writing *writing; /* bytes libuv is sending, or NULL */
    struct socket_goodbye *goodbye; /* since finish; else NULL */
    uv_connect_t *connecting;
    void (*connected)(int rc, void *arg);
    void *connected_arg;
    char *address;
};

static inline struct socket_stream *socket_of(const struct edge_stream *stream)
{
    return EDGE_CONTAINER_OF((uintptr_t) stream, struct socket_stream, base);
}

static inline struct socket_stream *socket_of_handle(void *handle)
{
    return EDGE_CONTAINER_OF(handle, struct socket_stream, uv);
}

/** Nothing more can be sent. */
static inline bool socket_is_broken(const struct socket_stream *s)
{
    return s->base.over && s->base.end_rc < 0;
}

/** Close it now; its memory goes in a later turn. Once is enough, more does no harm. */
void socket_shut(struct socket_stream *s);
/** Have libuv read: to the owner, or after finish to the goodbye. @return libuv's code */
int socket_read_start(struct socket_stream *s);

/* socket_write.c: stream_kind's write and queued. */

void socket_write(struct edge_stream *stream, const void *data, size_t len);
size_t socket_queued(const struct edge_stream *stream);

/* socket_finish.c: stream_kind's finish. */

void socket_finish(struct edge_stream *stream);
/** Everything is written: end our side. */
void socket_say_goodbye(struct socket_stream *s);
/** The peer's last bytes, or a negative code: they are not wanted any more. */
void socket_goodbye_read(struct socket_stream *s, ssize_t n);

#endif
