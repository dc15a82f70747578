#include "common/http/connection.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    DRAIN_MS = 2000,
    DRAIN_MAX = 4 * 1024 * 1024,
    IN_MAX = HTTP_HEAD_MAX + 64 * 1024, /* a head, and what one read may bring besides */
    READ_ROOM = 32 * 1024,
    LOW_WATER = 16 * 1024,
    REQUEST_TIMEOUT = 408,
    TOO_LARGE = 413,
    HEAD_TOO_LARGE = 431,
    BAD_REQUEST = 400,
    NO_MEMORY = 503,
};

struct sending {
    uv_write_t request;
    struct edge_exchange *c;
    char *data;
};

static void arm(struct edge_exchange *c, unsigned ms)
{
    c->queue = uv_stream_get_write_queue_size(&c->uv.stream);
    edge_timer_arm(c->timer, ms);
}

static void on_closed(uv_handle_t *handle)
{
    struct edge_exchange *c = EDGE_CONTAINER_OF(handle, struct edge_exchange, uv);

    edge_buf_fini(&c->in);
    edge_buf_fini(&c->body);
    edge_buf_fini(&c->extra);
    free(c->text);
    http_server_forget(c);
    free(c);
}

void http_connection_close(struct edge_exchange *c)
{
    bool in_exchange = c->state == HTTP_HANDLING || c->state == HTTP_STREAMING;

    if (c->state == HTTP_CLOSED)
        return;
    c->state = HTTP_CLOSED;
    edge_timer_disarm(c->timer);
    c->timer = edge_timer_destroy(c->timer);
    uv_close(&c->uv.handle, on_closed);
    if (in_exchange && c->gone)
        c->gone(c->gone_arg);
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
    c->chunked = false;
    c->seen = 0;
    c->state = HTTP_IDLE;
}

static void on_shut(uv_shutdown_t *shut, int status)
{
    (void) shut;
    (void) status;
}

/* Closing with unread bytes would make the kernel throw our answer away. */
static void drain(struct edge_exchange *c)
{
    c->state = HTTP_DRAINING;
    edge_buf_fini(&c->in);
    if (uv_shutdown(&c->shut, &c->uv.stream, on_shut) < 0)
        http_connection_close(c);
    else
        arm(c, DRAIN_MS);
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

void http_answered(struct edge_exchange *c)
{
    assert(c->writes > 0);
    c->state = HTTP_FLUSHING;
}

static void on_sent(uv_write_t *request, int status)
{
    struct sending *sending = EDGE_CONTAINER_OF(request, struct sending, request);
    struct edge_exchange *c = sending->c;

    free(sending->data);
    free(sending);
    c->writes--;
    if (c->state == HTTP_CLOSED)
        return;
    if (status < 0) {
        http_connection_close(c);
        return;
    }
    if (c->writes > 0) {
        arm(c, c->server->options.stall_ms);
    } else if (c->state == HTTP_FLUSHING && c->keep) {
        reset(c);
        arm(c, c->server->options.idle_ms);
        advance(c);
    } else if (c->state == HTTP_FLUSHING) {
        drain(c);
    } else if (c->state == HTTP_STREAMING) {
        edge_timer_disarm(c->timer);
    }
    if (c->state == HTTP_STREAMING && c->ready &&
        uv_stream_get_write_queue_size(&c->uv.stream) <= LOW_WATER)
        c->ready(c->ready_arg);
}

/* What fails here fails again in on_sent's place: the connection goes in the loop's next turn. */
static void fail_later(struct edge_exchange *c)
{
    c->keep = false;
    arm(c, 0);
}

void http_send(struct edge_exchange *c, char *data, size_t len)
{
    struct sending *sending = data ? calloc(1, sizeof *sending) : NULL;
    uv_buf_t buf = uv_buf_init(data, (unsigned) len);

    c->writes++;
    if (!sending) {
        free(data);
        fail_later(c);
        return;
    }
    sending->c = c;
    sending->data = data;
    if (c->writes == 1)
        arm(c, c->server->options.stall_ms);
    if (uv_write(&sending->request, &c->uv.stream, &buf, 1, on_sent) < 0) {
        free(sending);
        free(data);
        fail_later(c);
    }
}

static void on_timer(void *arg)
{
    struct edge_exchange *c = arg;
    size_t queue = uv_stream_get_write_queue_size(&c->uv.stream);

    if (c->writes > 0 && queue < c->queue) /* slow, but taking it */
        arm(c, c->server->options.stall_ms);
    else if (c->state == HTTP_HEAD || c->state == HTTP_BODY)
        http_refuse(c, REQUEST_TIMEOUT);
    else
        http_connection_close(c);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char room[READ_ROOM]; /* used up before the next read; there is one loop thread */

    (void) handle;
    (void) suggested;
    *buf = uv_buf_init(room, sizeof room);
}

static void take_input(struct edge_exchange *c, const char *data, size_t len)
{
    if (c->state == HTTP_DRAINING) {
        c->drained += len;
        if (c->drained > DRAIN_MAX)
            http_connection_close(c);
        return;
    }
    if (c->state >= HTTP_HANDLING && c->in.len + len > HTTP_HEAD_MAX) {
        c->keep = false; /* it cannot wait for its answer: what it sends now is lost */
        return;
    }
    if (edge_buf_append(&c->in, data, len) < 0)
        http_connection_close(c);
    else if (c->state < HTTP_HANDLING)
        advance(c);
}

/* A client that has ended its sending may still want the answer; one that is being streamed to is
 * more likely gone, and would not be noticed otherwise while there is nothing to send. */
static void on_end(struct edge_exchange *c, ssize_t status)
{
    if (status == UV_EOF && (c->state == HTTP_HANDLING || c->state == HTTP_FLUSHING))
        c->keep = false;
    else
        http_connection_close(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct edge_exchange *c = EDGE_CONTAINER_OF(stream, struct edge_exchange, uv);

    if (c->state == HTTP_CLOSED)
        return;
    if (n > 0)
        take_input(c, buf->base, (size_t) n);
    else if (n < 0)
        on_end(c, n);
}

static int open_stream(struct edge_exchange *c, int fd)
{
    uv_loop_t *loop = edge_loop_native(c->server->loop);

    if (c->is_unix) {
        int rc = uv_pipe_init(loop, &c->uv.pipe, 0);

        return rc < 0 ? rc : uv_pipe_open(&c->uv.pipe, fd);
    }
    (void) uv_tcp_init(loop, &c->uv.tcp); /* opens nothing yet: cannot fail */
    (void) uv_tcp_nodelay(&c->uv.tcp, 1);
    return uv_tcp_open(&c->uv.tcp, fd);
}

int http_connection_open(struct edge_http_server *server, int fd, bool is_unix)
{
    struct edge_exchange *c = calloc(1, sizeof *c);
    int rc;

    if (c)
        c->timer = edge_timer_create(server->loop, on_timer, c);
    if (!c || !c->timer) {
        free(c);
        edge_close(fd);
        return -ENOMEM;
    }
    c->server = server;
    c->is_unix = is_unix;
    edge_buf_init(&c->in, IN_MAX);
    c->next = server->clients;
    c->link = &server->clients;
    if (c->next)
        c->next->link = &c->next;
    server->clients = c;
    server->nclients++;
    rc = open_stream(c, fd);
    if (rc < 0)
        edge_close(fd);
    else
        rc = uv_read_start(&c->uv.stream, on_room, on_read);
    if (rc < 0)
        http_connection_close(c);
    else
        arm(c, server->options.head_ms);
    return rc;
}
