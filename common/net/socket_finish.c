#include <stdlib.h>

#include "common/net/socket_stream.h"

enum {
    GOODBYE_MS = 5000,
    GOODBYE_MAX = 4 * 1024 * 1024, /* bytes of a peer that does not listen */
};

static void on_said(uv_shutdown_t *request, int status)
{
    struct socket_goodbye *goodbye = EDGE_CONTAINER_OF(request, struct socket_goodbye, request);
    struct socket_stream *s = socket_of_handle(request->handle);

    goodbye->said = true;
    if (status < 0 || s->base.over)
        socket_shut(s);
}

void socket_say_goodbye(struct socket_stream *s)
{
    if (uv_shutdown(&s->goodbye->request, &s->uv.stream, on_said) < 0)
        socket_shut(s);
}

static void on_goodbye_time(void *arg)
{
    socket_shut(arg);
}

void socket_finish(struct edge_stream *stream)
{
    struct socket_stream *s = socket_of(stream);
    int rc;

    s->goodbye = socket_is_broken(s) ? NULL : calloc(1, sizeof *s->goodbye);
    if (s->goodbye)
        s->goodbye->timer = edge_timer_create(stream->loop, on_goodbye_time, s);
    if (!s->goodbye || !s->goodbye->timer) {
        socket_shut(s);
        return;
    }
    edge_timer_arm(s->goodbye->timer, GOODBYE_MS);
    rc = stream->over ? 0 : socket_read_start(s);
    if (rc < 0 && rc != UV_EALREADY)
        socket_shut(s);
    else if (!s->writing)
        socket_say_goodbye(s);
}

void socket_goodbye_read(struct socket_stream *s, ssize_t n)
{
    if (n > 0)
        s->goodbye->dropped += (size_t) n;
    if (n < 0 || s->goodbye->dropped > GOODBYE_MAX)
        s->base.over = true;
    if ((s->base.over && s->goodbye->said) || s->goodbye->dropped > GOODBYE_MAX)
        socket_shut(s);
    else if (s->base.over)
        (void) uv_read_stop(&s->uv.stream);
}
