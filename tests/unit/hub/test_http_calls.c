/* Direct methods called over HTTP: a real server on a loopback port, a core that does as it is
 * told. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/http/calls.h"
#include "tests/unit/test.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

enum { HELD = HUB_HTTP_CALLS_MAX + 1, ANSWER = 4096, PATIENCE_MS = 20 * 1000 };

typedef void invoke_done(enum hub_result result, const char *why, int status,
                         struct edge_bytes payload, void *arg);

/* The core. */
static struct {
    struct hub_backend backend;
    enum hub_result granted;
    char asked[1024]; /* who, and by which token */
    bool hold;        /* answers wait */
    enum hub_result result;
    const char *why;
    int status;
    const char *payload;
    char invoked[1024]; /* the last */
    unsigned ninvoked;
    struct {
        invoke_done *done;
        void *arg;
    } held[HELD];
    unsigned nheld;
} core;

static void authenticate(void *backend, const struct hub_claim *claim, hub_grant_done *done,
                         void *arg)
{
    struct hub_grant grant = {core.granted, INT64_MAX, "the token is of another key"};

    (void) backend;
    (void) snprintf(core.asked, sizeof core.asked, "%s/%s %s", claim->who.device, claim->who.module,
                    claim->token ? claim->token : "-");
    done(&grant, arg);
}

static void answer(invoke_done *done, void *arg)
{
    const char *payload = core.payload ? core.payload : "";

    done(core.result, core.why, core.status,
         (struct edge_bytes){(const uint8_t *) payload, strlen(payload)}, arg);
}

void hub_core_invoke(struct hub_core *self, const struct hub_invocation *invocation,
                     invoke_done *done, void *arg)
{
    (void) self;
    (void) snprintf(core.invoked, sizeof core.invoked, "%s/%s > %s/%s %s %.*s %u %u",
                    invocation->caller->device, invocation->caller->module,
                    invocation->target->device, invocation->target->module, invocation->name,
                    (int) invocation->payload.len, (const char *) invocation->payload.data,
                    invocation->connect_s, invocation->response_s);
    core.ninvoked++;
    if (core.hold) {
        core.held[core.nheld].done = done;
        core.held[core.nheld++].arg = arg;
    } else {
        answer(done, arg);
    }
}

const struct hub_backend *hub_core_backend(struct hub_core *self)
{
    (void) self;
    return &core.backend;
}

/* The server and its clients. */
static struct {
    struct edge_loop *loop;
    struct edge_timer *poll, *patience;
    struct edge_http_server *server;
    struct hub_self self;
    struct hub_http_calls calls;
    bool (*done)(void);
} site;

struct talk {
    int fd;
    char answer[ANSWER];
    size_t len;
};
static struct talk *waited; /* whose answer is waited for */

static void handle(struct edge_exchange *exchange, void *arg)
{
    static const struct edge_identity target = {"edge1", "target"};

    (void) arg;
    hub_http_call(&site.calls, exchange, &target);
}

static void on_poll(void *arg)
{
    (void) arg;
    if (site.done())
        edge_loop_stop(site.loop);
    else
        edge_timer_arm(site.poll, 1);
}

static void on_late(void *arg)
{
    (void) arg;
    fail_msg("nothing happened for %d ms", PATIENCE_MS);
}

static void run(bool (*done)(void))
{
    site.done = done;
    edge_timer_arm(site.poll, 0);
    edge_timer_arm(site.patience, PATIENCE_MS);
    edge_loop_run(site.loop);
    edge_timer_disarm(site.patience);
}

static int setup(void **state)
{
    static const struct hub_backend_ops ops = {.authenticate = authenticate};
    struct edge_http_server_options options = {
        .uri = "tcp://127.0.0.1:0", .max_clients = HELD + 10, .handle = handle};

    (void) state;
    memset(&core, 0, sizeof core);
    core.backend.ops = &ops;
    core.status = 200;
    site.self = (struct hub_self){.who = {"edge1", "$edgeHub"}};
    site.calls = (struct hub_http_calls){.core = (struct hub_core *) &core, .self = &site.self};
    assert_int_equal(edge_loop_create(&site.loop), 0);
    site.poll = edge_timer_create(site.loop, on_poll, NULL);
    site.patience = edge_timer_create(site.loop, on_late, NULL);
    assert_int_equal(edge_http_server_open(site.loop, &options, &site.server, NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    hub_http_calls_leave(&site.calls);
    site.server = edge_http_server_close(site.server);
    for (unsigned i = 0; i < core.nheld; i++) /* as a core that ends */
        core.held[i].done(HUB_GONE, NULL, 0, (struct edge_bytes){NULL, 0}, core.held[i].arg);
    site.poll = edge_timer_destroy(site.poll);
    site.patience = edge_timer_destroy(site.patience);
    site.loop = edge_loop_destroy(site.loop);
    return 0;
}

static const char good_body[] = "{\"methodName\":\"reboot\",\"payload\":{\"d\":1}}";

static void call(struct talk *talk, const char *headers, const char *body)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(edge_http_server_port(site.server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char request[1024];
    int len = snprintf(request, sizeof request,
                       "POST /x HTTP/1.1\r\nHost: hub\r\n%sContent-Length: %zu\r\n\r\n%s", headers,
                       strlen(body), body);

    *talk = (struct talk){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_true(talk->fd >= 0);
    assert_int_equal(connect(talk->fd, (struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal(send(talk->fd, request, (size_t) len, 0), len);
}

/* The whole answer: its head and as much body as that says. */
static bool complete(void)
{
    ssize_t n =
        recv(waited->fd, waited->answer + waited->len, ANSWER - 1 - waited->len, MSG_DONTWAIT);
    const char *body, *length;

    if (n > 0)
        waited->len += (size_t) n;
    body = strstr(waited->answer, "\r\n\r\n");
    length = strcasestr(waited->answer, "content-length:");
    return body && length &&
           waited->len - (size_t) (body + 4 - waited->answer) >= strtoul(length + 15, NULL, 10);
}

static void expect(struct talk *talk, int status, const char *text)
{
    char line[32];

    (void) snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    waited = talk;
    run(complete);
    if (strncmp(talk->answer, line, strlen(line)) != 0 || !strstr(talk->answer, text))
        fail_msg("not %d with %s: %s", status, text, talk->answer);
    (void) close(talk->fd);
}

#define CALLER "x-ms-edge-moduleId: edge1/caller\r\n"
#define TOKEN  "Authorization: SharedAccessSignature x\r\n"

static void answered(int status, const char *text, const char *headers, const char *body)
{
    struct talk talk;

    call(&talk, headers, body);
    expect(&talk, status, text);
}

static void test_a_call_is_answered_as_the_module_answers(void **state)
{
    (void) state;
    core.status = 207;
    core.payload = "{\"ok\":[1, null]}";
    answered(200, "{\"status\":207,\"payload\":{\"ok\":[1, null]}}", CALLER TOKEN,
             "{\"methodName\":\"reboot\",\"payload\":{\"d\":1},\"connectTimeoutInSeconds\":7,"
             "\"responseTimeoutInSeconds\":9}");
    assert_string_equal(core.asked, "edge1/caller SharedAccessSignature x");
    assert_string_equal(core.invoked, "edge1/caller > edge1/target reboot {\"d\":1} 7 9");
    core.payload = NULL;
    answered(200, "{\"status\":207,\"payload\":null}", CALLER TOKEN, good_body);
    assert_int_equal(site.calls.count, 0);
}

static void test_who_calls_must_be_said(void **state)
{
    static const char *const odd[] = {
        TOKEN,
        "x-ms-edge-moduleId: edge1\r\n" TOKEN,
        "x-ms-edge-moduleId: edge1/\r\n" TOKEN,
        "x-ms-edge-moduleId: /caller\r\n" TOKEN,
        "x-ms-edge-moduleId: edge1/a/b\r\n" TOKEN,
        "x-ms-edge-moduleId: edge1/not\\an\\id\r\n" TOKEN,
        "x-ms-edge-moduleId:\r\n" TOKEN,
    };

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(odd); i++)
        answered(400, "the header x-ms-edge-moduleId is", odd[i], good_body);
    answered(400, "{\"message\":\"", CALLER TOKEN, "{}");
    assert_string_equal(core.asked, "");
}

static void test_who_is_not_let_in_calls_nobody(void **state)
{
    (void) state;
    answered(401, "Only modules on the same device can invoke DirectMethods",
             "x-ms-edge-moduleId: edge2/caller\r\n" TOKEN, good_body);
    assert_string_equal(core.asked, "");
    core.granted = HUB_REFUSED;
    answered(401, "the token is of another key", CALLER TOKEN, good_body);
    answered(401, "the token is of another key", CALLER, good_body);
    assert_string_equal(core.asked, "edge1/caller -");
    assert_int_equal(core.ninvoked, 0);
}

static void test_a_hub_that_cannot_tell_does_not_say_unauthorized(void **state)
{
    static const struct {
        enum hub_result result;
        int status;
    } cases[] = {{HUB_UNAVAILABLE, 503}, {HUB_GONE, 503}, {HUB_FAILED, 500}};

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        core.granted = cases[i].result;
        answered(cases[i].status, "the token is of another key", CALLER TOKEN, good_body);
    }
    assert_int_equal(core.ninvoked, 0);
}

static void test_what_the_core_says_has_its_status(void **state)
{
    static const struct {
        enum hub_result result;
        int status;
    } cases[] = {
        {HUB_NOT_FOUND, 404}, {HUB_TIMEOUT, 504},   {HUB_REFUSED, 401},
        {HUB_BAD, 400},       {HUB_THROTTLED, 429}, {HUB_TOO_LARGE, 413},
        {HUB_FAILED, 500},    {HUB_GONE, 503},      {HUB_UNAVAILABLE, 503},
    };

    (void) state;
    core.why = "edge1/caller may not: \"quoted\"";
    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        core.result = cases[i].result;
        answered(cases[i].status, "{\"message\":\"edge1/caller may not: \\\"quoted\\\"\"}",
                 CALLER TOKEN, good_body);
    }
    core.why = NULL;
    answered(503, "the hub could not do it", CALLER TOKEN, good_body);
}

static unsigned wanted_held;
static bool are_held(void)
{
    return core.nheld == wanted_held;
}

static void run_until_held(unsigned n)
{
    wanted_held = n;
    run(are_held);
}

/* A second client is served after the server has seen the first one leave. */
static void let_it_be_seen(void)
{
    answered(400, "the header", TOKEN, good_body);
}

static void test_who_leaves_early_is_not_answered(void **state)
{
    struct talk talk;

    (void) state;
    core.hold = true;
    call(&talk, CALLER TOKEN, good_body);
    run_until_held(1);
    (void) close(talk.fd);
    let_it_be_seen();
    assert_int_equal(site.calls.count, 1);
    core.nheld = 0;
    answer(core.held[0].done, core.held[0].arg);
    assert_int_equal(site.calls.count, 0);
}

static void test_a_server_that_ends_leaves_calls_to_the_core(void **state)
{
    struct talk talk;

    (void) state;
    core.hold = true;
    call(&talk, CALLER TOKEN, good_body);
    run_until_held(1);
    (void) close(talk.fd); /* the rest is teardown's */
}

static void test_a_thousand_calls_are_under_way_and_no_more(void **state)
{
    struct talk *talks = calloc(HUB_HTTP_CALLS_MAX, sizeof *talks);
    struct rlimit files;

    (void) state;
    assert_non_null(talks);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    core.hold = true;
    for (unsigned i = 0; i < HUB_HTTP_CALLS_MAX; i++) {
        call(&talks[i], CALLER TOKEN, good_body);
        if (i % 50 == 49) /* no longer a backlog than it listens for */
            run_until_held(i + 1);
    }
    answered(503, "too many direct methods are under way", CALLER TOKEN, good_body);
    core.hold = false;
    answer(core.held[0].done, core.held[0].arg);
    core.held[0] = core.held[--core.nheld];
    answered(200, "\"status\":200", CALLER TOKEN, good_body);
    for (unsigned i = 0; i < HUB_HTTP_CALLS_MAX; i++)
        (void) close(talks[i].fd);
    free(talks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_call_is_answered_as_the_module_answers),
        TEST(test_who_calls_must_be_said),
        TEST(test_who_is_not_let_in_calls_nobody),
        TEST(test_a_hub_that_cannot_tell_does_not_say_unauthorized),
        TEST(test_what_the_core_says_has_its_status),
        TEST(test_who_leaves_early_is_not_answered),
        TEST(test_a_server_that_ends_leaves_calls_to_the_core),
        TEST(test_a_thousand_calls_are_under_way_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
