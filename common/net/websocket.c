#include "common/net/websocket.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <wslay/wslay.h>

#include "common/base/encode.h"
#include "common/net/base.h"

enum {
    FRAME_MAX = 1024 * 1024,     /* bytes, of the peer */
    OUR_FRAME_MAX = 64 * 1024,   /* what we write goes in messages of at most this */
    PACKED_MAX = FRAME_MAX,      /* one message of ours, or the pongs after one read */
    PONGS_MAX = 64,              /* more between two reads, or to a peer that does not listen, is */
    PONGS_BACKLOG = 1024 * 1024, /* an attack */
};

struct ws_stream {
    struct edge_stream base;
    struct edge_stream *below; /* NULL once closed or finished */
    wslay_event_context_ptr ctx;
    struct edge_bytes in;     /* what has come and wslay has not taken; borrowed */
    struct edge_buf unpacked; /* payload of what has come, for one call of on_data */
    struct edge_buf packed;   /* frames to send in one write */
    bool is_data;             /* the frame being read */
    bool broken;
};

static struct ws_stream *self(const struct edge_stream *stream)
{
    return EDGE_CONTAINER_OF(stream, struct ws_stream, base);
}

void edge_websocket_accept(const char *key, char text[EDGE_WEBSOCKET_ACCEPT_SIZE])
{
    static const char salt[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    EDGE_CLEANUP(edge_free) char *all = edge_format("%s%s", key, salt);
    EDGE_CLEANUP(edge_free) char *encoded = NULL;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    *text = '\0';
    if (all && EVP_Digest(all, strlen(all), digest, &len, EVP_sha1(), NULL) == 1)
        encoded = edge_base64(digest, len);
    if (encoded && strlen(encoded) < EDGE_WEBSOCKET_ACCEPT_SIZE)
        memcpy(text, encoded, strlen(encoded) + 1);
}

/* What wslay asks of us. */

static ssize_t on_take(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *arg)
{
    struct ws_stream *s = arg;

    (void) flags;
    if (s->in.len == 0) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (len > s->in.len)
        len = s->in.len;
    memcpy(buf, s->in.data, len);
    s->in.data += len;
    s->in.len -= len;
    return (ssize_t) len;
}

static ssize_t on_give(wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags,
                       void *arg)
{
    struct ws_stream *s = arg;

    (void) flags;
    if (edge_buf_append(&s->packed, data, len) == 0)
        return (ssize_t) len;
    wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static int on_mask(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, void *arg)
{
    (void) arg;
    if (RAND_bytes(buf, (int) len) == 1)
        return 0;
    wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static void on_frame(wslay_event_context_ptr ctx,
                     const struct wslay_event_on_frame_recv_start_arg *frame, void *arg)
{
    struct ws_stream *s = arg;

    s->is_data = !wslay_is_ctrl_frame(frame->opcode);
    if (frame->opcode == WSLAY_TEXT_FRAME) {
        s->is_data = false;
        s->broken = true;
        (void) wslay_event_queue_close(ctx, WSLAY_CODE_UNSUPPORTED_DATA, NULL, 0);
        wslay_event_shutdown_read(ctx);
    }
    if (wslay_event_get_queued_msg_count(ctx) > PONGS_MAX) {
        s->broken = true;
        wslay_event_shutdown_read(ctx);
    }
}

static void on_chunk(wslay_event_context_ptr ctx,
                     const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *arg)
{
    struct ws_stream *s = arg;

    if (s->is_data && edge_buf_append(&s->unpacked, chunk->data, chunk->data_length) < 0) {
        s->broken = true;
        wslay_event_shutdown_read(ctx);
    }
}

/* Everything wslay has to send goes down in one piece. @return false when it cannot */
static bool flush(struct ws_stream *s)
{
    bool done = wslay_event_send(s->ctx) == 0 && edge_buf_error(&s->packed) == 0;

    if (done && s->below)
        edge_stream_write(s->below, s->packed.data, s->packed.len);
    edge_buf_fini(&s->packed);
    return done;
}

/* From below. */

static void deliver(struct ws_stream *s)
{
    struct edge_buf unpacked = s->unpacked;

    edge_buf_init(&s->unpacked, unpacked.max);
    stream_deliver(&s->base, unpacked.data, unpacked.len);
    edge_buf_fini(&unpacked);
}

static void on_below_data(struct edge_bytes data, void *arg)
{
    struct ws_stream *s = arg;
    bool failed;

    stream_hold(&s->base);
    s->in = data;
    failed = wslay_event_recv(s->ctx) != 0;
    s->in = (struct edge_bytes){0};
    if (wslay_event_want_write(s->ctx))
        failed = edge_stream_queued(s->below) > PONGS_BACKLOG || !flush(s) || failed;
    deliver(s);
    if (wslay_event_get_close_received(s->ctx) && !failed && !s->broken)
        stream_end(&s->base, 0);
    else if (failed || s->broken || !wslay_event_get_read_enabled(s->ctx))
        stream_end(&s->base, EDGE_EPROTOCOL);
    stream_release(&s->base);
}

static void on_below_end(int rc, void *arg)
{
    struct ws_stream *s = arg;

    stream_end(&s->base, rc == 0 ? -ECONNRESET : rc); /* a close frame should have come */
}

static void on_below_drain(void *arg)
{
    struct ws_stream *s = arg;

    stream_drained(&s->base);
}

/* From above. */

static void ws_read(struct edge_stream *stream, bool wanted)
{
    edge_stream_pause(self(stream)->below, !wanted);
}

static void ws_write(struct edge_stream *stream, const void *data, size_t len)
{
    struct ws_stream *s = self(stream);
    const uint8_t *at = data;

    while (len > 0 && wslay_event_get_write_enabled(s->ctx)) {
        size_t part = len < OUR_FRAME_MAX ? len : OUR_FRAME_MAX;
        struct wslay_event_msg message = {WSLAY_BINARY_FRAME, at, part};

        if (wslay_event_queue_msg(s->ctx, &message) != 0 || !flush(s)) {
            stream_end_later(stream, -ENOMEM);
            return;
        }
        at += part;
        len -= part;
    }
}

static size_t ws_queued(const struct edge_stream *stream)
{
    return edge_stream_queued(self(stream)->below);
}

static bool ws_peer(const struct edge_stream *stream, pid_t *pid, uid_t *uid, gid_t *gid)
{
    return edge_stream_peer(self(stream)->below, pid, uid, gid);
}

static const char *ws_address(const struct edge_stream *stream)
{
    return edge_stream_address(self(stream)->below);
}

static const struct edge_tls_peer *ws_certificate(const struct edge_stream *stream)
{
    return edge_stream_certificate(self(stream)->below);
}

static void ws_close(struct edge_stream *stream)
{
    struct ws_stream *s = self(stream);

    s->below = edge_stream_close(s->below);
    stream_release(stream);
}

static void ws_finish(struct edge_stream *stream)
{
    struct ws_stream *s = self(stream);

    if (wslay_event_queue_close(s->ctx, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0) == 0)
        (void) flush(s);
    s->below = edge_stream_finish(s->below);
    stream_release(stream);
}

static void ws_free(struct edge_stream *stream)
{
    struct ws_stream *s = self(stream);

    wslay_event_context_free(s->ctx);
    edge_buf_fini(&s->unpacked);
    edge_buf_fini(&s->packed);
    free(s);
}

static const struct stream_kind kind = {
    .read = ws_read,
    .write = ws_write,
    .queued = ws_queued,
    .peer = ws_peer,
    .address = ws_address,
    .certificate = ws_certificate,
    .close = ws_close,
    .finish = ws_finish,
    .free = ws_free,
};

static const struct edge_stream_handler from_below = {
    .on_data = on_below_data,
    .on_drain = on_below_drain,
    .on_end = on_below_end,
};

static int make_context(struct ws_stream *s, bool client)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_take,
        .send_callback = on_give,
        .genmask_callback = on_mask,
        .on_frame_recv_start_callback = on_frame,
        .on_frame_recv_chunk_callback = on_chunk,
    };

    return client ? wslay_event_context_client_init(&s->ctx, &callbacks, s)
                  : wslay_event_context_server_init(&s->ctx, &callbacks, s);
}

struct edge_stream *edge_websocket_over(struct edge_loop *loop, struct edge_stream *below,
                                        bool client)
{
    struct ws_stream *s = calloc(1, sizeof *s);

    if (!s || make_context(s, client) != 0) {
        free(s);
        return edge_stream_close(below);
    }
    wslay_event_config_set_no_buffering(s->ctx, 1);
    wslay_event_config_set_max_recv_msg_length(s->ctx, FRAME_MAX);
    stream_init(&s->base, &kind, loop);
    edge_buf_init(&s->unpacked, STREAM_KEPT_MAX);
    edge_buf_init(&s->packed, PACKED_MAX);
    s->below = below;
    edge_stream_attach(below, &from_below, s);
    edge_stream_pause(below, true);
    return &s->base;
}
