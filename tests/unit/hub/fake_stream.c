#include "tests/unit/hub/fake_stream.h"

#include <stdlib.h>

struct edge_stream *fake_stream_new(void)
{
    struct edge_stream *stream = calloc(1, sizeof *stream);

    if (!stream)
        abort();
    edge_buf_init(&stream->out, (size_t) 64 << 20);
    edge_buf_init(&stream->waiting, (size_t) 64 << 20);
    return stream;
}

void fake_stream_free(struct edge_stream *stream)
{
    edge_buf_fini(&stream->out);
    edge_buf_fini(&stream->waiting);
    free(stream);
}

void fake_give(struct edge_stream *stream, const void *data, size_t len)
{
    if (stream->end != FAKE_OPEN)
        return;
    if (stream->paused) {
        if (edge_buf_append(&stream->waiting, data, len) < 0)
            abort();
        return;
    }
    stream->handler.on_data((struct edge_bytes){data, len}, stream->arg);
}

void fake_flow(struct edge_stream *stream)
{
    struct edge_buf waiting = stream->waiting;

    if (stream->paused || stream->end != FAKE_OPEN || waiting.len == 0)
        return;
    edge_buf_init(&stream->waiting, waiting.max);
    fake_give(stream, waiting.data, waiting.len);
    edge_buf_fini(&waiting);
}

void fake_drain(struct edge_stream *stream)
{
    stream->queued = 0;
    if (stream->end == FAKE_OPEN)
        stream->handler.on_drain(stream->arg);
    fake_flow(stream);
}

static void stop(void *arg)
{
    edge_loop_stop(arg);
}

void fake_wait(struct edge_loop *loop, unsigned ms)
{
    struct edge_timer *timer = edge_timer_create(loop, stop, loop);

    if (!timer)
        abort();
    edge_timer_arm(timer, ms);
    edge_loop_run(loop);
    edge_timer_destroy(timer);
}

void fake_turn(struct edge_loop *loop)
{
    fake_wait(loop, 0);
    fake_wait(loop, 0);
}

void edge_stream_attach(struct edge_stream *stream, const struct edge_stream_handler *handler,
                        void *arg)
{
    stream->handler = *handler;
    stream->arg = arg;
}

void edge_stream_write(struct edge_stream *stream, const void *data, size_t len)
{
    if (stream->end != FAKE_OPEN || edge_buf_append(&stream->out, data, len) < 0)
        abort();
}

size_t edge_stream_queued(const struct edge_stream *stream)
{
    return stream->queued;
}

void edge_stream_pause(struct edge_stream *stream, bool paused)
{
    stream->paused = paused;
}

const char *edge_stream_address(const struct edge_stream *stream)
{
    (void) stream;
    return "192.0.2.1:50000";
}

const struct edge_tls_peer *edge_stream_certificate(const struct edge_stream *stream)
{
    return stream->certificate;
}

struct edge_stream *edge_stream_close(struct edge_stream *stream)
{
    if (stream)
        stream->end = FAKE_CLOSED;
    return NULL;
}

struct edge_stream *edge_stream_finish(struct edge_stream *stream)
{
    if (stream)
        stream->end = FAKE_FINISHED;
    return NULL;
}
