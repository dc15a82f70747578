/* workload API (trust bundle, token) -> dial -> MQTT -> up; after any loss the same again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cancel.h"
#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/base/log.h"
#include "common/iothub/topic.h"
#include "common/loop/pool.h"
#include "common/net/dial.h"
#include "common/tls/tls.h"
#include "common/workload/workload.h"
#include "deploy/samples/sample.h"

enum {
    TOKEN_S = 3600,
    RENEW_MS =
        TOKEN_S * 750, /* a connection cannot renew its token: a new one at 3/4 of its life */
    PAUSE_MIN_MS = 500,
    PAUSE_MAX_MS = 10 * 1000, /* the hub is on this very device */
    ANSWER_MS = 20 * 1000,
    KEEP_ALIVE_S = 60,
    TOPIC_MAX = MQTT_STRING_MAX,
};

struct sample_link {
    struct sample_link_options options;
    struct edge_pool *pool;
    struct edge_cancel *cancel;
    struct edge_timer *timer; /* a pause, or the time to renew */
    struct edge_workload api;
    char *resource;
    unsigned failures;
    bool up;
    /* The worker's answer. */
    int rc;
    struct edge_err err;
    char *token;
    char *trust;

    struct edge_tls_client *tls;
    struct edge_dial *dial;
    struct hub_wire *wire;
};

static void forget_secrets(struct sample_link *link)
{
    if (link->token)
        explicit_bzero(link->token, strlen(link->token));
    link->token = edge_free(link->token);
    link->trust = edge_free(link->trust);
}

static void let_go(struct sample_link *link, bool goodbye)
{
    bool was_up = link->up;

    link->up = false;
    link->dial = edge_dial_cancel(link->dial);
    link->wire = hub_wire_close(link->wire, goodbye);
    link->tls = edge_tls_client_destroy(link->tls);
    forget_secrets(link);
    if (was_up && link->options.down)
        link->options.down(link->options.arg);
}

static void lost(struct sample_link *link, const char *why)
{
    unsigned pause = (unsigned) PAUSE_MIN_MS << (link->failures < 5 ? link->failures : 5);

    edge_warn("no connection to the hub: %s", why);
    let_go(link, false);
    link->failures++;
    edge_timer_arm(link->timer, pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
}

/* ---- MQTT ---- */

static void on_up(bool session_present, void *arg)
{
    struct sample_link *link = arg;

    (void) session_present;
    edge_info("connected to the hub: host=%s", link->options.env->gateway);
    link->up = true;
    link->failures = 0;
    edge_timer_arm(link->timer, RENEW_MS);
    link->options.up(link->options.arg);
}

static void on_acked(void *tag, void *arg)
{
    struct sample_link *link = arg;

    link->options.acked(tag, link->options.arg);
}

static void on_granted(unsigned tag, void *arg)
{
    (void) tag;
    (void) arg;
}

static void on_room(void *arg)
{
    (void) arg;
}

static void on_publish(const struct mqtt_publish *publish, void *arg)
{
    struct sample_link *link = arg;

    if (link->options.publish)
        link->options.publish(publish, link->options.arg);
}

static void on_end(enum hub_wire_end why, const char *text, void *arg)
{
    (void) why;
    lost(arg, text);
}

static int open_wire(struct sample_link *link, struct edge_stream *stream)
{
    static const struct hub_wire_ops ops = {on_up,   on_acked,   on_granted,
                                            on_room, on_publish, on_end};
    const struct sample_env *env = link->options.env;
    char id[2 * EDGE_ID_MAX + 2];
    EDGE_CLEANUP(edge_free) char *user = NULL;
    struct mqtt_connect connect = {.keep_alive = KEEP_ALIVE_S}; /* what comes while away is kept */
    const struct hub_wire_options options = {
        .loop = link->options.loop,
        .connect = &connect,
        .answer_ms = ANSWER_MS,
        .ops = &ops,
        .arg = link,
    };

    edge_identity_format(&env->who, id, sizeof id);
    user =
        edge_format("%s/%s/?api-version=2021-04-12&DeviceClientType=edge-sample%%2F" EDGE_VERSION,
                    env->hub_name, id);
    if (!user) {
        edge_stream_close(stream);
        return -ENOMEM;
    }
    connect.client_id = (struct edge_bytes){(const uint8_t *) id, strlen(id)};
    connect.user = (struct edge_bytes){(const uint8_t *) user, strlen(user)};
    connect.password = (struct edge_bytes){(const uint8_t *) link->token, strlen(link->token)};
    return hub_wire_open(&options, stream, &link->wire);
}

static void on_stream(struct edge_stream *stream, int rc, const struct edge_err *err, void *arg)
{
    struct sample_link *link = arg;

    link->dial = NULL;
    if (stream)
        rc = open_wire(link, stream);
    forget_secrets(link);
    if (rc < 0)
        lost(link, stream || !*err->text ? edge_strerror(rc) : err->text);
}

static int dial(struct sample_link *link, struct edge_err *err)
{
    const struct edge_tls_client_options trusted = {.ca_pem = link->trust};
    struct edge_dial_options options = {
        .host = link->options.env->gateway,
        .port = link->options.env->port,
        .timeout_ms = ANSWER_MS,
        .done = on_stream,
        .arg = link,
    };
    int rc = edge_tls_client_create(&trusted, &link->tls, err);

    options.tls = link->tls;
    return rc < 0 ? rc : edge_dial_open(link->options.loop, &options, &link->dial, err);
}

/* ---- workload API ---- */

static void ask(void *arg)
{
    struct sample_link *link = arg;
    int64_t until_s = edge_wall_ns() / 1000000000 + TOKEN_S;

    link->err = (struct edge_err){0};
    link->rc = edge_workload_trust_bundle(&link->api, &link->trust, &link->err);
    if (link->rc == 0)
        link->rc =
            edge_workload_token(&link->api, link->resource, until_s, &link->token, &link->err);
}

static void asked(void *arg)
{
    struct sample_link *link = arg;

    if (!link->timer)
        return; /* it closes */
    if (link->rc == 0)
        link->rc = dial(link, &link->err);
    if (link->rc < 0)
        lost(link, *link->err.text ? link->err.text : edge_strerror(link->rc));
}

static void on_timer(void *arg)
{
    struct sample_link *link = arg;

    let_go(link, true);
    edge_pool_submit(link->pool, ask, asked, link);
}

/* ---- for the words ---- */

struct hub_wire *sample_link_wire(struct sample_link *link)
{
    return link->up ? link->wire : NULL;
}

int sample_link_send(struct sample_link *link, const char *output, struct edge_message *message,
                     void *tag)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf topic = EDGE_BUF_INIT(TOPIC_MAX);
    int rc;

    if (!link->up || !hub_wire_room(link->wire))
        return EDGE_EUNAVAILABLE;
    rc = edge_message_set_sys(message, EDGE_SYS_OUTPUT, output);
    if (rc == 0)
        rc = edge_topic_events(&topic, &link->options.env->who);
    if (rc == 0)
        rc = edge_bag_format(message, &topic);
    if (rc < 0)
        return rc;
    return hub_wire_send(link->wire,
                         &(struct mqtt_publish){.topic = {(uint8_t *) topic.data, topic.len},
                                                .payload = {message->body, message->len},
                                                .qos = 1},
                         tag);
}

int sample_link_open(const struct sample_link_options *options, struct sample_link **ret,
                     struct edge_err *err)
{
    const struct sample_env *env = options->env;
    struct sample_link *link = calloc(1, sizeof *link);
    int rc = -ENOMEM;

    if (!link)
        return edge_fail(err, rc, "no memory");
    link->options = *options;
    link->cancel = edge_cancel_create();
    link->timer = edge_timer_create(options->loop, on_timer, link);
    link->resource = edge_identity_resource(&env->who, env->hub_name);
    link->api = (struct edge_workload){.socket = env->workload,
                                       .module = env->who.module,
                                       .generation = env->generation,
                                       .version = env->version,
                                       .cancel = link->cancel};
    if (link->cancel && link->timer && link->resource)
        rc = edge_pool_create(options->loop, "workload", 1, &link->pool);
    if (rc < 0) {
        sample_link_close(link);
        return edge_fail(err, rc, "cannot start: %s", edge_strerror(rc));
    }
    edge_timer_arm(link->timer, 0);
    *ret = link;
    return 0;
}

static void free_link(void *arg)
{
    struct sample_link *link = arg;

    forget_secrets(link);
    edge_cancel_unref(link->cancel);
    free(link->resource);
    free(link);
}

struct sample_link *sample_link_close(struct sample_link *link)
{
    if (!link)
        return NULL;
    link->options.down = NULL;
    let_go(link, true);
    link->timer = edge_timer_destroy(link->timer);
    if (link->cancel)
        edge_cancel_fire(link->cancel);
    edge_pool_destroy(link->pool);
    edge_loop_post(link->options.loop, free_link, link); /* behind what the pool has posted */
    return NULL;
}
