#include "tests/fuzz/upstream_place.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/net/dial.h"

struct upstream_place place;

/* A dial that gives a fake stream in the next turn. */
struct edge_dial {
    struct edge_dial_options options;
    bool cancelled;
};

static void dialled(void *arg)
{
    struct edge_dial *dial = arg;
    struct edge_err err = {0};

    if (!dial->cancelled && place.nstreams < EDGE_ARRAY_LEN(place.streams)) {
        struct edge_stream *stream = fake_stream_new();

        place.streams[place.nstreams++] = stream;
        dial->options.done(stream, 0, &err, dial->options.arg);
    } else if (!dial->cancelled) {
        dial->options.done(NULL, EDGE_EUNAVAILABLE, &err, dial->options.arg);
    }
    free(dial);
}

int edge_dial_open(struct edge_loop *on, const struct edge_dial_options *options,
                   struct edge_dial **ret, struct edge_err *err)
{
    (void) err;
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        abort();
    (*ret)->options = *options;
    edge_loop_post(on, dialled, *ret);
    return 0;
}

struct edge_dial *edge_dial_cancel(struct edge_dial *dial)
{
    if (dial)
        dial->cancelled = true;
    return NULL;
}

/* ---- tokens ---- */

struct token_ask {
    void (*done)(int rc, const char *token, int64_t until_s, const struct edge_err *err, void *arg);
    void *arg;
};

static void give_token(void *arg)
{
    struct token_ask *ask = arg;

    ask->done(0, "token", INT64_MAX, NULL, ask->arg);
    free(ask);
}

static void get_token(void *self,
                      void (*done)(int rc, const char *token, int64_t until_s,
                                   const struct edge_err *err, void *arg),
                      void *arg)
{
    struct token_ask *ask = malloc(sizeof *ask);

    (void) self;
    if (!ask)
        abort();
    *ask = (struct token_ask){done, arg};
    edge_loop_post(place.loop, give_token, ask);
}

static const char *chain(void *self, const struct edge_identity *who)
{
    (void) self;
    (void) who;
    return "leaf;edge1";
}

/* ---- the core ---- */

static void connected(bool up, const char *why, void *arg)
{
    (void) why;
    (void) arg;
    place.up = up;
}
static void ready(const struct edge_identity *who, unsigned features, void *arg)
{
    (void) who;
    (void) features;
    (void) arg;
}
static void desired(const struct edge_identity *who, const char *patch, size_t len, void *arg)
{
    (void) who;
    (void) arg;
    if (!patch || len == 0)
        abort();
}
static void method(const struct edge_identity *who, const char *rid, const char *name,
                   struct edge_bytes payload, void *arg)
{
    (void) arg;
    if (!*rid || strlen(rid) > 40 || !*name)
        abort();
    place.kind->ops->method_reply(place.upstream, who, rid, 200, payload);
}
static void message(const struct edge_identity *who, const struct edge_message *m, uint64_t lock,
                    void *arg)
{
    (void) arg;
    if (m->len > EDGE_MESSAGE_MAX)
        abort();
    place.kind->ops->settle(place.upstream, who, lock ^ 1, place.outcome); /* nobody's */
    place.kind->ops->settle(place.upstream, who, lock, place.outcome);
    place.kind->ops->settle(place.upstream, who, lock, place.outcome);
}
static void refused(const struct edge_identity *who, enum hub_result why, const char *text,
                    void *arg)
{
    (void) who;
    (void) why;
    (void) text;
    (void) arg;
}

static void pay(void)
{
    if (place.owed-- == 0)
        abort();
}
static void on_sent(enum hub_result result, const char *why, void *arg)
{
    (void) result;
    (void) why;
    (void) arg;
    pay();
}
static void on_twin(enum hub_result result, const char *why, const char *json, size_t len,
                    void *arg)
{
    (void) why;
    (void) arg;
    if ((result == HUB_OK) != (json && len > 0))
        abort();
    pay();
}
static void on_patched(enum hub_result result, const char *why, int64_t version, void *arg)
{
    (void) why;
    (void) arg;
    if (result != HUB_OK && version != 0)
        abort();
    pay();
}

void upstream_ask(const struct edge_identity *who, uint8_t how)
{
    const struct hub_upstream_ops *ops = place.kind->ops;
    struct edge_message m = {.body = (uint8_t *) "x", .len = 1};

    if (how & 4) {
        ops->send(place.upstream, who, &m, on_sent, NULL);
        ops->send(place.upstream, who, &m, on_sent, NULL);
        place.owed += 2;
    }
    if (how & 8) {
        ops->twin_get(place.upstream, who, on_twin, NULL);
        ops->twin_patch(place.upstream, who, "{}", 2, on_patched, NULL);
        place.owed += 2;
    }
}

/* ---- an input ---- */

void upstream_open(const struct hub_cloud_kind *kind, enum hub_cloud_protocol protocol,
                   const struct edge_identity *self, enum hub_outcome settle)
{
    static const struct hub_tokens tokens = {get_token, chain, NULL};
    struct hub_cloud_options options = {
        .protocol = protocol,
        .host = "hub.test",
        .hub_name = "hub.test",
        .self = *self,
        .tokens = &tokens,
        .events = {connected, ready, desired, method, message, refused}};

    edge_log_set_level(EDGE_LOG_ERROR);
    if (!place.loop && edge_loop_create(&place.loop) < 0)
        abort();
    place = (struct upstream_place){.kind = kind, .loop = place.loop, .outcome = settle};
    options.loop = place.loop;
    if (kind->open(&options, &place.upstream, NULL) < 0)
        abort();
}

void upstream_feed(const uint8_t *data, size_t size, uint8_t how, void (*each)(uint8_t how))
{
    size_t step = how & 2 ? 5 : size;

    for (size_t at = 0; at < size; at += step) {
        struct edge_stream *stream = place.streams[0];

        if (stream->end != FAKE_OPEN)
            return;
        fake_give(stream, data + at, size - at < step ? size - at : step);
        fake_turn(place.loop);
        if (each)
            each(how);
    }
}

void upstream_close(void)
{
    place.kind->close(place.upstream);
    if (place.owed != 0)
        abort();
    fake_turn(place.loop);
    for (unsigned i = 0; i < place.nstreams; i++)
        fake_stream_free(place.streams[i]);
}
