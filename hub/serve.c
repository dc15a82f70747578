#include "hub/serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/net/listen.h"
#include "hub/amqp/server.h"
#include "hub/http/http.h"
#include "hub/mqtt/server.h"

enum {
    PORT_MQTT = 8883,
    PORT_AMQP = 5671,
    PORT_HTTPS = 443,
    RENEW_LEAST_S = 60,
    RENEW_MOST_S = 24 * 3600, /* a clock that is set is noticed within a day */
    NS_PER_S = 1000000000,
};

struct hub_serve {
    struct hub_serve_options options;
    struct edge_tls_server *tls;
    struct edge_timer *renewal;
    int64_t issued_s, expires_s; /* wall clock, of the certificate in use */
    struct hub_mqtt *mqtt;
    struct hub_amqp *amqp;
    struct hub_http *http;
    struct edge_listener *mqtts, *amqps, *plain_mqtt, *plain_amqp;
};

/* ---- certificate ---- */

static int64_t now_s(void)
{
    return edge_wall_ns() / NS_PER_S;
}

/* Seconds until a fifth of its life is left; negative: it is time. */
static int64_t renewal_left_s(const struct hub_serve *s)
{
    return s->expires_s - (s->expires_s - s->issued_s) / 5 - now_s();
}

static void arm_renewal(struct hub_serve *s)
{
    int64_t left_s = renewal_left_s(s);

    left_s = left_s < RENEW_LEAST_S ? RENEW_LEAST_S : left_s;
    edge_timer_arm(s->renewal, 1000 * (uint64_t) (left_s > RENEW_MOST_S ? RENEW_MOST_S : left_s));
}

static void on_certificate(int rc, struct hub_certificate *certificate, const struct edge_err *err,
                           void *arg)
{
    struct hub_serve *s = arg;
    struct edge_err why = {0};

    if (rc == 0) {
        rc = edge_tls_server_reload(s->tls, certificate->chain_pem, certificate->key_pem, &why);
        err = &why;
    }
    if (rc < 0) {
        edge_warn("server certificate not renewed, the old one goes on: expires_s=%lld reason=%s",
                  (long long) s->expires_s, err->text);
    } else {
        s->issued_s = now_s();
        s->expires_s = certificate->expires_s;
        edge_info("server certificate renewed: expires_s=%lld", (long long) s->expires_s);
    }
    arm_renewal(s);
}

static void on_renewal(void *arg)
{
    struct hub_serve *s = arg;

    if (renewal_left_s(s) > 0)
        arm_renewal(s);
    else
        hub_serve_renew(s);
}

void hub_serve_renew(struct hub_serve *serve)
{
    edge_timer_disarm(serve->renewal);
    hub_workload_renew(serve->options.workload, on_certificate, serve);
}

static int open_tls(struct hub_serve *s, struct edge_err *err)
{
    struct edge_tls_server_options options = {
        .chain_pem = s->options.certificate->chain_pem,
        .key_pem = s->options.certificate->key_pem,
        .request_certificate = s->options.setup->client_certificates,
    };

    s->issued_s = now_s();
    s->expires_s = s->options.certificate->expires_s;
    s->renewal = edge_timer_create(s->options.loop, on_renewal, s);
    if (!s->renewal)
        return -ENOMEM;
    arm_renewal(s);
    return edge_tls_server_create(&options, &s->tls, err);
}

/* ---- ports ---- */

static void on_mqtt(struct edge_stream *stream, void *arg)
{
    struct hub_serve *s = arg;

    hub_mqtt_accept(s->mqtt, stream, false);
}

static void on_mqtt_ws(struct edge_stream *stream, void *arg)
{
    struct hub_serve *s = arg;

    hub_mqtt_accept(s->mqtt, stream, true);
}

static void on_amqp(struct edge_stream *stream, void *arg)
{
    struct hub_serve *s = arg;

    hub_amqp_accept(s->amqp, stream, false);
}

static void on_amqp_ws(struct edge_stream *stream, void *arg)
{
    struct hub_serve *s = arg;

    hub_amqp_accept(s->amqp, stream, true);
}

static char *uri_of(const struct hub_serve *s, unsigned port)
{
    const char *address = s->options.setup->listen;

    if (!address)
        address = "::";
    return edge_format(strchr(address, ':') ? "tcp://[%s]:%u" : "tcp://%s:%u", address, port);
}

/* @param tls  NULL: without */
static int listen_on(struct hub_serve *s, unsigned port, struct edge_tls_server *tls,
                     void (*on_stream)(struct edge_stream *stream, void *arg),
                     struct edge_listener **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *uri = uri_of(s, port);
    struct edge_listener_options options = {
        .uri = uri,
        .tls = tls,
        .on_stream = on_stream,
        .arg = s,
    };

    return uri ? edge_listen(s->options.loop, &options, ret, err) : -ENOMEM;
}

static int open_mqtt(struct hub_serve *s, struct edge_err *err)
{
    struct hub_mqtt_options options = {.backend = hub_core_backend(s->options.core)};
    int rc;

    if (!s->options.setup->mqtt)
        return 0;
    rc = hub_mqtt_create(s->options.loop, &options, &s->mqtt);
    if (rc == 0)
        rc = listen_on(s, PORT_MQTT, s->tls, on_mqtt, &s->mqtts, err);
    if (rc == 0 && s->options.setup->plain_port)
        rc = listen_on(s, s->options.setup->plain_port, NULL, on_mqtt, &s->plain_mqtt, err);
    return rc;
}

static int open_amqp(struct hub_serve *s, struct edge_err *err)
{
    struct hub_amqp_options options = {
        .backend = hub_core_backend(s->options.core),
        .host = s->options.self->hub_name,
    };
    int rc;

    if (!s->options.setup->amqp)
        return 0;
    rc = hub_amqp_create(s->options.loop, &options, &s->amqp);
    if (rc == 0)
        rc = listen_on(s, PORT_AMQP, s->tls, on_amqp, &s->amqps, err);
    if (rc == 0 && s->options.setup->plain_port)
        rc = listen_on(s, s->options.setup->plain_port + 1, NULL, on_amqp, &s->plain_amqp, err);
    return rc;
}

static int open_http(struct hub_serve *s, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *uri = uri_of(s, PORT_HTTPS);
    EDGE_CLEANUP(edge_free) char *metrics = uri_of(s, s->options.setup->metrics_port);
    struct hub_http_options options = {
        .loop = s->options.loop,
        .core = s->options.core,
        .self = s->options.self,
        .uri = uri,
        .tls = s->tls,
        .metrics_uri = s->options.setup->metrics ? metrics : NULL,
        .mqtt = s->mqtt ? on_mqtt_ws : NULL,
        .amqp = s->amqp ? on_amqp_ws : NULL,
        .arg = s,
    };

    if (!s->options.setup->http)
        return 0;
    return uri && metrics ? hub_http_open(&options, &s->http, err) : -ENOMEM;
}

int hub_serve_open(const struct hub_serve_options *options, struct hub_serve **ret,
                   struct edge_err *err)
{
    struct hub_serve *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return -ENOMEM;
    s->options = *options;
    rc = open_tls(s, err);
    if (rc == 0)
        rc = open_mqtt(s, err);
    if (rc == 0)
        rc = open_amqp(s, err);
    if (rc == 0)
        rc = open_http(s, err);
    if (rc < 0) {
        hub_serve_close(s);
        return rc;
    }
    *ret = s;
    return 0;
}

void hub_serve_stop(struct hub_serve *serve)
{
    serve->mqtts = edge_listener_close(serve->mqtts);
    serve->plain_mqtt = edge_listener_close(serve->plain_mqtt);
    serve->amqps = edge_listener_close(serve->amqps);
    serve->plain_amqp = edge_listener_close(serve->plain_amqp);
    serve->http = hub_http_close(serve->http);
}

struct hub_serve *hub_serve_close(struct hub_serve *serve)
{
    if (!serve)
        return NULL;
    hub_serve_stop(serve);
    hub_mqtt_destroy(serve->mqtt);
    hub_amqp_destroy(serve->amqp);
    edge_timer_destroy(serve->renewal);
    edge_tls_server_destroy(serve->tls);
    free(serve);
    return NULL;
}
