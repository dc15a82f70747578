#include "tests/emulator/serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/server.h"
#include "common/net/listen.h"
#include "common/tls/tls.h"
#include "hub/amqp/server.h"
#include "hub/mqtt/server.h"
#include "tests/emulator/amqp/amqp.h"
#include "tests/emulator/dps/dps_mqtt.h"
#include "tests/emulator/registrar.h"
#include "tests/emulator/rest/rest.h"

enum {
    PORT_MQTT = 8883,
    PORT_AMQP = 5671,
    PORT_HTTPS = 443,
    MAX_BODY = 4 << 20,
    MAX_CLIENTS = 20000,
    AMQP_IDENTITIES = 5000, /* behind one edge hub */
    AMQP_SESSIONS = 8192,
    AMQP_LINKS = 8 * AMQP_IDENTITIES,
};

struct serve {
    struct cloud *cloud;
    struct dps_registrar registrar;
    unsigned max_clients;
    struct edge_tls_server *tls;
    struct rest *rest;
    struct hub_mqtt *mqtt;
    struct service *service;
    struct hub_amqp *amqp;
    struct edge_listener *mqtts, *amqps;
    struct edge_http_server *https;
    struct edge_http_server *admin;
};

static void on_mqtt(struct edge_stream *stream, void *arg)
{
    struct serve *s = arg;

    hub_mqtt_accept(s->mqtt, stream, false);
}

static void on_amqp(struct edge_stream *stream, void *arg)
{
    struct serve *s = arg;

    hub_amqp_accept(s->amqp, stream, false);
}

static void refuse_websocket(struct edge_exchange *exchange)
{
    static const char text[] = "{\"Message\":\"ErrorCode:ArgumentInvalid;no sub-protocol of the "
                               "WebSocket is known here\"}";

    edge_exchange_reply(exchange, 400, "application/json", text, sizeof text - 1);
}

static void take_websocket(struct serve *s, struct edge_exchange *exchange)
{
    static const char *const known[] = {"mqtt", "AMQPWSB10", "amqp"};
    const char *protocol = edge_exchange_choose(exchange, known, EDGE_ARRAY_LEN(known));
    struct edge_stream *stream;

    if (!protocol) {
        refuse_websocket(exchange);
        return;
    }
    stream = edge_exchange_upgrade(exchange, protocol);
    if (stream && strcmp(protocol, "mqtt") == 0)
        hub_mqtt_accept(s->mqtt, stream, true);
    else if (stream)
        hub_amqp_accept(s->amqp, stream, true);
}

/* A WebSocket goes to the head of its sub-protocol, anything else is REST. */
static void on_request(struct edge_exchange *exchange, void *arg)
{
    struct serve *s = arg;

    if (strcmp(edge_exchange_path(exchange), "/$iothub/websocket") == 0)
        take_websocket(s, exchange);
    else
        rest_handle(exchange, s->rest);
}

static int open_heads(struct serve *s, struct edge_loop *loop)
{
    struct hub_mqtt_options mqtt = {
        .backend = cloud_backend(s->cloud),
        .host = cloud_hostname(s->cloud),
        .max_clients = s->max_clients,
        .other = dps_mqtt_offer,
        .arg = &s->registrar,
    };
    struct hub_amqp_options amqp = {
        .backend = mqtt.backend,
        .host = mqtt.host,
        .max_clients = s->max_clients,
        .max_links = AMQP_LINKS,
        .max_sessions = AMQP_SESSIONS,
        .max_identities = AMQP_IDENTITIES,
        .nodes = &service_nodes,
    };
    EDGE_CLEANUP(edge_free)
    char *entity = edge_format("iothub-ehub-%.*s", (int) strcspn(mqtt.host, "."), mqtt.host);
    int rc = rest_create(s->cloud, &s->rest);

    if (rc == 0)
        rc = hub_mqtt_create(loop, &mqtt, &s->mqtt);
    if (rc < 0)
        return rc;
    s->service = entity ? service_create(loop, s->cloud, entity, PORT_AMQP) : NULL;
    amqp.arg = s->service;
    return s->service ? hub_amqp_create(loop, &amqp, &s->amqp) : -ENOMEM;
}

static int listen_stream(struct serve *s, struct edge_loop *loop, const char *address, int port,
                         void (*on_stream)(struct edge_stream *stream, void *arg),
                         struct edge_listener **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *uri = edge_format("tcp://%s:%d", address, port);
    struct edge_listener_options options = {
        .uri = uri,
        .tls = s->tls,
        .on_stream = on_stream,
        .arg = s,
    };

    return uri ? edge_listen(loop, &options, ret, err) : -ENOMEM;
}

static int listen_https(struct serve *s, struct edge_loop *loop, const char *address,
                        struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *uri = edge_format("tcp://%s:%d", address, PORT_HTTPS);
    struct edge_http_server_options options = {
        .uri = uri,
        .tls = s->tls,
        .max_clients = s->max_clients,
        .max_body = MAX_BODY,
        .handle = on_request,
        .arg = s,
    };

    return uri ? edge_http_server_open(loop, &options, &s->https, err) : -ENOMEM;
}

static int listen_admin(struct serve *s, struct edge_loop *loop, const char *address,
                        struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *uri = edge_format("tcp://%s", address);
    struct edge_http_server_options options = {
        .uri = uri,
        .handle = rest_handle_admin,
        .arg = s->rest,
    };

    return uri ? edge_http_server_open(loop, &options, &s->admin, err) : -ENOMEM;
}

int serve_open(struct edge_loop *loop, const struct serve_options *o, struct serve **ret,
               struct edge_err *err)
{
    EDGE_CLEANUP(serve_close) struct serve *s = calloc(1, sizeof *s);
    struct edge_tls_server_options tls = {
        .chain_pem = o->certificate->chain_pem,
        .key_pem = o->certificate->key_pem,
        .request_certificate = true,
    };
    int rc;

    if (!s)
        return -ENOMEM;
    s->cloud = o->cloud;
    s->registrar = registrar_of(o->cloud);
    s->max_clients = o->max_clients ? o->max_clients : MAX_CLIENTS;
    rc = edge_tls_server_create(&tls, &s->tls, err);
    if (rc == 0)
        rc = open_heads(s, loop);
    if (rc == 0)
        rc = listen_stream(s, loop, o->listen, PORT_MQTT, on_mqtt, &s->mqtts, err);
    if (rc == 0)
        rc = listen_stream(s, loop, o->listen, PORT_AMQP, on_amqp, &s->amqps, err);
    if (rc == 0)
        rc = listen_https(s, loop, o->listen, err);
    if (rc == 0 && o->admin)
        rc = listen_admin(s, loop, o->admin, err);
    if (rc == 0)
        *ret = EDGE_TAKE(s);
    return rc;
}

struct serve *serve_close(struct serve *s)
{
    if (!s)
        return NULL;
    edge_http_server_close(s->admin);
    edge_http_server_close(s->https);
    edge_listener_close(s->amqps);
    edge_listener_close(s->mqtts);
    hub_amqp_destroy(s->amqp);
    service_destroy(s->service);
    hub_mqtt_destroy(s->mqtt);
    rest_destroy(s->rest);
    edge_tls_server_destroy(s->tls);
    free(s);
    return NULL;
}
