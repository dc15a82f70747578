#include <errno.h>
#include <stdlib.h>

#include "common/net/socket_stream.h"

/* One such request at a time, so that what comes meanwhile goes in one. */
struct socket_writing {
    uv_write_t request;
    char *data;
};

size_t socket_queued(const struct edge_stream *stream)
{
    const struct socket_stream *s = socket_of(stream);

    return uv_stream_get_write_queue_size(&s->uv.stream) + s->out.len;
}

static void write_out(struct socket_stream *s);

static void on_written(uv_write_t *request, int status)
{
    struct socket_writing *writing = EDGE_CONTAINER_OF(request, struct socket_writing, request);
    struct socket_stream *s = socket_of_handle(request->handle);

    free(writing->data);
    free(writing);
    s->writing = NULL;
    if (uv_is_closing(&s->uv.handle))
        return;
    if (status < 0) {
        edge_buf_fini(&s->out);
        if (s->goodbye)
            socket_shut(s);
        else
            stream_end(&s->base, status);
        return;
    }
    if (s->out.len > 0)
        write_out(s);
    else if (s->goodbye)
        socket_say_goodbye(s);
    if (s->above && socket_queued(&s->base) <= EDGE_STREAM_LOW) {
        s->above = false;
        stream_drained(&s->base);
    }
}

static void write_out(struct socket_stream *s)
{
    struct socket_writing *writing = malloc(sizeof *writing);
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

void socket_write(struct edge_stream *stream, const void *data, size_t len)
{
    struct socket_stream *s = socket_of(stream);
    size_t done = len <= STREAM_QUEUE_MAX ? write_now(s, data, len) : 0;
    int rc;

    if (socket_is_broken(s) || done == len)
        return;
    rc = edge_buf_append(&s->out, (const char *) data + done, len - done);
    if (rc < 0)
        stream_end_later(stream, rc);
    else if (!s->writing)
        write_out(s);
    s->above = s->above || socket_queued(stream) > EDGE_STREAM_LOW;
}
