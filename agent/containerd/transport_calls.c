#include <errno.h>
#include <stdlib.h>

#include "agent/containerd/transport_grpc.h"

int transport_unary(struct transport *t, const struct transport_call *call,
                    struct transport_msg request, struct transport_msg *reply,
                    struct transport_status *st)
{
    grpc_byte_buffer *sent = wire_buffer(request);
    grpc_byte_buffer *received = NULL;
    struct wire_call w;
    int rc = 0;

    wire_call_init(&w, t, call);
    grpc_op ops[] = {
        wire_op_metadata(&w),
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = sent},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        wire_op_initial(&w),
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &received},
        wire_op_status(&w),
    };
    rc = wire_start(&w, ops, EDGE_ARRAY_LEN(ops), &w);
    if (rc == 0) {
        (void) wire_wait_or_cancel(&w, &w, call->timeout_ms);
        wire_status(&w, st);
    }
    wire_call_fini(&w);
    grpc_byte_buffer_destroy(sent);

    if (rc == 0 && st->code == TRANSPORT_OK && received)
        return wire_message(received, reply);
    if (rc == 0 && st->code == TRANSPORT_OK)
        *st = (struct transport_status){TRANSPORT_INTERNAL, "answered without a message"};
    grpc_byte_buffer_destroy(received);
    return rc;
}

struct transport_stream {
    struct wire_call w;
    int timeout_ms;
    bool half_closed;
    bool finished;                                            /* the status has come */
    bool receiving;                                           /* a receive is under way ... */
    grpc_byte_buffer *message;                                /* ... and will be here */
    char tag_open, tag_send, tag_recv, tag_close, tag_status; /* only their addresses are used */
};

/* The status is asked for at once, in a batch of its own: it comes last, whatever happens. */
static int start_stream(struct transport_stream *s)
{
    grpc_op open[] = {wire_op_metadata(&s->w)};
    grpc_op status[] = {wire_op_initial(&s->w), wire_op_status(&s->w)};
    int rc = wire_start(&s->w, open, EDGE_ARRAY_LEN(open), &s->tag_open);

    if (rc < 0)
        return rc;
    rc = wire_start(&s->w, status, EDGE_ARRAY_LEN(status), &s->tag_status);
    (void) wire_wait_or_cancel(&s->w, &s->tag_open, s->timeout_ms);
    return rc;
}

int transport_stream_open(struct transport *t, const struct transport_call *call,
                          struct transport_stream **ret)
{
    struct transport_stream *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return -ENOMEM;
    s->timeout_ms = call->timeout_ms;
    wire_call_init(&s->w, t, call);
    rc = start_stream(s);
    if (rc < 0) {
        wire_call_fini(&s->w);
        free(s);
        return rc;
    }
    *ret = s;
    return 0;
}

int transport_stream_send(struct transport_stream *s, struct transport_msg msg)
{
    grpc_byte_buffer *sent = wire_buffer(msg);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = sent};
    int rc = TRANSPORT_ENDED;

    if (!s->half_closed && !s->finished && wire_start(&s->w, &op, 1, &s->tag_send) == 0)
        rc = wire_wait_or_cancel(&s->w, &s->tag_send, s->timeout_ms) == WIRE_OK ? 0
                                                                                : TRANSPORT_ENDED;
    grpc_byte_buffer_destroy(sent);
    return rc;
}

void transport_stream_half_close(struct transport_stream *s)
{
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};

    if (s->half_closed || s->finished)
        return;
    s->half_closed = true;
    if (wire_start(&s->w, &op, 1, &s->tag_close) == 0)
        (void) wire_wait_or_cancel(&s->w, &s->tag_close, s->timeout_ms);
}

static int start_receive(struct transport_stream *s)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &s->message};

    if (s->receiving)
        return 0;
    if (s->finished || wire_start(&s->w, &op, 1, &s->tag_recv) < 0)
        return TRANSPORT_ENDED;
    s->receiving = true;
    return 0;
}

int transport_stream_recv(struct transport_stream *s, int wait_ms, struct transport_msg *ret)
{
    grpc_byte_buffer *message;
    int rc = start_receive(s);

    if (rc != 0)
        return rc;
    rc = wait_ms < 0 ? wire_wait_or_cancel(&s->w, &s->tag_recv, s->timeout_ms)
                     : wire_wait(&s->w, &s->tag_recv, wait_ms);
    if (rc == WIRE_TIMEOUT)
        return TRANSPORT_QUIET;

    s->receiving = false;
    message = s->message;
    s->message = NULL;
    if (!message)
        return TRANSPORT_ENDED;
    return wire_message(message, ret);
}

/* The core holds the status back while messages may be unread. */
void transport_stream_finish(struct transport_stream *s, struct transport_status *st)
{
    struct transport_msg msg = {0};
    int rc = 0;

    if (!s->finished) {
        while (rc != TRANSPORT_ENDED) {
            rc = transport_stream_recv(s, -1, &msg);
            if (rc == 0)
                free(msg.data);
        }
        (void) wire_wait_or_cancel(&s->w, &s->tag_status, s->timeout_ms);
        s->finished = true;
    }
    wire_status(&s->w, st);
}

struct transport_stream *transport_stream_close(struct transport_stream *s)
{
    struct transport_status ignored;

    if (!s)
        return NULL;
    if (!s->finished) {
        (void) grpc_call_cancel(s->w.call, NULL);
        transport_stream_finish(s, &ignored);
    }
    wire_call_fini(&s->w);
    free(s);
    return NULL;
}
