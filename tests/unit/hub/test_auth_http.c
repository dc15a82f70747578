/* The scope as IoT Hub gives it over HTTPS, from a server in this process. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "common/http/server.h"
#include "common/iothub/sas.h"
#include "hub/auth/scope_http.h"
#include "tests/unit/common/pki.h"

static struct world {
    struct edge_loop *loop;
    struct edge_timer *limit;
    struct pki ca, leaf;
    struct edge_tls_server *tls;
    struct edge_http_server *server;
    struct hub_self self;
    struct hub_workload *workload;
    struct hub_scope_http *http;
    const struct hub_scope_source *source;
    char connection_string[256];
    /* the server */
    int status;
    unsigned failures; /* answers with 503 that come first */
    bool mute;
    unsigned requests;
    char seen[512]; /* "path?query parameters" of the last request */
    char token[1024];
    /* what came */
    unsigned answers;
    int got;
    char body[256];
    struct edge_err err;
} w;

static void note(struct edge_exchange *x)
{
    static const char *const names[] = {"deviceCount", "continuationToken", "targetDeviceId",
                                        "targetModuleId", "api-version"};
    size_t len;

    (void) snprintf(w.seen, sizeof w.seen, "%s %s", edge_exchange_method(x), edge_exchange_path(x));
    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++) {
        const char *value = edge_exchange_query(x, names[i]);

        len = strlen(w.seen);
        if (value)
            (void) snprintf(w.seen + len, sizeof w.seen - len, " %s=%s", names[i], value);
    }
    (void) snprintf(w.token, sizeof w.token, "%s", edge_exchange_header(x, "Authorization"));
}

static void handle(struct edge_exchange *x, void *arg)
{
    (void) arg;
    note(x);
    w.requests++;
    if (w.mute)
        return;
    if (w.failures > 0) {
        w.failures--;
        edge_exchange_reply(x, 503, NULL, NULL, 0);
        return;
    }
    edge_exchange_reply(x, w.status, "application/json", "{\"devices\":[]}", 14);
}

static const char *get(const char *name)
{
    if (strcmp(name, "IotHubConnectionString") == 0)
        return w.connection_string;
    if (strcmp(name, "EdgeDeviceHostName") == 0)
        return "gate.local";
    return strncmp(name, "EdgeHubDev", 10) == 0 ? "/file" : NULL;
}

static void on_limit(void *arg)
{
    (void) arg;
    edge_loop_stop(w.loop);
}

static void open_http(const char *trust)
{
    struct edge_err err = {0};

    w.http = hub_scope_http_close(w.http);
    assert_int_equal(hub_scope_http_open(w.loop, w.workload, &w.self, trust, &w.http, &err), 0);
    w.source = hub_scope_http_source(w.http);
}

static int set_up(void **state)
{
    struct edge_http_server_options options = {.uri = "tcp://127.0.0.1:0", .handle = handle};
    struct edge_err err = {0};
    (void) state;

    w = (struct world){.status = 200};
    w.ca = pki_ca("ca", NULL);
    w.leaf = pki_server(&w.ca);
    assert_int_equal(edge_loop_create(&w.loop), 0);
    w.limit = edge_timer_create(w.loop, on_limit, NULL);
    assert_int_equal(
        edge_tls_server_create(
            &(struct edge_tls_server_options){.chain_pem = w.leaf.pem, .key_pem = w.leaf.key_pem},
            &w.tls, &err),
        0);
    options.tls = w.tls;
    assert_int_equal(edge_http_server_open(w.loop, &options, &w.server, &err), 0);
    (void) snprintf(w.connection_string, sizeof w.connection_string,
                    "HostName=hub.net;DeviceId=edge#1;ModuleId=$edgeHub;SharedAccessKey=a2V5;"
                    "GatewayHostName=localhost:%u",
                    edge_http_server_port(w.server));
    assert_int_equal(hub_self_read(get, &w.self, &err), 0);
    assert_int_equal(hub_workload_open(w.loop, &w.self, &w.workload, &err), 0);
    open_http(w.ca.pem);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    hub_scope_http_close(w.http);
    hub_workload_close(w.workload);
    edge_http_server_close(w.server);
    edge_timer_destroy(w.limit);
    edge_loop_destroy(w.loop);
    edge_tls_server_destroy(w.tls);
    hub_self_fini(&w.self);
    pki_free(&w.ca);
    pki_free(&w.leaf);
    return 0;
}

static void done(int status, const char *json, size_t len, const struct edge_err *err, void *arg)
{
    (void) arg;
    w.answers++;
    w.got = status;
    w.err = *err;
    (void) snprintf(w.body, sizeof w.body, "%.*s", (int) len, json);
    edge_loop_stop(w.loop);
}

static void run(void)
{
    unsigned before = w.answers;

    edge_timer_arm(w.limit, 60000);
    edge_loop_run(w.loop);
    edge_timer_disarm(w.limit);
    assert_int_equal(w.answers, before + 1);
}

static int page(const char *link)
{
    w.source->page(w.source->self, link, done, NULL);
    run();
    return w.got;
}

static int one(const char *name)
{
    struct edge_identity who;

    assert_int_equal(edge_identity_parse(name, strlen(name), &who), 0);
    w.source->one(w.source->self, &who, done, NULL);
    run();
    return w.got;
}

static void test_a_page_is_asked_with_our_token(void **state)
{
    static const struct edge_bytes key = {(const uint8_t *) "key", 3};
    struct edge_sas sas;
    (void) state;

    assert_int_equal(page(NULL), 200);
    assert_string_equal(w.seen,
                        "GET /devices/edge#1/modules/$edgeHub/devicesAndModulesInDeviceScope "
                        "deviceCount=10 continuationToken= api-version=2018-08-30-preview");
    assert_string_equal(w.body, "{\"devices\":[]}");
    assert_int_equal(edge_sas_parse(w.token, strlen(w.token), &sas, NULL), 0);
    assert_true(edge_sas_signed_by(&sas, key));
    assert_string_equal(sas.resource, "hub.net/devices/edge%231/modules/%24edgeHub");
    edge_sas_fini(&sas);
}

static void test_one_identity_is_asked_for(void **state)
{
    (void) state;

    assert_int_equal(one("d#2"), 200);
    assert_string_equal(w.seen, "GET /devices/edge#1/modules/$edgeHub/deviceAndModuleInDeviceScope "
                                "targetDeviceId=d#2 api-version=2018-08-30-preview");
    assert_int_equal(one("d/$m"), 200);
    assert_non_null(strstr(w.seen, "targetDeviceId=d targetModuleId=$m"));
}

static void test_a_link_is_followed_at_home_alone(void **state)
{
    EDGE_CLEANUP(edge_free) char *whole = edge_format("https://%s/devices/x", w.self.upstream);
    EDGE_CLEANUP(edge_free) char *longer = edge_format("https://%s.evil/x", w.self.upstream);
    (void) state;

    assert_int_equal(page("/devices/edge/next?continuationToken=a%20b"), 200);
    assert_string_equal(w.seen, "GET /devices/edge/next continuationToken=a b");
    assert_int_equal(page(whole), 200);
    assert_string_equal(w.seen, "GET /devices/x");
    w.requests = 0;
    assert_int_equal(page("https://evil/devices"), 502);
    assert_int_equal(page("//evil/devices"), 502);
    assert_int_equal(page(longer), 502);
    assert_int_equal(page("devices"), 502);
    assert_int_equal(w.requests, 0);
    assert_non_null(strstr(w.err.text, "another host"));
}

static void test_what_passes_is_tried_again(void **state)
{
    (void) state;

    w.failures = 1;
    assert_int_equal(one("d"), 200);
    assert_int_equal(w.requests, 2);
}

static void test_a_refusal_is_handed_on(void **state)
{
    static const int statuses[] = {400, 401, 403, 404};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(statuses); i++) {
        w.status = statuses[i];
        assert_int_equal(one("d"), statuses[i]);
        assert_non_null(strstr(w.err.text, "status 40"));
    }
    assert_int_equal(w.requests, EDGE_ARRAY_LEN(statuses));
}

static void test_a_hub_that_nobody_vouches_for(void **state)
{
    (void) state;

    open_http(NULL);
    assert_int_equal(page(NULL), 0);
    assert_non_null(strstr(w.err.text, "not trusted"));
    assert_int_equal(w.requests, 0);
}

static void test_no_answer(void **state)
{
    (void) state;

    w.server = edge_http_server_close(w.server);
    assert_int_equal(page(NULL), 0);
    assert_true(*w.err.text);
}

static void close_now(void *arg)
{
    (void) arg;
    if (!w.requests) {
        edge_loop_post(w.loop, close_now, NULL);
        return;
    }
    w.http = hub_scope_http_close(w.http);
}

static void test_who_waits_is_told_at_the_end(void **state)
{
    struct edge_identity who = {.device = "d"};
    (void) state;

    w.mute = true;
    w.source->one(w.source->self, &who, done, NULL);
    edge_loop_post(w.loop, close_now, NULL);
    run();
    assert_int_equal(w.got, 0);
    open_http(w.ca.pem);
    w.source->one(w.source->self, &who, done, NULL); /* before it has a token */
    w.http = hub_scope_http_close(w.http);
    assert_int_equal(w.answers, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define IN_HOUSE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        IN_HOUSE(test_a_page_is_asked_with_our_token),
        IN_HOUSE(test_one_identity_is_asked_for),
        IN_HOUSE(test_a_link_is_followed_at_home_alone),
        IN_HOUSE(test_what_passes_is_tried_again),
        IN_HOUSE(test_a_refusal_is_handed_on),
        IN_HOUSE(test_a_hub_that_nobody_vouches_for),
        IN_HOUSE(test_no_answer),
        IN_HOUSE(test_who_waits_is_told_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
