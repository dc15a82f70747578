#include "tests/unit/test.h"

#include <errno.h>
#include <poll.h>

#include "agent/methods/methods.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/encode.h"
#include "tests/unit/agent/log_folder.h"

/* One device with modules cam (its log is c1), edgeHub (never logged) and new (no container). */
struct device {
    struct edge_loop *loop;
    struct agent_methods *methods;
    struct log_folder *folder;
    char restarted[64];
    char called[64];
    int act_rc;
    bool running;
    int answers;
    int status;
    char *text; /* of the last answer; NULL: null */
};

static struct edge_json *list(void *arg)
{
    static const char text[] = "[{\"name\":\"cam\"},{\"name\":\"edgeHub\"},{\"name\":\"new\"}]";
    struct edge_json *value = NULL;
    (void) arg;

    assert_int_equal(edge_json_parse(text, strlen(text), &value, NULL), 0);
    return value;
}

static int act(const char *module, const char *verb, void *arg, struct edge_err *err)
{
    struct device *d = arg;
    (void) err;

    assert_string_equal(verb, "restart");
    if (strcmp(module, "cam") != 0)
        return -ENOENT;
    (void) snprintf(d->restarted, sizeof d->restarted, "%s", module);
    return d->act_rc;
}

static int log_id(const char *module, char **ret, void *arg, struct edge_err *err)
{
    (void) arg;
    (void) err;
    if (strcmp(module, "new") == 0)
        return -ENOENT;
    *ret = strdup(strcmp(module, "cam") == 0 ? "c1" : "none");
    return 0;
}

static struct edge_json *systeminfo(void *arg)
{
    (void) arg;
    return edge_json_new_object();
}

static void on_call(const char *name, void *arg)
{
    struct device *d = arg;

    (void) snprintf(d->called, sizeof d->called, "%s", name);
}

static int set_up(void **state)
{
    static struct device d;
    struct agent_methods_config config = {
        .ops = {list, act, log_id, systeminfo, &d},
        .temp_dir = "/tmp",
        .hub = "hub.test",
        .device = "edge1",
        .retry_ms = 10,
        .on_call = on_call,
        .arg = &d,
    };

    d = (struct device){0};
    if (make_log_folder(state) < 0)
        return -1;
    d.folder = *state;
    if (edge_loop_create(&d.loop) < 0)
        return -1;
    config.loop = d.loop;
    config.log_dir = d.folder->dir;
    *state = &d;
    return agent_methods_create(&config, &d.methods);
}

static int tear_down(void **state)
{
    struct device *d = *state;
    void *folder = d->folder;

    agent_methods_destroy(d->methods);
    edge_loop_destroy(d->loop);
    free(d->text);
    return remove_log_folder(&folder);
}

static void on_answer(int status, const struct edge_json *payload, void *arg)
{
    struct device *d = arg;

    d->answers++;
    d->status = status;
    free(d->text);
    d->text = payload ? edge_json_text(payload) : NULL;
    if (d->running) /* a stop before the run would end that at once */
        edge_loop_stop(d->loop);
}

static void run(struct device *d)
{
    d->running = true;
    edge_loop_run(d->loop);
    d->running = false;
}

static void call_later(struct device *d, const char *name, const char *payload)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *value = NULL;

    if (payload)
        assert_int_equal(edge_json_parse(payload, strlen(payload), &value, NULL), 0);
    agent_methods_call(d->methods, name, value, on_answer, d);
}

static int call(struct device *d, const char *name, const char *payload)
{
    int before = d->answers;

    call_later(d, name, payload);
    while (d->answers == before)
        run(d);
    assert_int_equal(d->answers, before + 1);
    return d->status;
}

/* Text of a member of an answer, or of its first element. */
static char *member(struct device *d, const char *name)
{
    struct edge_json *value = NULL;
    char *copy;

    assert_non_null(d->text);
    assert_int_equal(edge_json_parse(d->text, strlen(d->text), &value, NULL), 0);
    if (edge_json_is(value, EDGE_JSON_ARRAY))
        copy = strdup(edge_json_str(edge_json_get(edge_json_at(value, 0), name), "(none)"));
    else
        copy = strdup(edge_json_str(edge_json_get(value, name), "(none)"));
    edge_json_free(value);
    return copy;
}

static void expect_member(struct device *d, const char *name, const char *text)
{
    char *got = member(d, name);

    assert_string_equal(got, text);
    free(got);
}

static void expect_message(struct device *d, const char *part)
{
    char *got = member(d, "message");

    if (!strstr(got, part))
        fail_msg("\"%s\" does not say \"%s\"", got, part);
    free(got);
}

static void log_text(struct device *d, const char *text, int second)
{
    char out[65536];
    size_t len = log_line_write(out, text, strlen(text), false, INT64_C(1000000000) * second);

    append_text(d->folder, "module.log", out, len);
}

static void test_ping_is_answered_under_any_case(void **state)
{
    struct device *d = *state;

    assert_int_equal(call(d, "PiNG", NULL), 200);
    assert_null(d->text);
    assert_string_equal(d->called, "ping");
    assert_int_equal(call(d, "ping", "{\"any\":[1]}"), 200);
}

static void test_unknown_methods_are_told_what_there_is(void **state)
{
    struct device *d = *state;

    assert_int_equal(call(d, "Reboot", NULL), 400);
    expect_message(d, "Command 'Reboot' not found. The supported commands are - ping, ");
    assert_string_equal(d->called, "");
}

static void test_a_module_is_restarted(void **state)
{
    struct device *d = *state;

    assert_int_equal(call(d, "RestartModule", "{\"schemaVersion\":\"1.0\",\"id\":\"cam\"}"), 200);
    assert_null(d->text);
    assert_string_equal(d->restarted, "cam");
    assert_int_equal(call(d, "RestartModule", "{\"schemaVersion\":\"1.0\",\"id\":\"x\"}"), 500);
    expect_message(d, "x");
    assert_int_equal(call(d, "RestartModule", "{\"schemaVersion\":\"1.0\",\"id\":\" \"}"), 400);
    assert_int_equal(call(d, "RestartModule", "{\"id\":\"cam\"}"), 400);
    assert_int_equal(call(d, "RestartModule", NULL), 400);
    assert_int_equal(call(d, "RestartModule", "{\"schemaVersion\":\"2.0\",\"id\":\"cam\"}"), 500);
    d->act_rc = EDGE_ECONFLICT;
    assert_int_equal(call(d, "RestartModule", "{\"schemaVersion\":\"1.0\",\"id\":\"cam\"}"), 500);
}

/* It would be killed after a minute. */
static void test_the_end_does_not_wait_for_a_program(void **state)
{
    struct device *d = *state;
    EDGE_CLEANUP(edge_free) char *began = edge_format("%s/began", d->folder->dir);
    EDGE_CLEANUP(edge_free) char *script = edge_format("touch %s; sleep 50", began);
    const char *const argv[] = {"sh", "-c", script, NULL};
    const struct agent_methods_program programs[] = {{"x.txt", argv}, {NULL, NULL}};
    const struct agent_methods_config config = {.loop = d->loop,
                                                .ops = {list, act, log_id, systeminfo, d},
                                                .log_dir = d->folder->dir,
                                                .temp_dir = "/tmp",
                                                .hub = "hub.test",
                                                .device = "edge1",
                                                .programs = programs};
    int64_t begun_ms = edge_now_ms();

    agent_methods_destroy(d->methods);
    assert_int_equal(agent_methods_create(&config, &d->methods), 0);
    assert_int_equal(call(d, "UploadSupportBundle",
                          "{\"schemaVersion\":\"1.0\",\"sasUrl\":\"http://127.0.0.1:1/c?sig=x\"}"),
                     200);
    while (access(began, F_OK) < 0) {
        assert_true(edge_now_ms() - begun_ms < 10000);
        (void) poll(NULL, 0, 5);
    }
    begun_ms = edge_now_ms();
    d->methods = agent_methods_destroy(d->methods);
    assert_true(edge_now_ms() - begun_ms < 20000);
}

#define LOGS(items, more) "{\"schemaVersion\":\"1.0\",\"items\":" items more "}"

static void expect_logs(struct device *d, const char *filter, const char *text)
{
    EDGE_CLEANUP(edge_free)
    char *payload = edge_format(LOGS("{\"id\":\"^cam$\",\"filter\":{%s}}", ""), filter);

    assert_int_equal(call(d, "GetModuleLogs", payload), 200);
    expect_member(d, "id", "cam");
    expect_member(d, "payload", text);
}

static void test_filters_choose_lines(void **state)
{
    struct device *d = *state;

    log_text(d, "<6> one\n", 10);
    log_text(d, "<3> two bad\n", 20);
    log_text(d, "three\n", 30);
    log_text(d, "<3> four\n", 40);
    expect_logs(d, "", "<6> one\n<3> two bad\nthree\n<3> four\n");
    expect_logs(d, "\"tail\":2", "three\n<3> four\n");
    expect_logs(d, "\"tail\":0", "");
    expect_logs(d, "\"since\":\"20\",\"until\":30", "<3> two bad\nthree\n");
    expect_logs(d, "\"loglevel\":3", "<3> two bad\n<3> four\n");
    expect_logs(d, "\"loglevel\":6", "<6> one\nthree\n");
    expect_logs(d, "\"regex\":\"^t\"", "<3> two bad\nthree\n");
    expect_logs(d, "\"regex\":\"^T\"", "");
    expect_logs(d, "\"loglevel\":3,\"regex\":\"bad$\"", "<3> two bad\n");
    /* the tail first, then the filter … */
    expect_logs(d, "\"tail\":1,\"regex\":\"^t\"", "");
    /* … but not with a window on both sides */
    expect_logs(d, "\"tail\":1,\"since\":1,\"until\":100,\"regex\":\"^t\"", "three\n");
    expect_logs(d, "\"tail\":1,\"includeTimestamp\":true",
                "1970-01-01T00:00:40.000000000Z <3> four\n");
}

static void test_lines_as_json_say_where_they_are_from(void **state)
{
    struct device *d = *state;

    log_text(d, "<4> 2019-02-14 16:15:35.243 -08:00 say \"hi\"\n", 40);
    log_text(d, "plain\n", 41);
    assert_int_equal(
        call(d, "GetModuleLogs", LOGS("[{\"id\":\"cam\"}]", ",\"contentType\":\"json\"")), 200);
    expect_member(d, "payload",
                  "[{\"iothub\":\"hub.test\",\"device\":\"edge1\",\"id\":\"cam\","
                  "\"stream\":\"stdout\",\"loglevel\":4,\"text\":\"say \\\"hi\\\"\","
                  "\"timestamp\":\"1970-01-01T00:00:40.0000000Z\"},"
                  "{\"iothub\":\"hub.test\",\"device\":\"edge1\",\"id\":\"cam\","
                  "\"stream\":\"stdout\",\"loglevel\":6,\"text\":\"plain\","
                  "\"timestamp\":\"1970-01-01T00:00:41.0000000Z\"}]");
}

static void test_gzip_unpacks_to_the_lines(void **state)
{
    struct device *d = *state;
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf packed = EDGE_BUF_INIT(100000);
    char plain[64] = {0};
    z_stream z = {0};
    char *base64;

    log_text(d, "hello\n", 1);
    assert_int_equal(call(d, "GetModuleLogs", LOGS("{\"id\":\"cam\"}", ",\"encoding\":\"gzip\"")),
                     200);
    base64 = member(d, "payloadBytes");
    assert_int_equal(edge_base64_decode(base64, strlen(base64), &packed), 0);
    free(base64);
    z.next_in = (unsigned char *) packed.data;
    z.avail_in = (uInt) packed.len;
    z.next_out = (unsigned char *) plain;
    z.avail_out = sizeof plain;
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    inflateEnd(&z);
    assert_string_equal(plain, "hello\n");
}

static void test_modules_without_lines_and_containers(void **state)
{
    struct device *d = *state;

    assert_int_equal(call(d, "GetModuleLogs", LOGS("{\"id\":\"all\"}", "")), 200);
    assert_string_equal(d->text, "[{\"id\":\"cam\",\"payload\":\"\"},"
                                 "{\"id\":\"edgeHub\",\"payload\":\"\"}]");
    assert_int_equal(call(d, "GetModuleLogs", LOGS("{\"id\":\"nobody\"}", "")), 200);
    assert_string_equal(d->text, "[]");
}

static void test_more_than_an_answer_holds_is_refused_with_advice(void **state)
{
    struct device *d = *state;
    char line[1001];

    memset(line, 'x', 1000);
    line[999] = '\n';
    line[1000] = '\0';
    for (int i = 0; i < 130; i++)
        log_text(d, line, i);
    assert_int_equal(call(d, "GetModuleLogs", LOGS("{\"id\":\"all\"}", "")), 400);
    expect_message(d, "too large");
    expect_message(d, "UploadModuleLogs");
    assert_int_equal(
        call(d, "GetModuleLogs", LOGS("{\"id\":\"cam\",\"filter\":{\"tail\":100}}", "")), 200);
    assert_int_equal(call(d, "GetModuleLogs", LOGS("{\"id\":\"all\"}", ",\"encoding\":\"gzip\"")),
                     200);
}

static void test_too_many_calls_at_once_are_turned_away(void **state)
{
    struct device *d = *state;

    for (int i = 0; i < AGENT_METHODS_CALLS_MAX; i++)
        call_later(d, "GetModuleLogs", LOGS("{\"id\":\"all\"}", ""));
    assert_int_equal(d->answers, 0);
    call_later(d, "GetModuleLogs", LOGS("{\"id\":\"all\"}", ""));
    assert_int_equal(d->answers, 1);
    assert_int_equal(d->status, 429);
    while (d->answers < 1 + AGENT_METHODS_CALLS_MAX)
        run(d);
    assert_int_equal(d->status, 200);
    assert_int_equal(call(d, "GetModuleLogs", LOGS("{\"id\":\"all\"}", "")), 200);
}

static void test_open_calls_are_answered_at_the_end(void **state)
{
    struct device *d = *state;

    for (int i = 0; i < AGENT_METHODS_CALLS_MAX; i++)
        call_later(d, "GetModuleLogs", LOGS("{\"id\":\"all\"}", ""));
    d->methods = agent_methods_destroy(d->methods);
    assert_int_equal(d->answers, AGENT_METHODS_CALLS_MAX);
    assert_int_equal(d->status, 500);
}

static void test_unknown_tasks_are_called_so(void **state)
{
    struct device *d = *state;

    assert_int_equal(
        call(d, "GetTaskStatus", "{\"schemaVersion\":\"1.0\",\"correlationId\":\"b-4\"}"), 200);
    expect_member(d, "status", "Unknown");
    expect_member(d, "correlationId", "b-4");
    assert_int_equal(call(d, "GetTaskStatus", "{\"schemaVersion\":\"1.0\"}"), 400);
}

static void test_a_bad_sas_url_is_refused_and_not_repeated(void **state)
{
    static const char *const bad[] = {"https://host/c",
                                      "ftp://host/c?sig=S3CRET",
                                      "https:///c?sig=S3CRET",
                                      "https://u@host/c?sig=S3CRET",
                                      "https://host/c?sig=S3C RET",
                                      "https://host/?sig=S3CRET"};
    struct device *d = *state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        EDGE_CLEANUP(edge_free)
        char *payload = edge_format("{\"schemaVersion\":\"1.0\",\"sasUrl\":\"%s\"}", bad[i]);

        if (call(d, "UploadSupportBundle", payload) != 400)
            fail_msg("%s: %d", bad[i], d->status);
        assert_null(strstr(d->text, "S3C"));
    }
    assert_int_equal(call(d, "UploadModuleLogs", LOGS("{\"id\":\"all\"}", "")), 400);
    expect_message(d, "sasUrl");
}

static void stop(void *loop)
{
    edge_loop_stop(loop);
}

static void wait_for_task(struct device *d)
{
    char *id = member(d, "correlationId");
    EDGE_CLEANUP(edge_free)
    char *payload = edge_format("{\"schemaVersion\":\"1.0\",\"correlationId\":\"%s\"}", id);
    char *status = member(d, "status");

    assert_string_equal(status, "Running");
    for (int i = 0; i < 1000 && strcmp(status, "Running") == 0; i++) {
        free(status);
        (void) poll(NULL, 0, 10); /* the task's end has no other sign */
        edge_loop_post(d->loop, stop, d->loop);
        run(d);
        call(d, "GetTaskStatus", payload);
        status = member(d, "status");
    }
    free(status);
    free(id);
}

static void test_a_failed_upload_names_the_host_and_no_secret(void **state)
{
    struct device *d = *state;

    log_text(d, "hello\n", 1);
    assert_int_equal(
        call(d, "UploadModuleLogs",
             LOGS("{\"id\":\"cam\"}", ",\"sasUrl\":\"http://127.0.0.1:1/c?sig=S3CRET\"")),
        200);
    wait_for_task(d);
    expect_member(d, "status", "Failed");
    expect_message(d, "cam: ");
    expect_message(d, "127.0.0.1");
    assert_null(strstr(d->text, "S3CRET"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ping_is_answered_under_any_case),
        TEST(test_unknown_methods_are_told_what_there_is),
        TEST(test_a_module_is_restarted),
        TEST(test_filters_choose_lines),
        TEST(test_lines_as_json_say_where_they_are_from),
        TEST(test_gzip_unpacks_to_the_lines),
        TEST(test_modules_without_lines_and_containers),
        TEST(test_more_than_an_answer_holds_is_refused_with_advice),
        TEST(test_too_many_calls_at_once_are_turned_away),
        TEST(test_open_calls_are_answered_at_the_end),
        TEST(test_unknown_tasks_are_called_so),
        TEST(test_a_bad_sas_url_is_refused_and_not_repeated),
        TEST(test_a_failed_upload_names_the_host_and_no_secret),
        TEST(test_the_end_does_not_wait_for_a_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
