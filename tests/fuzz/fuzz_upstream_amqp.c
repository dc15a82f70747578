/* Any frames from what stands in IoT Hub's place, once it has taken our token: the upstream
 * survives them, and every answer that was owed is given once. A head with a fake backend does the
 * beginning. The first byte chooses: how large the pieces are, how messages are settled, what is
 * asked. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/log.h"
#include "common/net/dial.h"
#include "hub/amqp/server.h"
#include "hub/cloud/amqp/amqp.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/hub/fake_backend.h"
#include "tests/unit/hub/fake_stream.h"

static struct edge_loop *loop;
static struct edge_stream *streams[8]; /* of the dials so far */
static unsigned nstreams;
static unsigned owed;
static void *upstream;
static enum hub_outcome outcome;
static bool is_up;

/* Ids are the same in each run, so that answers can be to what was asked. */
ssize_t getrandom(void *buffer, size_t length, unsigned flags)
{
    (void) flags;
    memset(buffer, 7, length);
    return (ssize_t) length;
}

/* A dial that gives a fake stream in the next turn. */
struct edge_dial {
    struct edge_dial_options options;
    bool cancelled;
};

static void dialled(void *arg)
{
    struct edge_dial *dial = arg;
    struct edge_err err = {0};

    if (!dial->cancelled && nstreams < EDGE_ARRAY_LEN(streams)) {
        streams[nstreams] = fake_stream_new();
        dial->options.done(streams[nstreams++], 0, &err, dial->options.arg);
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
    edge_loop_post(loop, give_token, ask);
}

static const char *chain(void *self, const struct edge_identity *who)
{
    (void) self;
    (void) who;
    return "leaf;edge1";
}

/* ---- the core ---- */

static const struct edge_identity hub = {"edge1", "$edgeHub"}, leaf = {"leaf", ""};

static void connected(bool up, const char *why, void *arg)
{
    (void) why;
    (void) arg;
    is_up = up;
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
    hub_cloud_amqp.ops->method_reply(upstream, who, rid, 200, payload);
}
static void message(const struct edge_identity *who, const struct edge_message *m, uint64_t lock,
                    void *arg)
{
    (void) m;
    (void) arg;
    hub_cloud_amqp.ops->settle(upstream, who, lock ^ 1, outcome);
    hub_cloud_amqp.ops->settle(upstream, who, lock, outcome);
    hub_cloud_amqp.ops->settle(upstream, who, lock, outcome);
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
    if (owed-- == 0)
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

static void ask(uint8_t how)
{
    const struct hub_upstream_ops *ops = hub_cloud_amqp.ops;
    struct edge_message m = {.body = (uint8_t *) "x", .len = 1};

    if (how & 4) {
        ops->send(upstream, &leaf, &m, on_sent, NULL);
        ops->send(upstream, &leaf, &m, on_sent, NULL);
        owed += 2;
    }
    if (how & 8) {
        ops->twin_get(upstream, &leaf, on_twin, NULL);
        ops->twin_patch(upstream, &leaf, "{}", 2, on_patched, NULL);
        owed += 2;
    }
}

/* ---- IoT Hub ---- */

static void carry(struct edge_stream *from, struct edge_stream *to)
{
    struct edge_buf bytes = from->out;

    edge_buf_init(&from->out, bytes.max);
    if (bytes.len > 0)
        fake_give(to, bytes.data, bytes.len);
    edge_buf_fini(&bytes);
    fake_turn(loop);
}

/* Up to the token's answer by a head that knows how; from then on its place is empty. */
static void begin(void)
{
    struct fake_backend fake;
    struct hub_amqp_options options = {.backend = &fake.backend, .host = "hub.test"};
    struct edge_stream *far = fake_stream_new();
    struct hub_amqp *head;

    fake_backend_init(&fake);
    if (hub_amqp_create(loop, &options, &head) < 0)
        abort();
    hub_amqp_accept(head, far, false);
    for (int i = 0; i < 16 && !is_up; i++) {
        fake_turn(loop);
        if (nstreams > 0) {
            carry(streams[0], far);
            carry(far, streams[0]);
        }
    }
    hub_amqp_destroy(head);
    fake_stream_free(far);
    fake_backend_fini(&fake);
    if (!is_up)
        abort();
}

static void feed(const uint8_t *data, size_t size, uint8_t how)
{
    size_t step = how & 2 ? 5 : size;

    for (size_t at = 0; at < size; at += step) {
        struct edge_stream *stream = streams[0];

        if (stream->end != FAKE_OPEN)
            return;
        fake_give(stream, data + at, size - at < step ? size - at : step);
        fake_turn(loop);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hub_tokens tokens = {get_token, chain, NULL};
    const struct hub_wish wish = {31, "", ""};
    struct hub_cloud_options options = {
        .protocol = HUB_CLOUD_AMQP,
        .host = "hub.test",
        .hub_name = "hub.test",
        .self = hub,
        .tokens = &tokens,
        .events = {connected, ready, desired, method, message, refused}};

    edge_log_set_level(EDGE_LOG_ERROR);
    if (size < 1 || size > 16384 || (!loop && edge_loop_create(&loop) < 0))
        return 0;
    options.loop = loop;
    nstreams = owed = 0;
    is_up = false;
    outcome = data[0] & 1 ? HUB_ACCEPTED : HUB_MODIFIED;
    if (hub_cloud_amqp.open(&options, &upstream, NULL) < 0)
        abort();
    begin();
    hub_cloud_amqp.ops->want(upstream, &leaf, &wish);
    ask(data[0]);
    fake_turn(loop);
    feed(data + 1, size - 1, data[0]);
    ask(data[0]);
    fake_turn(loop);
    hub_cloud_amqp.close(upstream);
    if (owed != 0)
        abort();
    fake_turn(loop);
    for (unsigned i = 0; i < nstreams; i++)
        fake_stream_free(streams[i]);
    return 0;
}
