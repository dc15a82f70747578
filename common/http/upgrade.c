/* From a request to a WebSocket. */
#include <assert.h>

#include "common/http/connection.h"
#include "common/net/websocket.h"

enum { HEAD_MAX = 1024 };

bool edge_exchange_wants_websocket(const struct edge_exchange *exchange)
{
    return http_head_wants_websocket(&exchange->head);
}

bool edge_exchange_offers(const struct edge_exchange *exchange, const char *protocol)
{
    return http_head_lists(&exchange->head, "Sec-WebSocket-Protocol", protocol);
}

const char *edge_exchange_choose(const struct edge_exchange *exchange, const char *const *known,
                                 size_t nknown)
{
    if (!edge_exchange_wants_websocket(exchange))
        return NULL;
    for (size_t i = 0; i < nknown; i++) {
        if (edge_exchange_offers(exchange, known[i]))
            return known[i];
    }
    return NULL;
}

struct edge_stream *edge_exchange_upgrade(struct edge_exchange *exchange, const char *protocol)
{
    struct edge_buf head = EDGE_BUF_INIT(HEAD_MAX);
    struct edge_loop *loop = exchange->server->loop;
    struct edge_stream *stream;
    char accept[EDGE_WEBSOCKET_ACCEPT_SIZE];

    assert(exchange->state == HTTP_HANDLING && edge_exchange_wants_websocket(exchange));
    edge_websocket_accept(edge_exchange_header(exchange, "Sec-WebSocket-Key"), accept);
    edge_buf_printf(&head,
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
                    accept);
    if (protocol)
        edge_buf_printf(&head, "Sec-WebSocket-Protocol: %s\r\n", protocol);
    edge_buf_puts(&head, "\r\n");
    stream = http_connection_leave(exchange);
    if (stream && (*accept == '\0' || edge_buf_error(&head) < 0))
        stream = edge_stream_close(stream);
    if (stream) {
        edge_stream_write(stream, head.data, head.len);
        stream = edge_websocket_over(loop, stream, false);
    }
    edge_buf_fini(&head);
    return stream;
}
