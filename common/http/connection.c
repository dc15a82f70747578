#include "common/http/connection.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    IN_MAX = HTTP_HEAD_MAX + 1024 * 1024, /* a head, and what one read may bring besides */
    REQUEST_TIMEOUT = 408,
    TOO_LARGE = 413,
    HEAD_TOO_LARGE = 431,
    BAD_REQUEST = 400,
    NO_MEMORY = 503,
};

static void arm(struct edge_exchange *c, unsigned ms)
{
    c->queue = edge_stream_queued(c->stream);
    edge_timer_arm(c->timer, ms);
}

static void enter(struct edge_exchange *c)
{
    c->busy++;
}

static void leave(struct edge_exchange *c)
{
    if (--c->busy > 0 || c->state != HTTP_CLOSED)
        return;
    edge_buf_fini(&c->in);
    edge_buf_fini(&c->body);
    edge_buf_fini(&c->extra);
    free(c->text);
    http_server_forget(c);
    free(c);
}

/* The connection ends, its stream is for the caller to end. */
static struct edge_stream *end(struct edge_exchange *c)
{
    struct edge_stream *stream = c->stream;

    enter(c);
    c->state = HTTP_CLOSED;
    c->stream = NULL;
    c->timer = edge_timer_destroy(c->timer);
    leave(c);
    return stream;
}

void http_connection_close(struct edge_exchange *c)
{
    bool in_exchange = c->state == HTTP_HANDLING || c->state == HTTP_STREAMING;
    void (*gone)(void *arg) = in_exchange ? c->gone : NULL;
    void *arg = c->gone_arg;

    if (c->state == HTTP_CLOSED)
        return;
    edge_stream_close(end(c));
    if (gone)
        gone(arg);
}

struct edge_stream *http_connection_leave(struct edge_exchange *c)
{
    struct edge_stream *stream = c->stream;
    bool whole = edge_stream_detach(stream, c->in.data, c->in.len) == 0 && !c->lost;

    (void) end(c);
    return whole ? stream : edge_stream_close(stream);
}

/* After the answer: forget the request. */
static void reset(struct edge_exchange *c)
{
    edge_buf_fini(&c->body);
    edge_buf_fini(&c->extra);
    if (c->in.len == 0)
        edge_buf_fini(&c->in); /* a silent client holds little */
    free(c->text);
    c->text = NULL;
    c->head = (struct http_head){0};
    c->chunks = (struct http_chunks){0};
    c->gone = NULL;
    c->ready = NULL;
    c->due = false;
    c->chunked = false;
    c->seen = 0;
    c->state = HTTP_IDLE;
}

static void dispatch(struct edge_exchange *c)
{
    struct edge_http_server *server = c->server;

    c->state = HTTP_HANDLING;
    edge_timer_disarm(c->timer);
    server->options.handle(c, server->options.arg);
}

/* @return true when the body is complete */
static bool take_body(struct edge_exchange *c)
{
    size_t used = c->in.len;
    int rc = 0;

    if (c->head.chunked) {
        rc = http_chunks_read(&c->chunks, c->in.data, c->in.len, &c->body, &used);
    } else {
        if ((int64_t) used > c->body_left)
            used = (size_t) c->body_left;
        rc = edge_buf_append(&c->body, c->in.data, used);
        c->body_left -= (int64_t) used;
        if (rc == 0 && c->body_left == 0)
            rc = HTTP_CHUNKS_END;
    }
    if (rc < 0) {
        http_refuse(c, rc == EDGE_ELIMIT ? TOO_LARGE : rc == -ENOMEM ? NO_MEMORY : BAD_REQUEST);
        return false;
    }
    edge_buf_consume(&c->in, used);
    return rc == HTTP_CHUNKS_END;
}

static void begin_body(struct edge_exchange *c)
{
    size_t max = c->server->options.max_body;

    c->state = HTTP_BODY;
    c->body_left = c->head.content_length;
    edge_buf_init(&c->body, max);
    if (c->head.content_length > (int64_t) max)
        http_refuse(c, TOO_LARGE);
    else if (c->head.expects_continue && (c->head.chunked || c->body_left > 0) && c->in.len == 0)
        http_say_continue(c);
    if (c->state == HTTP_BODY)
        arm(c, c->server->options.body_ms);
}

/* @return true when the head is complete and good */
static bool take_head(struct edge_exchange *c)
{
    size_t len = http_head_end(c->in.data, c->in.len, c->seen);
    int status;

    c->seen = c->in.len;
    if (len == 0 && c->in.len <= HTTP_HEAD_MAX)
        return false;
    c->keep = false;
    if (len == 0 || len > HTTP_HEAD_MAX) {
        http_refuse(c, HEAD_TOO_LARGE);
        return false;
    }
    c->text = malloc(len + 1);
    if (!c->text) {
        http_refuse(c, NO_MEMORY);
        return false;
    }
    memcpy(c->text, c->in.data, len);
    edge_buf_consume(&c->in, len);
    status = http_head_parse(c->text, len, &c->head);
    c->keep = status == 0 && c->head.keep_alive;
    if (status != 0)
        http_refuse(c, status);
    return status == 0;
}

/* Go as far as what has come allows. An answer given at once leads back here only after it has
 * been sent, so this does not nest. */
static void advance(struct edge_exchange *c)
{
    if (c->state == HTTP_IDLE) { /* a blank line before a request is passed over */
        while (c->in.len >= 2 && memcmp(c->in.data, "\r\n", 2) == 0)
            edge_buf_consume(&c->in, 2);
        if (c->in.len == 0)
            return;
        c->state = HTTP_HEAD;
        arm(c, c->server->options.head_ms);
    }
    if (c->state == HTTP_HEAD && take_head(c))
        begin_body(c);
    if (c->state == HTTP_BODY) {
        bool none = !c->head.chunked && c->head.content_length == 0;

        if (none || (c->in.len > 0 && take_body(c)))
            dispatch(c);
    }
}

static bool has_room(const struct edge_exchange *c)
{
    return edge_stream_queued(c->stream) <= EDGE_STREAM_LOW;
}

void http_send(struct edge_exchange *c, struct edge_buf *out)
{
    if (edge_buf_error(out) < 0)
        c->failed = true;
    else
        edge_stream_write(c->stream, out->data, out->len);
    edge_buf_fini(out);
    if (c->failed) {
        arm(c, 0);
    } else if (c->state == HTTP_STREAMING && has_room(c)) {
        c->due = true;
        arm(c, 0);
    } else {
        arm(c, c->server->options.stall_ms);
    }
}

/* What is left to do is done in a turn of its own, so that answers do not nest. */
void http_answered(struct edge_exchange *c)
{
    c->state = HTTP_FLUSHING;
    arm(c, c->failed || has_room(c) ? 0 : c->server->options.stall_ms);
}

static void on_answer_gone(struct edge_exchange *c)
{
    if (!c->keep) {
        edge_stream_finish(end(c));
        return;
    }
    reset(c);
    arm(c, c->server->options.idle_ms);
    advance(c);
}

static void call_ready(struct edge_exchange *c)
{
    c->due = false;
    if (c->ready)
        c->ready(c->ready_arg);
    if (c->state == HTTP_STREAMING && !c->due && edge_stream_queued(c->stream) > 0)
        arm(c, c->server->options.stall_ms);
}

static void go_on(struct edge_exchange *c)
{
    if (c->state == HTTP_FLUSHING)
        on_answer_gone(c);
    else if (c->state == HTTP_STREAMING)
        call_ready(c);
}

static void on_drain(void *arg)
{
    struct edge_exchange *c = arg;

    enter(c);
    go_on(c);
    leave(c);
}

static void on_time(struct edge_exchange *c)
{
    size_t queue = edge_stream_queued(c->stream);
    bool answering = c->state == HTTP_STREAMING || c->state == HTTP_FLUSHING;

    if (c->state == HTTP_HEAD || c->state == HTTP_BODY)
        http_refuse(c, REQUEST_TIMEOUT);
    else if (answering && (c->due || (c->state == HTTP_FLUSHING && has_room(c))))
        go_on(c);
    else if (answering && queue > 0 && queue < c->queue) /* slow, but taking it */
        arm(c, c->server->options.stall_ms);
    else if (c->state != HTTP_STREAMING || queue > 0) /* a stream may have nothing to say */
        http_connection_close(c);
}

static void on_timer(void *arg)
{
    struct edge_exchange *c = arg;

    enter(c);
    if (c->failed)
        http_connection_close(c);
    else
        on_time(c);
    leave(c);
}

static void take_input(struct edge_exchange *c, struct edge_bytes data)
{
    if (c->state >= HTTP_HANDLING && c->in.len + data.len > HTTP_HEAD_MAX) {
        c->keep = false; /* it cannot wait for its answer: what it sends now is lost */
        c->lost = true;
        return;
    }
    if (edge_buf_append(&c->in, data.data, data.len) < 0)
        http_connection_close(c);
    else if (c->state < HTTP_HANDLING)
        advance(c);
}

static void on_data(struct edge_bytes data, void *arg)
{
    struct edge_exchange *c = arg;

    enter(c);
    take_input(c, data);
    leave(c);
}

/* A client that has ended its sending may still want the answer; one that is being streamed to is
 * more likely gone, and would not be noticed otherwise while there is nothing to send. */
static void on_end(int rc, void *arg)
{
    struct edge_exchange *c = arg;

    enter(c);
    if (rc == 0 && (c->state == HTTP_HANDLING || c->state == HTTP_FLUSHING))
        c->keep = false;
    else
        http_connection_close(c);
    leave(c);
}

void http_connection_open(struct edge_http_server *server, struct edge_stream *stream)
{
    static const struct edge_stream_handler handler = {on_data, on_drain, on_end};
    struct edge_exchange *c = calloc(1, sizeof *c);

    if (c)
        c->timer = edge_timer_create(server->loop, on_timer, c);
    if (!c || !c->timer) {
        free(c);
        edge_stream_close(stream);
        return;
    }
    c->server = server;
    c->stream = stream;
    edge_buf_init(&c->in, IN_MAX);
    c->next = server->clients;
    c->link = &server->clients;
    if (c->next)
        c->next->link = &c->next;
    server->clients = c;
    server->nclients++;
    arm(c, server->options.head_ms);
    edge_stream_attach(stream, &handler, c);
}
