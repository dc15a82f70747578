#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/rest/call.h"
#include "tests/emulator/rest/events.h"

#define OFFSET_MAX_S INT64_C(3153600000) /* a hundred years */
enum { LATENCY_MAX_MS = 600000 };

static void answer(struct edge_exchange *exchange, int status, struct edge_json *value)
{
    EDGE_CLEANUP(edge_free) char *text = value ? edge_json_text(value) : NULL;

    edge_json_free(value);
    edge_exchange_reply(exchange, status, "application/json", text ? text : "",
                        text ? strlen(text) : 0);
}

static void complain(struct edge_exchange *exchange, int status, const char *text)
{
    struct edge_json *body = edge_json_new_object();

    if (body)
        edge_ignore(edge_json_set_str(body, "message", text));
    answer(exchange, status, body);
}

static struct edge_json *show(struct cloud *cloud)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *shown = edge_json_new_object();
    struct cloud_faults f;

    cloud_faults_get(cloud, &f);
    if (!shown || edge_json_set_int(shown, "latencyMs", f.latency_ms) < 0 ||
        edge_json_set_int(shown, "clockOffsetSeconds", f.clock_offset_s) < 0 ||
        edge_json_set_bool(shown, "refuse", f.refuse) < 0 ||
        edge_json_set_bool(shown, "throttle", f.throttle) < 0 ||
        edge_json_set_bool(shown, "freeze", f.freeze) < 0 ||
        edge_json_set_int(shown, "loseAcks", f.lose_acks) < 0 ||
        edge_json_set_int(shown, "sessions", cloud_sessions(cloud)) < 0)
        return NULL;
    return EDGE_TAKE(shown);
}

static bool read_number(const struct edge_json *value, int64_t least, int64_t most, int64_t *ret)
{
    if (!edge_json_is(value, EDGE_JSON_INT))
        return false;
    *ret = edge_json_int(value, 0);
    return *ret >= least && *ret <= most;
}

static bool read_bool(const struct edge_json *value, bool *ret)
{
    *ret = edge_json_bool(value, false);
    return edge_json_is(value, EDGE_JSON_BOOL);
}

/* One knob. "drop" is an identity, or "*" for all; it happens at once and is not kept. */
static bool turn(struct cloud *cloud, struct cloud_faults *f, const char *name,
                 const struct edge_json *value)
{
    const char *who = edge_json_str(value, NULL);

    if (strcmp(name, "latencyMs") == 0)
        return read_number(value, 0, LATENCY_MAX_MS, &f->latency_ms);
    if (strcmp(name, "clockOffsetSeconds") == 0)
        return read_number(value, -OFFSET_MAX_S, OFFSET_MAX_S, &f->clock_offset_s);
    if (strcmp(name, "loseAcks") == 0)
        return read_number(value, 0, INT32_MAX, &f->lose_acks);
    if (strcmp(name, "refuse") == 0)
        return read_bool(value, &f->refuse);
    if (strcmp(name, "throttle") == 0)
        return read_bool(value, &f->throttle);
    if (strcmp(name, "freeze") == 0)
        return read_bool(value, &f->freeze);
    if (strcmp(name, "drop") != 0 || !who)
        return false;
    cloud_drop(cloud, strcmp(who, "*") == 0 ? NULL : who);
    return true;
}

static void set(struct cloud *cloud, struct edge_exchange *exchange)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = NULL;
    struct edge_bytes body = edge_exchange_body(exchange);
    struct cloud_faults f;
    struct edge_err err = {0};

    if (edge_json_parse((const char *) body.data, body.len, &wanted, &err) < 0 ||
        !edge_json_is(wanted, EDGE_JSON_OBJECT)) {
        complain(exchange, 400, *err.text ? err.text : "an object of knobs is expected");
        return;
    }
    cloud_faults_get(cloud, &f);
    for (edge_json_foreach (it, wanted)) {
        if (!turn(cloud, &f, it.name, it.value)) {
            complain(exchange, 400, "a knob is not known, or cannot have this value");
            return;
        }
    }
    cloud_faults_set(cloud, &f);
    answer(exchange, 200, show(cloud));
}

static int64_t number_of(const struct edge_exchange *exchange, const char *name)
{
    const char *text = edge_exchange_query(exchange, name);

    return text ? strtoll(text, NULL, 10) : 0;
}

/* What devices have sent, seen without Event Hubs. */
static void show_events(struct cloud *cloud, struct edge_exchange *exchange)
{
    int64_t partition = number_of(exchange, "partition");
    struct edge_json *page;

    if (partition < 0 || partition >= cloud_partitions(cloud)) {
        complain(exchange, 404, "there is no such partition");
        return;
    }
    page = rest_events_shown(cloud, (unsigned) partition, number_of(exchange, "from"));
    answer(exchange, page ? 200 : 500, page);
}

void rest_handle_admin(struct edge_exchange *exchange, void *arg)
{
    struct rest *rest = arg;
    const char *method = edge_exchange_method(exchange);
    const char *path = edge_exchange_path(exchange);

    if (strcmp(path, "/emulator/events") == 0 && strcmp(method, "GET") == 0)
        show_events(rest->cloud, exchange);
    else if (strcmp(path, "/emulator/faults") != 0)
        complain(exchange, 404, "the knobs are at /emulator/faults");
    else if (strcmp(method, "POST") == 0)
        set(rest->cloud, exchange);
    else if (strcmp(method, "GET") == 0)
        answer(exchange, 200, show(rest->cloud));
    else
        complain(exchange, 405, "GET or POST");
}
