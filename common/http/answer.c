#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/http/connection.h"

enum {
    EXTRA_MAX = 4096,
    HEAD_MAX = 8192,
    HIGH_WATER = 128 * 1024,
};

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].text;
    }
    return "Status";
}

static bool is_head(const struct edge_exchange *c)
{
    return c->head.method && strcmp(c->head.method, "HEAD") == 0;
}

static void put_head(struct edge_exchange *c, struct edge_buf *out, int status, const char *type)
{
    edge_buf_printf(out, "HTTP/1.1 %d %s\r\n", status, reason(status));
    if (type)
        edge_buf_printf(out, "Content-Type: %s\r\n", type);
    if (c->extra.len > 0)
        edge_buf_append(out, c->extra.data, c->extra.len);
    if (!c->keep)
        edge_buf_puts(out, "Connection: close\r\n");
    else if (c->head.http10)
        edge_buf_puts(out, "Connection: keep-alive\r\n");
}

void edge_exchange_reply(struct edge_exchange *exchange, int status, const char *type,
                         const void *data, size_t len)
{
    struct edge_buf out;

    assert(exchange->state < HTTP_STREAMING);
    edge_buf_init(&out, HEAD_MAX + EXTRA_MAX + len);
    put_head(exchange, &out, status, type);
    if (status != 204 && status != 304)
        edge_buf_printf(&out, "Content-Length: %zu\r\n", len);
    edge_buf_puts(&out, "\r\n");
    if (len > 0 && !is_head(exchange))
        edge_buf_append(&out, data, len);
    http_send(exchange, &out);
    http_answered(exchange);
}

void http_refuse(struct edge_exchange *c, int status)
{
    char text[100];
    int len = snprintf(text, sizeof text, "{\"message\":\"%s\"}", reason(status));

    edge_log_about(EDGE_LOG_INFO, edge_stream_address(c->stream),
                   "http request refused: from=%s status=%d reason=%s",
                   edge_stream_address(c->stream), status, reason(status));
    c->keep = false;
    edge_exchange_reply(c, status, "application/json", text, (size_t) len);
}

void http_say_continue(struct edge_exchange *c)
{
    struct edge_buf out = EDGE_BUF_INIT(HEAD_MAX);

    edge_buf_puts(&out, "HTTP/1.1 100 Continue\r\n\r\n");
    http_send(c, &out);
}

void edge_exchange_stream(struct edge_exchange *exchange, int status, const char *type,
                          void (*ready)(void *arg), void *arg)
{
    struct edge_buf out;

    assert(exchange->state == HTTP_HANDLING);
    exchange->chunked = !exchange->head.http10;
    exchange->keep = exchange->keep && exchange->chunked;
    exchange->ready = ready;
    exchange->ready_arg = arg;
    edge_buf_init(&out, HEAD_MAX + EXTRA_MAX);
    put_head(exchange, &out, status, type);
    edge_buf_puts(&out, exchange->chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
    exchange->state = HTTP_STREAMING;
    http_send(exchange, &out);
}

bool edge_exchange_write(struct edge_exchange *exchange, const void *data, size_t len)
{
    struct edge_buf out;

    assert(exchange->state == HTTP_STREAMING);
    if (len > 0 && !is_head(exchange)) {
        edge_buf_init(&out, len + 32);
        if (exchange->chunked)
            edge_buf_printf(&out, "%zx\r\n", len);
        edge_buf_append(&out, data, len);
        if (exchange->chunked)
            edge_buf_puts(&out, "\r\n");
        http_send(exchange, &out);
    }
    return edge_stream_queued(exchange->stream) < HIGH_WATER;
}

void edge_exchange_end(struct edge_exchange *exchange)
{
    struct edge_buf out = EDGE_BUF_INIT(HEAD_MAX);

    assert(exchange->state == HTTP_STREAMING);
    if (exchange->chunked && !is_head(exchange))
        edge_buf_puts(&out, "0\r\n\r\n");
    http_send(exchange, &out);
    http_answered(exchange);
}

void edge_exchange_on_gone(struct edge_exchange *exchange, void (*fn)(void *arg), void *arg)
{
    exchange->gone = fn;
    exchange->gone_arg = arg;
}

void edge_exchange_set_header(struct edge_exchange *exchange, const char *name, const char *value)
{
    for (const char *c = value; *c; c++) {
        if ((unsigned char) *c < 0x20 || *c == 0x7f)
            return;
    }
    if (exchange->extra.max == 0)
        edge_buf_init(&exchange->extra, EXTRA_MAX);
    edge_buf_printf(&exchange->extra, "%s: %s\r\n", name, value);
}

const char *edge_exchange_method(const struct edge_exchange *exchange)
{
    return exchange->head.method;
}

const char *edge_exchange_path(const struct edge_exchange *exchange)
{
    return exchange->head.path;
}

const char *edge_exchange_query(const struct edge_exchange *exchange, const char *name)
{
    for (size_t i = 0; i < exchange->head.nparams; i++) {
        if (strcmp(exchange->head.params[i].name, name) == 0)
            return exchange->head.params[i].value;
    }
    return NULL;
}

const char *edge_exchange_header(const struct edge_exchange *exchange, const char *name)
{
    return http_head_header(&exchange->head, name);
}

bool edge_exchange_header_at(const struct edge_exchange *exchange, size_t index, const char **name,
                             const char **value)
{
    if (index >= exchange->head.nheaders)
        return false;
    *name = exchange->head.headers[index].name;
    *value = exchange->head.headers[index].value;
    return true;
}

struct edge_bytes edge_exchange_body(const struct edge_exchange *exchange)
{
    return (struct edge_bytes){(const uint8_t *) exchange->body.data, exchange->body.len};
}

bool edge_exchange_peer(const struct edge_exchange *exchange, pid_t *pid, uid_t *uid, gid_t *gid)
{
    return edge_stream_peer(exchange->stream, pid, uid, gid);
}

const char *edge_exchange_address(const struct edge_exchange *exchange)
{
    return edge_stream_address(exchange->stream);
}

const struct edge_tls_peer *edge_exchange_certificate(const struct edge_exchange *exchange)
{
    return edge_stream_certificate(exchange->stream);
}
