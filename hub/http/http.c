#include "hub/http/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/log.h"
#include "hub/http/calls.h"
#include "hub/http/request.h"

enum {
    CLIENTS_MAX = 1000, /* of HTTP; a WebSocket is one of its head's */
    BODY_MAX = HUB_METHOD_PAYLOAD_MAX + 16 * 1024,
    TEXT_MAX = 16 * 1024 * 1024, /* of the metrics */
};

struct hub_http {
    struct hub_http_options options;
    struct edge_http_server *https, *metrics;
    struct hub_http_calls calls;
};

static void refuse(struct edge_exchange *exchange, int status, const char *why)
{
    const char *from = edge_exchange_address(exchange);

    edge_log_about(EDGE_LOG_WARN, from, "http request refused: from=%s status=%d reason=%s", from,
                   status, why);
    hub_http_fail(exchange, status, why);
}

static void take_websocket(struct hub_http *http, struct edge_exchange *exchange)
{
    static const char *const known[] = {"mqtt", "AMQPWSB10", "amqp"};
    const char *protocol = edge_exchange_choose(exchange, known, EDGE_ARRAY_LEN(known));
    bool mqtt = protocol && strcmp(protocol, "mqtt") == 0;
    void (*take)(struct edge_stream *, void *) = mqtt ? http->options.mqtt : http->options.amqp;
    struct edge_stream *stream;

    if (!protocol || !take) {
        refuse(exchange, 400, "no sub-protocol of the WebSocket is known here");
        return;
    }
    stream = edge_exchange_upgrade(exchange, protocol);
    if (stream)
        take(stream, http->options.arg);
}

static void print(struct hub_http *http, struct edge_exchange *exchange, const char *type,
                  void (*fn)(struct hub_core *core, struct edge_buf *out))
{
    struct edge_buf text = EDGE_BUF_INIT(TEXT_MAX);

    fn(http->options.core, &text);
    if (edge_buf_error(&text) == 0)
        edge_exchange_reply(exchange, 200, type, text.data ? text.data : "", text.len);
    else
        hub_http_fail(exchange, 500, "out of memory");
    edge_buf_fini(&text);
}

static bool is_get(const struct edge_exchange *exchange)
{
    const char *method = edge_exchange_method(exchange);

    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* What both ports answer. @return false for anything else */
static bool tell(struct hub_http *http, struct edge_exchange *exchange)
{
    const char *path = edge_exchange_path(exchange);
    bool metrics = strcmp(path, "/metrics") == 0;

    if (!metrics && strcmp(path, "/health") != 0)
        return false;
    if (!is_get(exchange)) {
        edge_exchange_set_header(exchange, "Allow", "GET, HEAD");
        refuse(exchange, 405, "only GET is offered here");
    } else if (metrics) {
        print(http, exchange, "text/plain; version=0.0.4; charset=utf-8", hub_core_metrics);
    } else {
        print(http, exchange, "application/json", hub_core_health);
    }
    return true;
}

/* What would be a WebSocket: RFC 6455 4.2.2. @return false: it would not */
static bool refuse_websocket(struct edge_exchange *exchange)
{
    const char *upgrade = edge_exchange_header(exchange, "Upgrade");
    const char *version = edge_exchange_header(exchange, "Sec-WebSocket-Version");

    if (!upgrade || strcasecmp(upgrade, "websocket") != 0)
        return false;
    if (version && strcmp(version, "13") != 0) {
        edge_exchange_set_header(exchange, "Sec-WebSocket-Version", "13");
        refuse(exchange, 426, "a WebSocket of version 13 is offered here");
    } else {
        refuse(exchange, 400, "the request asks for a WebSocket and is not one of RFC 6455");
    }
    return true;
}

static void call_method(struct hub_http *http, struct edge_exchange *exchange)
{
    struct edge_identity target;
    int rc = hub_method_path(edge_exchange_path(exchange), &target);

    if (rc == HUB_PATH_OTHER) {
        refuse(exchange, 404, "nothing is here");
    } else if (rc < 0) {
        refuse(exchange, 400, "the path names no device or module");
    } else if (strcmp(edge_exchange_method(exchange), "POST") != 0) {
        edge_exchange_set_header(exchange, "Allow", "POST");
        refuse(exchange, 405, "only POST is offered here");
    } else {
        hub_http_call(&http->calls, exchange, &target);
    }
}

static void on_https(struct edge_exchange *exchange, void *arg)
{
    struct hub_http *http = arg;

    edge_exchange_set_header(exchange, "X-Content-Type-Options", "nosniff");
    if (edge_exchange_wants_websocket(exchange))
        take_websocket(http, exchange);
    else if (!refuse_websocket(exchange) && !tell(http, exchange))
        call_method(http, exchange);
}

static void on_metrics(struct edge_exchange *exchange, void *arg)
{
    if (!tell(arg, exchange))
        refuse(exchange, 404, "only /metrics and /health are here");
}

static int open_https(struct hub_http *http, struct edge_err *err)
{
    struct edge_http_server_options options = {
        .uri = http->options.uri,
        .tls = http->options.tls,
        .max_clients = CLIENTS_MAX,
        .max_body = BODY_MAX,
        .handle = on_https,
        .arg = http,
    };

    return edge_http_server_open(http->options.loop, &options, &http->https, err);
}

static int open_metrics(struct hub_http *http, struct edge_err *err)
{
    struct edge_http_server_options options = {
        .uri = http->options.metrics_uri,
        .handle = on_metrics,
        .arg = http,
    };

    if (!options.uri)
        return 0;
    return edge_http_server_open(http->options.loop, &options, &http->metrics, err);
}

int hub_http_open(const struct hub_http_options *options, struct hub_http **ret,
                  struct edge_err *err)
{
    struct hub_http *http = calloc(1, sizeof *http);
    int rc;

    if (!http)
        return -ENOMEM;
    http->options = *options;
    http->calls = (struct hub_http_calls){.core = options->core, .self = options->self};
    rc = open_https(http, err);
    if (rc == 0)
        rc = open_metrics(http, err);
    if (rc < 0) {
        hub_http_close(http);
        return rc;
    }
    *ret = http;
    return 0;
}

struct hub_http *hub_http_close(struct hub_http *http)
{
    if (!http)
        return NULL;
    hub_http_calls_leave(&http->calls);
    edge_http_server_close(http->https);
    edge_http_server_close(http->metrics);
    free(http);
    return NULL;
}
