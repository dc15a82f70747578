#include "tests/unit/test.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "hub/mqtt/codec.h"
#include "tests/unit/hub/line_house.h"

enum { PATIENCE_MS = 10000, SOON_MS = 1 };

struct line_house cloud;
const struct edge_identity cloud_self = {"edge1", "$edgeHub"};
const struct edge_identity cloud_leaf = {"leaf", ""};
const struct edge_identity cloud_module = {"edge1", "modA"};

static void note(const char *fmt, ...) EDGE_PRINTF(1, 2);
static void note(const char *fmt, ...)
{
    char text[2000];
    va_list args;

    assert_int_equal(cloud.calls, 0);
    va_start(args, fmt);
    (void) vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    assert_int_equal(edge_buf_puts(&cloud.notes, text), 0);
}

static const char *name_of(const struct edge_identity *who)
{
    static char name[2 * EDGE_ID_MAX + 2];

    edge_identity_format(who, name, sizeof name);
    return name;
}

/* ---- what the upstream says ---- */

static void connected(bool up, const char *why, void *arg)
{
    assert_ptr_equal(arg, &cloud);
    assert_true(up == !*why);
    note(up ? "up;" : "down;");
}
static void ready(const struct edge_identity *who, unsigned features, void *arg)
{
    (void) arg;
    note("ready %s %u;", name_of(who), features);
}
static void desired(const struct edge_identity *who, const char *patch, size_t len, void *arg)
{
    (void) arg;
    note("desired %s %.*s;", name_of(who), (int) len, patch);
}
static void method(const struct edge_identity *who, const char *rid, const char *name,
                   struct edge_bytes payload, void *arg)
{
    (void) arg;
    note("method %s %s %s %.*s;", name_of(who), rid, name, (int) payload.len,
         (const char *) payload.data);
}
static void message(const struct edge_identity *who, const struct edge_message *m, uint64_t lock,
                    void *arg)
{
    (void) arg;
    cloud.lock = lock;
    note("c2d %s %.*s", name_of(who), (int) m->len, (const char *) m->body);
    if (m->sys[EDGE_SYS_MESSAGE_ID])
        note(" mid=%s", m->sys[EDGE_SYS_MESSAGE_ID]);
    for (size_t i = 0; i < m->nproperties; i++)
        note(" %s=%s", m->properties[i].name, m->properties[i].value);
    note(";");
}
static void refused(const struct edge_identity *who, enum hub_result why, const char *text,
                    void *arg)
{
    (void) arg;
    assert_true(*text);
    note("refused %s %d;", name_of(who), (int) why);
}

/* ---- tokens ---- */

struct token_ask {
    void (*done)(int rc, const char *token, int64_t until_s, const struct edge_err *err, void *arg);
    void *arg;
};

static void give_token(void *arg)
{
    struct token_ask *ask = arg;
    struct edge_err err = {.text = "no token today"};
    char text[32];

    (void) snprintf(text, sizeof text, "token%u", ++cloud.ntokens);
    ask->done(cloud.token_rc, cloud.token_rc ? NULL : text,
              edge_wall_ns() / 1000000000 + cloud.token_s, &err, ask->arg);
    free(ask);
}
static void get_token(void *self,
                      void (*done)(int rc, const char *token, int64_t until_s,
                                   const struct edge_err *err, void *arg),
                      void *arg)
{
    struct token_ask *ask = malloc(sizeof *ask);

    assert_ptr_equal(self, &cloud);
    assert_non_null(ask);
    *ask = (struct token_ask){done, arg};
    edge_loop_post(cloud.loop, give_token, ask);
}
static const char *chain(void *self, const struct edge_identity *who)
{
    static char text[400];

    (void) self;
    (void) snprintf(text, sizeof text, "%s;edge1", name_of(who));
    return cloud.scoped ? text : NULL;
}
static const struct hub_tokens tokens = {get_token, chain, &cloud};

/* ---- the loop ---- */

static void on_patience(void *arg)
{
    (void) arg;
    cloud.late = true;
    edge_loop_stop(cloud.loop);
}
static void on_soon(void *arg)
{
    (void) arg;
    edge_loop_stop(cloud.loop);
}

void cloud_run(bool (*done)(void))
{
    struct edge_timer *soon = edge_timer_create(cloud.loop, on_soon, NULL);

    cloud.late = false;
    edge_timer_arm(cloud.patience, PATIENCE_MS);
    while (!done() && !cloud.late) {
        edge_timer_arm(soon, SOON_MS);
        edge_loop_run(cloud.loop);
    }
    edge_timer_disarm(cloud.patience);
    edge_timer_destroy(soon);
    if (cloud.late)
        print_error("waited for %s; upstream: %s backend: %s\n", cloud.until,
                    cloud.notes.data ? cloud.notes.data : "",
                    cloud.fake.notes.data ? cloud.fake.notes.data : "");
    assert_false(cloud.late);
}

static bool found(const struct edge_buf *notes)
{
    return notes->data && strstr(notes->data, cloud.until);
}
static bool noted(void)
{
    return found(&cloud.notes);
}
static bool asked(void)
{
    return found(&cloud.fake.notes);
}
static void wait_in(struct edge_buf *notes, bool (*done)(void), const char *text)
{
    (void) snprintf(cloud.until, sizeof cloud.until, "%s", text);
    cloud_run(done);
    edge_buf_consume(notes, (size_t) (strstr(notes->data, text) - notes->data) + strlen(text));
}
void cloud_wait(const char *text)
{
    wait_in(&cloud.notes, noted, text);
}
void cloud_wait_asked(const char *text)
{
    wait_in(&cloud.fake.notes, asked, text);
}

/* ---- IoT Hub ---- */

static void on_deaf_data(struct edge_bytes data, void *arg)
{
    if (cloud.greets && data.len > 0 && data.data[0] == MQTT_CONNECT << 4)
        edge_stream_write(*(struct edge_stream **) arg, "\x20\x02\0\0", 4);
}
static void on_deaf_end(int rc, void *arg)
{
    (void) rc;
    (void) arg;
}

static void on_stream(struct edge_stream *stream, void *arg)
{
    static const struct edge_stream_handler deaf = {on_deaf_data, NULL, on_deaf_end};

    (void) arg;
    cloud.accepted++;
    if (!cloud.deafness) {
        hub_mqtt_accept(cloud.mqtt, stream, false);
        return;
    }
    assert_true(cloud.ndeaf < EDGE_ARRAY_LEN(cloud.deaf));
    cloud.deaf[cloud.ndeaf] = stream;
    edge_stream_attach(stream, &deaf, &cloud.deaf[cloud.ndeaf]);
    cloud.ndeaf++;
}

void cloud_listen(bool on)
{
    static uint16_t port;
    char uri[64];
    const struct edge_listener_options options = {.uri = uri, .on_stream = on_stream};
    const struct hub_mqtt_options head = {.backend = &cloud.fake.backend, .host = "hub.test"};

    if (!on) {
        port = edge_listener_port(cloud.listener);
        cloud.listener = edge_listener_close(cloud.listener);
        cloud.mqtt = hub_mqtt_destroy(cloud.mqtt);
        return;
    }
    (void) snprintf(uri, sizeof uri, "tcp://127.0.0.1:%u", cloud.lines ? port : 0);
    assert_int_equal(edge_listen(cloud.loop, &options, &cloud.listener, NULL), 0);
    assert_int_equal(hub_mqtt_create(cloud.loop, &head, &cloud.mqtt), 0);
}

int cloud_setup(void **state)
{
    (void) state;
    cloud = (struct line_house){.token_s = 3600, .scoped = true};
    edge_buf_init(&cloud.notes, 1 << 20);
    fake_backend_init(&cloud.fake);
    assert_int_equal(edge_loop_create(&cloud.loop), 0);
    cloud.patience = edge_timer_create(cloud.loop, on_patience, NULL);
    cloud_listen(true);
    return 0;
}

void cloud_open(unsigned answer_ms, unsigned idle_ms)
{
    const struct hub_cloud_options options = {
        .loop = cloud.loop,
        .protocol = HUB_CLOUD_MQTT,
        .host = "127.0.0.1",
        .port = edge_listener_port(cloud.listener),
        .hub_name = "hub.test",
        .self = cloud_self,
        .tokens = &tokens,
        .pause_min_ms = 5,
        .pause_max_ms = 50,
        .answer_ms = answer_ms ? answer_ms : 5000,
        .idle_ms = idle_ms,
        .events = {connected, ready, desired, method, message, refused},
        .arg = &cloud,
    };

    assert_int_equal(hub_cloud_mqtt.open(&options, &cloud.lines, NULL), 0);
}

int cloud_teardown(void **state)
{
    (void) state;
    if (cloud.lines)
        hub_cloud_mqtt.close(cloud.lines);
    edge_listener_close(cloud.listener);
    hub_mqtt_destroy(cloud.mqtt);
    for (unsigned i = 0; i < cloud.ndeaf; i++)
        edge_stream_close(cloud.deaf[i]);
    fake_backend_fini(&cloud.fake);
    edge_timer_destroy(cloud.patience);
    edge_loop_destroy(cloud.loop);
    edge_buf_fini(&cloud.notes);
    return 0;
}

/* ---- what the core asks ---- */

static void on_sent(enum hub_result result, const char *why, void *arg)
{
    (void) why;
    note("sent %s %d;", (char *) arg, (int) result);
    free(arg);
}
static void on_twin(enum hub_result result, const char *why, const char *json, size_t len,
                    void *arg)
{
    (void) why;
    (void) arg;
    note("twin %d %.*s;", (int) result, (int) len, json ? json : "");
}
static void on_patched(enum hub_result result, const char *why, int64_t version, void *arg)
{
    (void) why;
    (void) arg;
    note("patched %d %" PRId64 ";", (int) result, version);
}

void cloud_want(const struct edge_identity *who, unsigned features)
{
    const struct hub_wish wish = {features, "sdk/1", ""};

    cloud.calls++;
    hub_cloud_mqtt.ops->want(cloud.lines, who, &wish);
    cloud.calls--;
}

void cloud_send(const struct edge_identity *who, const char *body)
{
    struct edge_message m = {0};

    assert_int_equal(edge_message_set_body(&m, body, strlen(body)), 0);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_MESSAGE_ID, "m 1"), 0);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_ORIGIN_DEVICE, "other"), 0);
    assert_int_equal(edge_message_add(&m, "k&", "v=1"), 0);
    cloud.calls++;
    hub_cloud_mqtt.ops->send(cloud.lines, who, &m, on_sent, strdup(body));
    cloud.calls--;
    edge_message_fini(&m);
}

void cloud_twin_get(const struct edge_identity *who)
{
    cloud.calls++;
    hub_cloud_mqtt.ops->twin_get(cloud.lines, who, on_twin, NULL);
    cloud.calls--;
}

void cloud_twin_patch(const struct edge_identity *who, const char *patch)
{
    cloud.calls++;
    hub_cloud_mqtt.ops->twin_patch(cloud.lines, who, patch, strlen(patch), on_patched, NULL);
    cloud.calls--;
}

void cloud_reply(const struct edge_identity *who, const char *rid, int status, const char *payload)
{
    cloud.calls++;
    hub_cloud_mqtt.ops->method_reply(
        cloud.lines, who, rid, status,
        (struct edge_bytes){(const uint8_t *) payload, strlen(payload)});
    cloud.calls--;
}

void cloud_settle(const struct edge_identity *who, uint64_t lock, enum hub_outcome outcome)
{
    cloud.calls++;
    hub_cloud_mqtt.ops->settle(cloud.lines, who, lock, outcome);
    cloud.calls--;
}

void cloud_deliver(const char *name, const char *body, uint64_t lock)
{
    struct hub_session *session = fake_session(&cloud.fake, name);
    struct edge_message m = {0};

    assert_non_null(session);
    assert_int_equal(edge_message_set_body(&m, body, strlen(body)), 0);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_MESSAGE_ID, "c1"), 0);
    assert_int_equal(edge_message_add(&m, "a b", "c"), 0);
    session->events.deliver(&m, lock, session->arg);
    edge_message_fini(&m);
}
