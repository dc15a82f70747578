/* Passes on what is hotter than the desired property "threshold". An input is acknowledged when its
 * alert is safe, so that none is lost. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/iothub/incoming.h"
#include "common/iothub/topic.h"
#include "common/json/json.h"
#include "deploy/samples/sample.h"

#define THRESHOLD 25.0

struct filter {
    const struct sample_env *env;
    struct sample_link *link;
    double threshold;
};

static double number(const struct edge_json *value, double fallback)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;

    if (edge_json_is(value, EDGE_JSON_INT) || edge_json_is(value, EDGE_JSON_DOUBLE))
        text = edge_json_text(value);
    return text ? strtod(text, NULL) : fallback;
}

/* ---- threshold ---- */

static void set_threshold(struct filter *f, const struct edge_json *desired)
{
    const struct edge_json *value = edge_json_get(desired, "threshold");
    double before = f->threshold;

    if (!edge_json_has(desired, "threshold"))
        return;
    f->threshold = number(value, THRESHOLD);
    if (f->threshold < before || f->threshold > before)
        edge_info("threshold changed: threshold=%.1f", f->threshold);
}

static void take_twin(struct filter *f, enum edge_incoming_kind kind, struct edge_bytes payload)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    struct edge_err err;

    if (edge_json_parse((const char *) payload.data, payload.len, &json, &err) < 0) {
        edge_warn("twin not understood: %s", err.text);
        return;
    }
    set_threshold(f, kind == EDGE_INCOMING_ANSWER ? edge_json_get(json, "desired") : json);
}

/* ---- inputs ---- */

/* "devices/d/modules/m/inputs/x/{bag}": the bag. */
static struct edge_bytes bag_of(struct edge_bytes topic)
{
    const char *text = (const char *) topic.data;
    const char *end = text + topic.len;
    const char *inputs = memmem(text, topic.len, "/inputs/", 8);
    const char *bag = inputs ? memchr(inputs + 8, '/', (size_t) (end - inputs - 8)) : NULL;

    if (!bag)
        return (struct edge_bytes){0};
    return (struct edge_bytes){(const uint8_t *) bag + 1, (size_t) (end - bag - 1)};
}

static bool hot(struct filter *f, struct edge_bytes body, double *ret)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    const struct edge_json *value;
    struct edge_err err;

    if (edge_json_parse((const char *) body.data, body.len, &json, &err) < 0) {
        edge_warn("input is no JSON: %s", err.text);
        return false;
    }
    value = edge_json_get(edge_json_get(json, "machine"), "temperature");
    *ret = number(value, f->threshold);
    return *ret > f->threshold;
}

static int pass_on(struct filter *f, const struct mqtt_publish *publish)
{
    struct edge_bytes bag = bag_of(publish->topic);
    struct edge_message message = {0};
    struct edge_err err;
    void *tag = (void *) (uintptr_t) publish->id;
    int rc = edge_bag_parse_from_hub((const char *) bag.data, bag.len, &message, &err);

    if (rc == 0) /* whose it was the hub has said; who sends it now, it knows */
        rc = edge_message_set_sys(&message, EDGE_SYS_ORIGIN_DEVICE, NULL);
    if (rc == 0)
        rc = edge_message_set_sys(&message, EDGE_SYS_ORIGIN_MODULE, NULL);
    if (rc == 0)
        rc = edge_message_set_body(&message, publish->payload.data, publish->payload.len);
    if (rc == 0)
        rc = sample_link_send(f->link, "alerts", &message, tag);
    edge_message_fini(&message);
    return rc;
}

static void take_input(struct filter *f, const struct mqtt_publish *publish)
{
    double t = 0;
    int rc;

    if (!hot(f, publish->payload, &t)) {
        if (publish->qos > 0)
            hub_wire_ack(sample_link_wire(f->link), publish->id);
        return;
    }
    rc = pass_on(f, publish);
    if (rc == 0)
        edge_info("alert: temperature=%.1f threshold=%.1f", t, f->threshold);
    else /* not acknowledged: it comes again */
        edge_warn("alert not sent: %s", edge_strerror(rc));
}

static void on_publish(const struct mqtt_publish *publish, void *arg)
{
    struct filter *f = arg;
    EDGE_CLEANUP(edge_free)
    char *topic = strndup((const char *) publish->topic.data, publish->topic.len);
    struct edge_incoming in = {0};

    if (topic)
        edge_incoming_read(topic, &in);
    if (in.kind == EDGE_INCOMING_ANSWER || in.kind == EDGE_INCOMING_DESIRED)
        take_twin(f, in.kind, publish->payload);
    else
        take_input(f, publish);
}

static void on_acked(void *tag, void *arg)
{
    struct filter *f = arg;
    uint16_t id = (uint16_t) (uintptr_t) tag;

    if (id != 0)
        hub_wire_ack(sample_link_wire(f->link), id);
}

static void on_up(void *arg)
{
    static const char *const twin[] = {"$iothub/twin/res/#",
                                       "$iothub/twin/PATCH/properties/desired/#"};
    static const char get[] = "$iothub/twin/GET/?$rid=1";
    struct filter *f = arg;
    struct hub_wire *wire = sample_link_wire(f->link);
    EDGE_CLEANUP(edge_free)
    char *inputs =
        edge_format("devices/%s/modules/%s/inputs/#", f->env->who.device, f->env->who.module);
    int rc = 0;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(twin) && rc == 0; i++)
        rc = hub_wire_subscribe(wire, twin[i], 0, 0);
    if (rc == 0)
        rc = inputs ? hub_wire_subscribe(wire, inputs, 1, 0) : -ENOMEM;
    if (rc == 0)
        rc = hub_wire_send(
            wire, &(struct mqtt_publish){.topic = {(const uint8_t *) get, sizeof get - 1}}, NULL);
    if (rc < 0)
        edge_warn("not subscribed: %s", edge_strerror(rc));
}

int sample_filter(struct edge_loop *loop, const struct sample_env *env)
{
    struct filter f = {.env = env, .threshold = THRESHOLD};
    const struct sample_link_options options = {
        .loop = loop, .env = env, .up = on_up, .acked = on_acked, .publish = on_publish, .arg = &f};
    struct edge_err err = {0};
    int rc = sample_link_open(&options, &f.link, &err);

    if (rc < 0)
        edge_error("filter: %s", *err.text ? err.text : edge_strerror(rc));
    else
        edge_loop_run(loop);
    sample_link_close(f.link);
    return rc;
}
