/* Any bytes as a peer's WebSocket frames: what comes out is the same whole and byte by byte, and
 * nothing is told after the end. The first byte says which side we are. */
#include <stdlib.h>

#include "common/net/base.h"
#include "common/net/websocket.h"
#include "tests/fuzz/fuzz.h"

static struct edge_loop *loop;

/* The stream below: what we send goes nowhere. */

static void nothing(struct edge_stream *stream)
{
    (void) stream;
}

static void no_read(struct edge_stream *stream, bool wanted)
{
    (void) stream;
    (void) wanted;
}

static void no_write(struct edge_stream *stream, const void *data, size_t len)
{
    (void) stream;
    (void) data;
    (void) len;
}

static size_t no_queue(const struct edge_stream *stream)
{
    (void) stream;
    return 0;
}

static const struct stream_kind kind = {
    .read = no_read,
    .write = no_write,
    .queued = no_queue,
    .close = stream_release,
    .finish = stream_release,
    .free = nothing,
};

struct listener {
    struct edge_buf heard;
    int ended;
};

static void on_data(struct edge_bytes data, void *arg)
{
    struct listener *listener = arg;

    if (listener->ended || edge_buf_append(&listener->heard, data.data, data.len) < 0)
        abort();
}

static void on_end(int rc, void *arg)
{
    struct listener *listener = arg;

    if (listener->ended || (rc != 0 && rc != EDGE_EPROTOCOL))
        abort();
    listener->ended = 1;
}

static void hear(const uint8_t *data, size_t size, size_t step, bool client, struct listener *ret)
{
    static const struct edge_stream_handler handler = {.on_data = on_data, .on_end = on_end};
    struct edge_stream below;
    struct edge_stream *stream;

    stream_init(&below, &kind, loop);
    stream = edge_websocket_over(loop, &below, client);
    if (!stream)
        abort();
    edge_buf_init(&ret->heard, 1 << 20);
    edge_stream_attach(stream, &handler, ret);
    for (size_t at = 0; at < size && !ret->ended; at += step)
        stream_deliver(&below, data + at, size - at < step ? size - at : step);
    edge_stream_close(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct listener whole = {0};
    struct listener pieces = {0};

    if (size < 1 || size > 32 * 1024)
        return 0;
    if (!loop && edge_loop_create(&loop) < 0)
        abort();
    hear(data + 1, size - 1, size, data[0] & 1, &whole);
    hear(data + 1, size - 1, 1, data[0] & 1, &pieces);
    if (pieces.heard.len > whole.heard.len && !whole.ended)
        abort();
    if (!whole.ended && !pieces.ended &&
        (whole.heard.len != pieces.heard.len ||
         (whole.heard.len > 0 &&
          memcmp(whole.heard.data, pieces.heard.data, whole.heard.len) != 0)))
        abort();
    edge_buf_fini(&whole.heard);
    edge_buf_fini(&pieces.heard);
    return 0;
}
