/* The client of edge-securityd against a daemon that answers as the test says. */
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>

#include "agent/identity/identity.h"
#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/base/file.h"
#include "common/crypto/hmac.h"
#include "common/http/server.h"
#include "common/iothub/sas.h"
#include "common/json/json.h"
#include "common/loop/pool.h"

static const uint8_t key[] = "a key that never leaves";

static struct world {
    char folder[40];
    char socket[80];
    char uri[90];
    struct edge_loop *loop;
    struct edge_pool *pool;
    struct edge_http_server *server;
    struct agent_identity_daemon daemon;
    int status; /* of the next answers; their text below */
    const char *answer;
    bool mute;
    char seen[512]; /* "METHOD path[?api-version] body" of the last request */
    void (*call)(void);
    /* what the call brought */
    int rc;
    struct edge_err err;
    struct agent_device device;
    struct agent_module_identity id;
    struct agent_module_identity *ids;
    size_t nids;
    char *text;
} w;

static void answer_sign(struct edge_exchange *x)
{
    struct edge_bytes body = edge_exchange_body(x);
    EDGE_CLEANUP(edge_json_free) struct edge_json *request = NULL;
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf data = EDGE_BUF_INIT(4096);
    EDGE_CLEANUP(edge_free) char *digest = NULL;
    EDGE_CLEANUP(edge_free) char *answer = NULL;
    uint8_t mac[32];
    const char *text;

    assert_int_equal(edge_json_parse((const char *) body.data, body.len, &request, NULL), 0);
    text = edge_json_str(edge_json_get(request, "data"), "");
    assert_int_equal(edge_base64_decode(text, strlen(text), &data), 0);
    assert_int_equal(
        edge_hmac_sha256((struct edge_bytes){key, sizeof key - 1}, data.data, data.len, mac), 0);
    digest = edge_base64(mac, sizeof mac);
    answer = edge_format("{\"digest\":\"%s\"}", digest);
    edge_exchange_reply(x, 200, "application/json", answer, strlen(answer));
}

static void handle(struct edge_exchange *x, void *arg)
{
    struct edge_bytes body = edge_exchange_body(x);
    const char *version = edge_exchange_query(x, "api-version");

    (void) arg;
    (void) snprintf(w.seen, sizeof w.seen, "%s %s%s%s %.*s", edge_exchange_method(x),
                    edge_exchange_path(x), version ? "?" : "", version ? version : "",
                    (int) body.len, body.data ? (const char *) body.data : "");
    if (w.mute)
        return;
    if (strstr(edge_exchange_path(x), "/sign") && !w.answer)
        answer_sign(x);
    else
        edge_exchange_reply(x, w.status, w.answer ? "application/json" : NULL, w.answer,
                            w.answer ? strlen(w.answer) : 0);
}

static int set_up(void **state)
{
    const struct edge_http_server_options options = {.uri = w.uri, .handle = handle};
    struct edge_err err = {0};

    (void) state;
    w = (struct world){.folder = "/tmp/test-identity-XXXXXX"};
    if (!mkdtemp(w.folder))
        return -1;
    (void) snprintf(w.socket, sizeof w.socket, "%s/s", w.folder);
    (void) snprintf(w.uri, sizeof w.uri, "unix://%s", w.socket);
    assert_int_equal(edge_loop_create(&w.loop), 0);
    assert_int_equal(edge_pool_create(w.loop, "call", 1, &w.pool), 0);
    assert_int_equal(edge_http_server_open(w.loop, &options, &w.server, &err), 0);
    w.daemon = (struct agent_identity_daemon){w.socket, w.socket, edge_cancel_create()};
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    agent_device_fini(&w.device);
    agent_module_identity_fini(&w.id);
    agent_identities_free(w.ids, w.nids);
    free(w.text);
    edge_http_server_close(w.server);
    edge_pool_destroy(w.pool);
    edge_loop_destroy(w.loop);
    edge_cancel_unref(w.daemon.cancel);
    return edge_remove_tree(w.folder, NULL);
}

static void work(void *arg)
{
    (void) arg;
    w.call();
}

static void done(void *arg)
{
    (void) arg;
    edge_loop_stop(w.loop);
}

/* The daemon is on the loop, the call on a worker. */
static int call_with(int status, const char *answer, void (*call)(void))
{
    w.status = status;
    w.answer = answer;
    w.call = call;
    w.err = (struct edge_err){0};
    edge_pool_submit(w.pool, work, done, NULL);
    edge_loop_run(w.loop);
    return w.rc;
}

static void get_device(void)
{
    agent_device_fini(&w.device);
    w.rc = agent_identity_device(&w.daemon, &w.device, &w.err);
}

#define DEVICE                                                                                     \
    "{\"hubName\":\"h.azure-devices.net\",\"deviceId\":\"d 1\",\"hostname\":\"gate\","             \
    "\"authType\":\"sas\",\"generationId\":\"637\"}"

static void test_who_the_device_is(void **state)
{
    (void) state;

    assert_int_equal(call_with(200, DEVICE, get_device), 0);
    assert_string_equal(w.seen, "GET /device ");
    assert_string_equal(w.device.hub_name, "h.azure-devices.net");
    assert_string_equal(w.device.device_id, "d 1");
    assert_string_equal(w.device.generation_id, "637");
}

static void test_what_the_daemon_says_is_passed_on(void **state)
{
    static const struct {
        int status;
        int code;
    } refused[] = {{503, EDGE_EUNAVAILABLE}, {429, EDGE_EUNAVAILABLE}, {403, EDGE_EAUTH},
                   {404, -ENOENT},           {500, EDGE_EREMOTE},      {400, EDGE_EREMOTE}};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(refused); i++) {
        assert_int_equal(
            call_with(refused[i].status, "{\"message\":\"not provisioned yet\"}", get_device),
            refused[i].code);
        assert_string_equal(w.err.text, "edge-securityd: not provisioned yet");
        assert_int_equal(w.err.status, refused[i].status);
    }
    assert_int_equal(call_with(502, "<html>", get_device), EDGE_EREMOTE);
    assert_string_equal(w.err.text, "edge-securityd answered GET /device with status 502");
}

static void test_half_an_answer_is_none(void **state)
{
    static const char *const answers[] = {
        "",
        "[]",
        "{",
        "{\"hubName\":\"h\",\"deviceId\":\"d\"}",
        "{\"hubName\":\"h\",\"deviceId\":1,\"generationId\":\"1\"}",
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(answers); i++) {
        assert_int_equal(call_with(200, answers[i], get_device), EDGE_EPROTOCOL);
        assert_null(w.device.hub_name);
    }
}

static void test_nobody_there_is_unavailable(void **state)
{
    (void) state;

    w.server = edge_http_server_close(w.server);
    assert_int_equal(call_with(200, DEVICE, get_device), EDGE_EUNAVAILABLE);
    assert_non_null(strstr(w.err.text, "edge-securityd: "));
}

static void cancel_and_get(void)
{
    edge_cancel_fire(w.daemon.cancel);
    get_device();
}

static void test_a_call_can_be_broken_off(void **state)
{
    (void) state;

    w.mute = true;
    assert_int_equal(call_with(200, DEVICE, cancel_and_get), -ECANCELED);
}

static void ensure(void)
{
    agent_module_identity_fini(&w.id);
    w.rc = agent_identity_ensure(&w.daemon, "cam", &w.id, &w.err);
}

static void test_an_identity_is_made_when_absent(void **state)
{
    (void) state;

    assert_int_equal(call_with(200,
                               "{\"moduleId\":\"cam\",\"managedBy\":\"IotEdge\","
                               "\"generationId\":\"638\",\"authType\":\"sas\"}",
                               ensure),
                     0);
    assert_string_equal(w.seen,
                        "POST /identities {\"moduleId\":\"cam\",\"managedBy\":\"IotEdge\"}");
    assert_string_equal(w.id.generation_id, "638");
    assert_string_equal(w.id.managed_by, "IotEdge");
}

static void list(void)
{
    w.ids = agent_identities_free(w.ids, w.nids);
    w.nids = 0;
    w.rc = agent_identity_list(&w.daemon, &w.ids, &w.nids, &w.err);
}

static void test_identities_are_listed(void **state)
{
    (void) state;

    assert_int_equal(
        call_with(200,
                  "{\"identities\":[{\"moduleId\":\"$edgeHub\",\"generationId\":\"1\"},"
                  "{\"moduleId\":\"cam\",\"generationId\":\"2\",\"managedBy\":\"me\"}]}",
                  list),
        0);
    assert_int_equal(w.nids, 2);
    assert_string_equal(w.ids[0].managed_by, "");
    assert_string_equal(w.ids[1].module_id, "cam");
    assert_int_equal(call_with(200, "{\"identities\":[{\"moduleId\":\"x\"}]}", list),
                     EDGE_EPROTOCOL);
    assert_int_equal(call_with(200, "{}", list), EDGE_EPROTOCOL);
}

static void delete_hub(void)
{
    w.rc = agent_identity_delete(&w.daemon, "$edgeHub", &w.err);
}

static void get_folder(void)
{
    free(w.text);
    w.text = NULL;
    w.rc = agent_identity_workload(&w.daemon, "a/../b", "/edge/x", &w.text, &w.err);
}

static void drop_folder(void)
{
    w.rc = agent_identity_workload_remove(&w.daemon, "cam", &w.err);
}

static void reprovision(void)
{
    w.rc = agent_identity_reprovision(&w.daemon, &w.err);
}

static void test_the_rest_of_the_calls(void **state)
{
    (void) state;

    assert_int_equal(call_with(204, NULL, delete_hub), 0);
    assert_string_equal(w.seen, "DELETE /identities/$edgeHub ");
    assert_int_equal(call_with(200, "{\"directory\":\"/run/edge/workload/x\"}", get_folder), 0);
    assert_string_equal(w.seen, "PUT /modules/a/../b/workload {\"cgroup\":\"/edge/x\"}");
    assert_string_equal(w.text, "/run/edge/workload/x");
    assert_int_equal(call_with(200, "{\"directory\":\"run\"}", get_folder), EDGE_EPROTOCOL);
    assert_int_equal(call_with(204, NULL, drop_folder), 0);
    assert_string_equal(w.seen, "DELETE /modules/cam/workload ");
    assert_int_equal(call_with(204, NULL, reprovision), 0);
    assert_string_equal(w.seen, "POST /device/reprovision ");
}

static void get_token(void)
{
    static char hub[] = "h.azure-devices.net";
    static char id[] = "d 1";
    static char generation[] = "637";
    const struct agent_device device = {hub, id, generation};

    free(w.text);
    w.text = NULL;
    w.rc = agent_identity_token(&w.daemon, &device, 3600, &w.text, &w.err);
}

static void test_a_token_is_what_iot_hub_takes(void **state)
{
    int64_t now = edge_wall_ns() / 1000000000;
    struct edge_sas sas;
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(call_with(200, NULL, get_token), 0);
    assert_non_null(strstr(w.seen, "POST /modules/$edgeAgent/genid/637/sign?2020-07-07 "));
    assert_int_equal(edge_sas_parse(w.text, strlen(w.text), &sas, &err), 0);
    assert_true(edge_sas_signed_by(&sas, (struct edge_bytes){key, sizeof key - 1}));
    assert_true(
        edge_sas_covers(&sas, "h.azure-devices.net", "/devices/d%201/modules/%24edgeAgent"));
    assert_true(sas.se >= now + 3600 && sas.se <= now + 3700);
    edge_sas_fini(&sas);
}

static void test_a_signature_of_another_size_is_none(void **state)
{
    (void) state;

    assert_int_equal(call_with(200, "{\"digest\":\"AAAA\"}", get_token), EDGE_EPROTOCOL);
    assert_int_equal(call_with(200, "{\"digest\":7}", get_token), EDGE_EPROTOCOL);
    assert_null(w.text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_who_the_device_is),
        TEST(test_what_the_daemon_says_is_passed_on),
        TEST(test_half_an_answer_is_none),
        TEST(test_nobody_there_is_unavailable),
        TEST(test_a_call_can_be_broken_off),
        TEST(test_an_identity_is_made_when_absent),
        TEST(test_identities_are_listed),
        TEST(test_the_rest_of_the_calls),
        TEST(test_a_token_is_what_iot_hub_takes),
        TEST(test_a_signature_of_another_size_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
