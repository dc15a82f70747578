#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "hub/mqtt/codec.h"
#include "tests/unit/hub/line_site.h"

enum { PATIENCE_MS = 30000, SOON_MS = 1 };

struct line_site site;
const struct edge_identity site_self = {"edge1", "$edgeHub"};
const struct edge_identity site_leaf = {"leaf", ""};
const struct edge_identity site_module = {"edge1", "modA"};

static void note(const char *fmt, ...) EDGE_PRINTF(1, 2);
static void note(const char *fmt, ...)
{
    char text[2000];
    va_list args;

    assert_int_equal(site.calls, 0);
    va_start(args, fmt);
    (void) vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    assert_int_equal(edge_buf_puts(&site.notes, text), 0);
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
    assert_ptr_equal(arg, &site);
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
    site.lock = lock;
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
    EDGE_CLEANUP(edge_free)
    char *text = site.make_token ? site.make_token() : edge_format("token%u", ++site.ntokens);

    assert_non_null(text);
    ask->done(site.token_rc, site.token_rc ? NULL : text,
              edge_wall_ns() / 1000000000 + site.token_s, &err, ask->arg);
    free(ask);
}
static void get_token(void *self,
                      void (*done)(int rc, const char *token, int64_t until_s,
                                   const struct edge_err *err, void *arg),
                      void *arg)
{
    struct token_ask *ask = malloc(sizeof *ask);

    assert_ptr_equal(self, &site);
    assert_non_null(ask);
    *ask = (struct token_ask){done, arg};
    edge_loop_post(site.loop, give_token, ask);
}
static const char *chain(void *self, const struct edge_identity *who)
{
    static char text[400];

    (void) self;
    (void) snprintf(text, sizeof text, "%s;edge1", name_of(who));
    return site.scoped ? text : NULL;
}
static const struct hub_tokens tokens = {get_token, chain, &site};

/* ---- the loop ---- */

static void on_patience(void *arg)
{
    (void) arg;
    site.late = true;
    edge_loop_stop(site.loop);
}
static void on_soon(void *arg)
{
    (void) arg;
    edge_loop_stop(site.loop);
}

void site_run(bool (*done)(void))
{
    struct edge_timer *soon = edge_timer_create(site.loop, on_soon, NULL);

    site.late = false;
    edge_timer_arm(site.patience, PATIENCE_MS);
    while (!done() && !site.late) {
        edge_timer_arm(soon, SOON_MS);
        edge_loop_run(site.loop);
    }
    edge_timer_disarm(site.patience);
    edge_timer_destroy(soon);
    if (site.late)
        print_error("waited for %s; upstream: %s backend: %s\n", site.until,
                    site.notes.data ? site.notes.data : "",
                    site.fake.notes.data ? site.fake.notes.data : "");
    assert_false(site.late);
}

static bool found(const struct edge_buf *notes)
{
    return notes->data && strstr(notes->data, site.until);
}
static bool noted(void)
{
    return found(&site.notes);
}
static bool asked(void)
{
    return found(&site.fake.notes);
}
static void wait_in(struct edge_buf *notes, bool (*done)(void), const char *text)
{
    (void) snprintf(site.until, sizeof site.until, "%s", text);
    site_run(done);
    edge_buf_consume(notes, (size_t) (strstr(notes->data, text) - notes->data) + strlen(text));
}
void site_wait(const char *text)
{
    wait_in(&site.notes, noted, text);
}
void site_wait_asked(const char *text)
{
    wait_in(&site.fake.notes, asked, text);
}

/* ---- IoT Hub ---- */

static void on_deaf_data(struct edge_bytes data, void *arg)
{
    if (site.greets && data.len > 0 && data.data[0] == MQTT_CONNECT << 4)
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
    site.accepted++;
    site.stream = stream;
    if (!site.deafness) {
        if (site.speaks_amqp)
            hub_amqp_accept(site.amqp, stream, false);
        else
            hub_mqtt_accept(site.mqtt, stream, false);
        return;
    }
    assert_true(site.ndeaf < EDGE_ARRAY_LEN(site.deaf));
    site.deaf[site.ndeaf] = stream;
    edge_stream_attach(stream, &deaf, &site.deaf[site.ndeaf]);
    site.ndeaf++;
}

/* Nobody else gets the port meanwhile, who connects is refused. */
static int hold(uint16_t port)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *) &at, sizeof at), 0);
    return fd;
}

void site_listen(bool on)
{
    static uint16_t port;
    static int held = -1;
    char uri[64];
    const struct edge_listener_options options = {.uri = uri, .on_stream = on_stream};
    const struct hub_mqtt_options mqtt = {.backend = site.backend, .host = "hub.test"};
    const struct hub_amqp_options amqp = {.backend = site.backend, .host = "hub.test"};

    if (!on) {
        port = edge_listener_port(site.listener);
        site.listener = edge_listener_close(site.listener);
        held = hold(port);
        site.mqtt = hub_mqtt_destroy(site.mqtt);
        site.amqp = hub_amqp_destroy(site.amqp);
        return;
    }
    held = edge_close(held);
    (void) snprintf(uri, sizeof uri, "tcp://127.0.0.1:%u", site.cloud ? port : 0);
    assert_int_equal(edge_listen(site.loop, &options, &site.listener, NULL), 0);
    assert_int_equal(hub_mqtt_create(site.loop, &mqtt, &site.mqtt), 0);
    assert_int_equal(hub_amqp_create(site.loop, &amqp, &site.amqp), 0);
}

void site_begin(struct edge_loop *loop, const struct hub_backend *backend)
{
    site = (struct line_site){.loop = loop, .token_s = 3600, .scoped = true};
    edge_buf_init(&site.notes, 1 << 20);
    fake_backend_init(&site.fake);
    site.backend = backend ? backend : &site.fake.backend;
    site.patience = edge_timer_create(site.loop, on_patience, NULL);
    site_listen(true);
}

int site_setup(void **state)
{
    struct edge_loop *loop;

    (void) state;
    assert_int_equal(edge_loop_create(&loop), 0);
    site_begin(loop, NULL);
    return 0;
}

int site_setup_amqp(void **state)
{
    site_setup(state);
    site.speaks_amqp = true;
    return 0;
}

void site_open(unsigned answer_ms, unsigned idle_ms)
{
    const struct hub_cloud_options options = {
        .loop = site.loop,
        .protocol = site.speaks_amqp ? HUB_CLOUD_AMQP : HUB_CLOUD_MQTT,
        .host = "127.0.0.1",
        .port = site.through ? site.through : edge_listener_port(site.listener),
        .hub_name = "hub.test",
        .self = site_self,
        .tokens = &tokens,
        .pause_min_ms = 5,
        .pause_max_ms = 50,
        .answer_ms = answer_ms ? answer_ms : 5000,
        .idle_ms = idle_ms,
        .max_identities = site.max_identities,
        .events = {connected, ready, desired, method, message, refused},
        .arg = &site,
    };

    assert_int_equal(hub_cloud_open(&options, &site.cloud, NULL), 0);
    site.up = hub_cloud_upstream(site.cloud);
}

void site_end(void)
{
    hub_cloud_close(site.cloud);
    edge_listener_close(site.listener);
    hub_mqtt_destroy(site.mqtt);
    hub_amqp_destroy(site.amqp);
    for (unsigned i = 0; i < site.ndeaf; i++)
        edge_stream_close(site.deaf[i]);
    fake_backend_fini(&site.fake);
    edge_timer_destroy(site.patience);
    edge_buf_fini(&site.notes);
}

int site_teardown(void **state)
{
    (void) state;
    site_end();
    edge_loop_destroy(site.loop);
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

void site_want(const struct edge_identity *who, unsigned features)
{
    const struct hub_wish wish = {features, "sdk/1", site.model_id ? site.model_id : ""};

    site.calls++;
    site.up->ops->want(site.up->self, who, &wish);
    site.calls--;
}

void site_send(const struct edge_identity *who, const char *body)
{
    struct edge_message m = {0};

    assert_int_equal(edge_message_set_body(&m, body, strlen(body)), 0);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_MESSAGE_ID, "m 1"), 0);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_ORIGIN_DEVICE, "other"), 0);
    assert_int_equal(edge_message_add(&m, "k&", "v=1"), 0);
    site.calls++;
    site.up->ops->send(site.up->self, who, &m, on_sent, strdup(body));
    site.calls--;
    edge_message_fini(&m);
}

void site_twin_get(const struct edge_identity *who)
{
    site.calls++;
    site.up->ops->twin_get(site.up->self, who, on_twin, NULL);
    site.calls--;
}

void site_twin_patch(const struct edge_identity *who, const char *patch)
{
    site.calls++;
    site.up->ops->twin_patch(site.up->self, who, patch, strlen(patch), on_patched, NULL);
    site.calls--;
}

void site_reply(const struct edge_identity *who, const char *rid, int status, const char *payload)
{
    site.calls++;
    site.up->ops->method_reply(site.up->self, who, rid, status,
                               (struct edge_bytes){(const uint8_t *) payload, strlen(payload)});
    site.calls--;
}

void site_settle(const struct edge_identity *who, uint64_t lock, enum hub_outcome outcome)
{
    site.calls++;
    site.up->ops->settle(site.up->self, who, lock, outcome);
    site.calls--;
}

void site_deliver(const char *name, const char *body, uint64_t lock)
{
    struct hub_session *session = fake_session(&site.fake, name);
    struct edge_message m = {0};

    assert_non_null(session);
    assert_int_equal(edge_message_set_body(&m, body, strlen(body)), 0);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_MESSAGE_ID, "c1"), 0);
    assert_int_equal(edge_message_add(&m, "a b", "c"), 0);
    session->events.deliver(&m, lock, session->arg);
    edge_message_fini(&m);
}
