#include "common/http/server.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/http/connection.h"
#include "common/net/listen.h"

static void free_when_done(struct edge_http_server *server)
{
    if (server->closed && server->nclients == 0)
        free(server);
}

void http_server_forget(struct edge_exchange *c)
{
    struct edge_http_server *server = c->server;

    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    server->nclients--;
    free_when_done(server);
}

/* Who gives way: the client that has been idle for longest, as far as the order of arrival tells;
 * else the one that has been sending the head of its request for longest. */
static struct edge_exchange *idle_client(struct edge_http_server *server)
{
    struct edge_exchange *idle = NULL, *slow = NULL;

    for (struct edge_exchange *c = server->clients; c; c = c->next) {
        if (c->state == HTTP_IDLE)
            idle = c;
        else if (c->state == HTTP_HEAD)
            slow = c;
    }
    return idle ? idle : slow;
}

static unsigned open_clients(const struct edge_http_server *server)
{
    unsigned count = 0;

    for (const struct edge_exchange *c = server->clients; c; c = c->next)
        count += c->state != HTTP_CLOSED;
    return count;
}

static void on_stream(struct edge_stream *stream, void *arg)
{
    struct edge_http_server *server = arg;

    if (open_clients(server) >= server->options.max_clients) {
        struct edge_exchange *idle = idle_client(server);

        if (!idle) {
            edge_log_about(EDGE_LOG_WARN, edge_stream_address(stream),
                           "http client refused: from=%s reason=%u are the limit",
                           edge_stream_address(stream), server->options.max_clients);
            edge_stream_close(stream);
            return;
        }
        http_connection_close(idle);
    }
    http_connection_open(server, stream);
}

static int start_accepting(struct edge_http_server *server, struct edge_err *err)
{
    struct edge_listener_options options = {
        .uri = server->options.uri,
        .mode = server->options.mode,
        .tls = server->options.tls,
        .on_stream = on_stream,
        .arg = server,
    };

    server->options.uri = NULL; /* the caller's, and not needed any more */
    return edge_listen(server->loop, &options, &server->listener, err);
}

static void or_default(unsigned *value, unsigned fallback)
{
    if (*value == 0)
        *value = fallback;
}

int edge_http_server_open(struct edge_loop *loop, const struct edge_http_server_options *options,
                          struct edge_http_server **ret, struct edge_err *err)
{
    struct edge_http_server *server = calloc(1, sizeof *server);
    int rc;

    if (!server)
        return edge_fail(err, -ENOMEM, "no memory to listen on %s", options->uri);
    server->loop = loop;
    server->options = *options;
    if (server->options.max_body == 0)
        server->options.max_body = 1024 * 1024;
    or_default(&server->options.max_clients, 64);
    or_default(&server->options.head_ms, 10 * 1000);
    or_default(&server->options.body_ms, 30 * 1000);
    or_default(&server->options.idle_ms, 60 * 1000);
    or_default(&server->options.stall_ms, 60 * 1000);
    rc = start_accepting(server, err);
    if (rc < 0) {
        edge_http_server_close(server);
        return rc;
    }
    *ret = server;
    return 0;
}

uint16_t edge_http_server_port(const struct edge_http_server *server)
{
    return edge_listener_port(server->listener);
}

struct edge_http_server *edge_http_server_close(struct edge_http_server *server)
{
    struct edge_exchange *next;

    if (!server)
        return NULL;
    server->nclients++; /* ours: a handler that goes with its client may not free the server */
    for (struct edge_exchange *c = server->clients; c; c = next) {
        next = c->next;
        http_connection_close(c);
    }
    server->listener = edge_listener_close(server->listener);
    server->nclients--;
    server->closed = true;
    free_when_done(server);
    return NULL;
}
