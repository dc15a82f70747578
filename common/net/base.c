#include "common/net/base.h"

#include <assert.h>
#include <stdlib.h>

void stream_init(struct edge_stream *stream, const struct stream_kind *kind, struct edge_loop *loop)
{
    *stream = (struct edge_stream){.kind = kind, .loop = loop, .holds = 1};
    edge_buf_init(&stream->kept, STREAM_KEPT_MAX);
}

void stream_hold(struct edge_stream *stream)
{
    stream->holds++;
}

void stream_release(struct edge_stream *stream)
{
    assert(stream->holds > 0);
    if (--stream->holds > 0)
        return;
    edge_buf_fini(&stream->kept);
    stream->kind->free(stream);
}

static bool may_deliver(const struct edge_stream *stream)
{
    return stream->attached && !stream->paused && !stream->left;
}

/* Tell the kind when the wish to read has changed. */
static void steer(struct edge_stream *stream)
{
    bool wanted = may_deliver(stream) && stream->kept.len == 0 && !stream->over;

    if (stream->reading == wanted || stream->left)
        return;
    stream->reading = wanted;
    stream->kind->read(stream, wanted);
}

static void tell_end(struct edge_stream *stream)
{
    if (!stream->over || stream->told || !stream->attached || stream->left || stream->kept.len > 0)
        return;
    stream->told = true;
    stream->handler.on_end(stream->end_rc, stream->arg);
}

static void tell_kept(struct edge_stream *stream)
{
    struct edge_buf kept = stream->kept;

    if (kept.len == 0 || !may_deliver(stream))
        return;
    edge_buf_init(&stream->kept, STREAM_KEPT_MAX);
    stream->handler.on_data((struct edge_bytes){(const uint8_t *) kept.data, kept.len},
                            stream->arg);
    edge_buf_fini(&kept);
}

static void on_turn(void *arg)
{
    struct edge_stream *stream = arg;

    stream->awaiting = false;
    tell_kept(stream);
    tell_end(stream);
    steer(stream);
    stream_release(stream);
}

static void await_turn(struct edge_stream *stream)
{
    if (stream->awaiting || stream->left)
        return;
    stream->awaiting = true;
    stream_hold(stream);
    edge_loop_post(stream->loop, on_turn, stream);
}

void stream_deliver(struct edge_stream *stream, const void *data, size_t len)
{
    int rc;

    if (stream->left || len == 0)
        return;
    if (may_deliver(stream) && stream->kept.len == 0) {
        stream->handler.on_data((struct edge_bytes){data, len}, stream->arg);
        return;
    }
    rc = edge_buf_append(&stream->kept, data, len);
    if (rc < 0)
        stream_end_later(stream, rc);
}

static void set_end(struct edge_stream *stream, int rc)
{
    if (stream->over && (stream->end_rc < 0 || rc == 0))
        return;
    stream->over = true; /* and after an orderly end it may break, which is not told again */
    stream->end_rc = rc;
}

void stream_end(struct edge_stream *stream, int rc)
{
    set_end(stream, rc);
    stream_hold(stream);
    tell_end(stream);
    steer(stream);
    stream_release(stream);
}

void stream_end_later(struct edge_stream *stream, int rc)
{
    set_end(stream, rc);
    await_turn(stream);
}

void stream_drained(struct edge_stream *stream)
{
    if (stream->attached && !stream->left && stream->handler.on_drain &&
        (!stream->over || stream->end_rc == 0))
        stream->handler.on_drain(stream->arg);
}

int edge_stream_detach(struct edge_stream *stream, const void *unread, size_t len)
{
    struct edge_buf all = EDGE_BUF_INIT(STREAM_KEPT_MAX);
    int rc;

    stream->attached = false;
    steer(stream);
    if (len == 0)
        return 0;
    edge_buf_append(&all, unread, len);
    edge_buf_append(&all, stream->kept.data, stream->kept.len);
    rc = edge_buf_error(&all);
    if (rc < 0) {
        edge_buf_fini(&all);
        return rc;
    }
    edge_buf_fini(&stream->kept);
    stream->kept = all;
    return 0;
}

void edge_stream_attach(struct edge_stream *stream, const struct edge_stream_handler *handler,
                        void *arg)
{
    stream->handler = *handler;
    stream->arg = arg;
    stream->attached = true;
    stream->paused = false;
    stream->told = false;
    steer(stream);
    if (stream->kept.len > 0 || stream->over)
        await_turn(stream);
}

void edge_stream_write(struct edge_stream *stream, const void *data, size_t len)
{
    if (stream->over && stream->end_rc < 0)
        stream->lost += len; /* so that an owner who writes until there is enough comes to an end */
    else if (len > 0)
        stream->kind->write(stream, data, len);
}

size_t edge_stream_queued(const struct edge_stream *stream)
{
    return stream->kind->queued(stream) + stream->lost;
}

void edge_stream_pause(struct edge_stream *stream, bool paused)
{
    if (stream->paused == paused)
        return;
    stream->paused = paused;
    steer(stream);
    if (!paused && stream->kept.len > 0)
        await_turn(stream);
}

bool edge_stream_peer(const struct edge_stream *stream, pid_t *pid, uid_t *uid, gid_t *gid)
{
    return stream->kind->peer(stream, pid, uid, gid);
}

const char *edge_stream_address(const struct edge_stream *stream)
{
    return stream->kind->address(stream);
}

const struct edge_tls_peer *edge_stream_certificate(const struct edge_stream *stream)
{
    return stream->kind->certificate(stream);
}

struct edge_stream *edge_stream_close(struct edge_stream *stream)
{
    if (stream) {
        stream->left = true;
        stream->kind->close(stream);
    }
    return NULL;
}

struct edge_stream *edge_stream_finish(struct edge_stream *stream)
{
    if (stream) {
        stream->left = true;
        stream->kind->finish(stream);
    }
    return NULL;
}
