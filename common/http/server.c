#include "common/http/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/http/connection.h"
#include "common/http/listen.h"

enum {
    ACCEPTS_A_TURN = 16,
    NO_DESCRIPTORS_MS = 1000,
};

/* The listening side. Its handle outlives the close by a turn of the loop. */
struct http_accept {
    uv_poll_t poll;
    struct edge_http_server *server;
    struct edge_timer *again; /* after the process ran out of descriptors */
    struct http_listener listener;
};

static void free_when_done(struct edge_http_server *server)
{
    if (!server->accept && server->nclients == 0)
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

/* The client that has been idle for longest, as far as the order of arrival tells. */
static struct edge_exchange *idle_client(struct edge_http_server *server)
{
    struct edge_exchange *found = NULL;

    for (struct edge_exchange *c = server->clients; c; c = c->next) {
        if (c->state == HTTP_IDLE)
            found = c;
    }
    return found;
}

static unsigned open_clients(const struct edge_http_server *server)
{
    unsigned count = 0;

    for (const struct edge_exchange *c = server->clients; c; c = c->next)
        count += c->state != HTTP_CLOSED;
    return count;
}

static void admit(struct edge_http_server *server, int fd, bool is_unix)
{
    if (open_clients(server) >= server->options.max_clients) {
        struct edge_exchange *idle = idle_client(server);

        if (!idle) {
            edge_close(fd);
            return;
        }
        http_connection_close(idle);
    }
    edge_ignore(http_connection_open(server, fd, is_unix)); /* the client sees it close */
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct http_accept *accept = EDGE_CONTAINER_OF(poll, struct http_accept, poll);

    (void) events;
    for (int i = 0; status == 0 && i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(accept->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            admit(accept->server, fd, accept->listener.path != NULL);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            uv_poll_stop(poll); /* it would wake us without end */
            edge_timer_arm(accept->again, NO_DESCRIPTORS_MS);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

static void accept_again(void *arg)
{
    struct http_accept *accept = arg;

    (void) uv_poll_start(&accept->poll, UV_READABLE, on_connection);
}

static void on_accept_closed(uv_handle_t *handle)
{
    struct http_accept *accept = EDGE_CONTAINER_OF(handle, struct http_accept, poll);
    struct edge_http_server *server = accept->server;

    http_unlisten(&accept->listener);
    free(accept);
    server->accept = NULL;
    free_when_done(server);
}

static int start_accepting(struct edge_http_server *server, struct edge_err *err)
{
    const struct edge_http_server_options *options = &server->options;
    struct http_accept *accept = calloc(1, sizeof *accept);
    int rc = accept ? http_listen(options->uri, options->mode, &accept->listener, err) : -ENOMEM;

    if (rc < 0) {
        free(accept);
        return rc;
    }
    accept->server = server;
    rc = uv_poll_init(edge_loop_native(server->loop), &accept->poll, accept->listener.fd);
    if (rc < 0) {
        http_unlisten(&accept->listener);
        free(accept);
        return edge_fail(err, rc, "cannot listen on %s: %s", options->uri, uv_strerror(rc));
    }
    server->accept = accept;
    accept->again = edge_timer_create(server->loop, accept_again, accept);
    rc = accept->again ? uv_poll_start(&accept->poll, UV_READABLE, on_connection) : -ENOMEM;
    if (rc < 0)
        return edge_fail(err, rc, "cannot listen on %s: %s", options->uri, uv_strerror(rc));
    return 0;
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
    if (server->options.mode == 0)
        server->options.mode = 0660;
    if (server->options.max_body == 0)
        server->options.max_body = 1024 * 1024;
    or_default(&server->options.max_clients, 64);
    or_default(&server->options.head_ms, 10 * 1000);
    or_default(&server->options.body_ms, 30 * 1000);
    or_default(&server->options.idle_ms, 60 * 1000);
    or_default(&server->options.stall_ms, 60 * 1000);
    signal(SIGPIPE, SIG_IGN);
    rc = start_accepting(server, err);
    server->options.uri = NULL; /* the caller's, and not needed any more */
    if (rc < 0) {
        edge_http_server_close(server);
        return rc;
    }
    *ret = server;
    return 0;
}

uint16_t edge_http_server_port(const struct edge_http_server *server)
{
    return server->accept->listener.port;
}

struct edge_http_server *edge_http_server_close(struct edge_http_server *server)
{
    struct edge_exchange *next;

    if (!server)
        return NULL;
    for (struct edge_exchange *c = server->clients; c; c = next) {
        next = c->next;
        http_connection_close(c);
    }
    if (server->accept) {
        edge_timer_destroy(server->accept->again);
        uv_close((uv_handle_t *) &server->accept->poll, on_accept_closed);
    } else {
        free_when_done(server);
    }
    return NULL;
}
