#include "tests/unit/test.h"

#include "agent/methods/request.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"

#define NOW INT64_C(1700000000000000000)

static struct edge_json *json(const char *text)
{
    struct edge_json *value = NULL;

    assert_int_equal(edge_json_parse(text, strlen(text), &value, NULL), 0);
    return value;
}

static int parse(const char *text, struct methods_logs_request *ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *payload = json(text);

    return methods_logs_request_parse(payload, NOW, ret, err);
}

static void expect_refused(const char *text, int rc, const char *says)
{
    struct methods_logs_request request;
    struct edge_err err = {0};
    int got = parse(text, &request, &err);

    methods_logs_request_fini(&request);
    if (got != rc || !strstr(err.text, says))
        fail_msg("%s: %d %s", text, got, err.text);
}

static void test_the_schema_version_is_1(void **state)
{
    static const struct {
        const char *text;
        int rc;
    } all[] = {
        {"{\"schemaVersion\":\"1.0\"}", 0},
        {"{\"SCHEMAVERSION\":\"1.7\"}", 0},
        {"{\"schemaVersion\":1.0}", 0},
        {"{\"schemaVersion\":\"2.0\"}", EDGE_ESCHEMA},
        {"{\"schemaVersion\":\"10\"}", EDGE_ESCHEMA},
        {"{\"schemaVersion\":\"one\"}", EDGE_ESCHEMA},
        {"{\"schemaVersion\":\"1x\"}", EDGE_ESCHEMA},
        {"{\"schemaVersion\":\" \"}", EDGE_EINVALID},
        {"{\"schemaVersion\":null}", EDGE_EINVALID},
        {"{}", EDGE_EINVALID},
        {"[]", EDGE_EINVALID},
        {"\"1.0\"", EDGE_EINVALID},
    };
    (void) state;

    assert_int_equal(methods_request_schema(NULL, NULL), EDGE_EINVALID);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *payload = json(all[i].text);

        if (methods_request_schema(payload, NULL) != all[i].rc)
            fail_msg("%s", all[i].text);
    }
}

static void test_a_filter_is_read_loosely(void **state)
{
    struct methods_logs_request r;
    (void) state;

    assert_int_equal(parse("{\"schemaVersion\":\"1.0\",\"items\":{\"id\":\"edgeHub\","
                           "\"filter\":{\"tail\":\"10\",\"Since\":\"1h\",\"until\":1699999000,"
                           "\"loglevel\":3,\"includeTimestamp\":\"true\",\"regex\":\"a+b\"}},"
                           "\"encoding\":\"GZIP\",\"contentType\":\"JSON\"}",
                           &r, NULL),
                     0);
    assert_int_equal(r.nitems, 1);
    assert_true(r.gzip && r.json);
    assert_int_equal(r.items[0].tail, 10);
    assert_true(r.items[0].since_ns == NOW - INT64_C(3600) * 1000000000);
    assert_true(r.items[0].until_ns == INT64_C(1699999000) * 1000000000);
    assert_int_equal(r.items[0].level, 3);
    assert_true(r.items[0].timestamps && r.items[0].tail_last);
    assert_non_null(r.items[0].regex);
    methods_logs_request_fini(&r);

    assert_int_equal(parse("{\"schemaVersion\":\"1.0\",\"items\":[{\"id\":\"all\"}]}", &r, NULL),
                     0);
    assert_true(!r.gzip && !r.json);
    assert_null(r.items[0].id);
    assert_int_equal(r.items[0].tail, -1);
    assert_int_equal(r.items[0].level, -1);
    assert_true(!r.items[0].timestamps && !r.items[0].tail_last);
    methods_logs_request_fini(&r);
}

static void test_what_is_wrong_is_named(void **state)
{
    (void) state;

#define WITH(rest) "{\"schemaVersion\":\"1.0\"," rest "}"
#define FILTER(f)  WITH("\"items\":{\"id\":\".\",\"filter\":{" f "}}")
    expect_refused("{\"schemaVersion\":\"1.0\"}", EDGE_EINVALID, "items");
    expect_refused(WITH("\"items\":[1]"), EDGE_EINVALID, "item");
    expect_refused(WITH("\"items\":{}"), EDGE_EINVALID, "id is missing");
    expect_refused(WITH("\"items\":{\"id\":\"(\"}"), EDGE_EINVALID, "regular expression");
    expect_refused(WITH("\"items\":{\"id\":\"a\"},\"encoding\":\"zip\""), EDGE_EINVALID,
                   "encoding");
    expect_refused(WITH("\"items\":{\"id\":\"a\"},\"contentType\":1"), EDGE_EINVALID,
                   "contentType");
    expect_refused(FILTER("\"tail\":-1"), EDGE_EINVALID, "tail");
    expect_refused(FILTER("\"tail\":\"many\""), EDGE_EINVALID, "tail");
    expect_refused(FILTER("\"since\":\"yesterday\""), EDGE_EINVALID, "since");
    expect_refused(FILTER("\"until\":[]"), EDGE_EINVALID, "until");
    expect_refused(FILTER("\"loglevel\":10"), EDGE_EINVALID, "loglevel");
    expect_refused(FILTER("\"regex\":\"[\""), EDGE_EINVALID, "regular expression");
    expect_refused(FILTER("\"includeTimestamp\":\"maybe\""), EDGE_EINVALID, "includeTimestamp");
}

static int index_of(const char *items, const char *module)
{
    EDGE_CLEANUP(edge_free)
    char *text = edge_format("{\"schemaVersion\":\"1.0\",\"items\":%s}", items);
    const struct methods_item *found = NULL;
    struct methods_logs_request r;
    int at = -1;

    assert_int_equal(parse(text, &r, NULL), 0);
    if (methods_logs_request_find(&r, module, &found, NULL) == 1)
        at = (int) (found - r.items);
    methods_logs_request_fini(&r);
    return at;
}

static void test_ids_match_anywhere_and_without_case_and_the_first_wins(void **state)
{
    (void) state;

    assert_int_equal(index_of("{\"id\":\"edge\"}", "edgeHub"), 0);
    assert_int_equal(index_of("{\"id\":\"EDGE\"}", "edgeAgent"), 0);
    assert_int_equal(index_of("{\"id\":\"hub\"}", "edgeHub"), 0);
    assert_int_equal(index_of("{\"id\":\"^hub\"}", "edgeHub"), -1);
    assert_int_equal(index_of("{\"id\":\".\"}", "x"), 0);
    assert_int_equal(index_of("{\"id\":\"ALL\"}", "x"), 0);
    assert_int_equal(index_of("[{\"id\":\"cam\"},{\"id\":\"all\"}]", "cam"), 0);
    assert_int_equal(index_of("[{\"id\":\"cam\"},{\"id\":\"all\"}]", "x"), 1);
    assert_int_equal(index_of("[]", "x"), -1);
}

static void test_a_hostile_pattern_gives_up_soon(void **state)
{
    static const char *const patterns[] = {"(a+)+$", "(a|aa)+$", "(.*)*x", "^(([a-z])+.)+[A-Z]$"};
    char text[4096];
    (void) state;

    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '!';
    for (size_t i = 0; i < EDGE_ARRAY_LEN(patterns); i++) {
        EDGE_CLEANUP(methods_pattern_destroy) struct methods_pattern *pattern = NULL;
        int64_t began = edge_now_ms();

        assert_int_equal(methods_pattern_create(patterns[i], false, &pattern, NULL), 0);
        assert_true(methods_pattern_match(pattern, text, sizeof text, NULL) != 1);
        assert_true(edge_now_ms() - began < 10000);
    }
}

static void test_patterns_have_limits_and_take_any_bytes(void **state)
{
    EDGE_CLEANUP(methods_pattern_destroy) struct methods_pattern *pattern = NULL;
    char text[METHODS_PATTERN_MAX + 2];
    (void) state;

    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(methods_pattern_create(text, false, &pattern, NULL), EDGE_ELIMIT);
    memset(text, '(', 200);
    text[200] = '\0';
    assert_int_equal(methods_pattern_create(text, false, &pattern, NULL), EDGE_EINVALID);
    assert_int_equal(methods_pattern_create("b$", false, &pattern, NULL), 0);
    assert_int_equal(methods_pattern_match(pattern, "\xff\xfe b", 4, NULL), 1);
    assert_int_equal(methods_pattern_match(pattern, "B", 1, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_schema_version_is_1),
        cmocka_unit_test(test_a_filter_is_read_loosely),
        cmocka_unit_test(test_what_is_wrong_is_named),
        cmocka_unit_test(test_ids_match_anywhere_and_without_case_and_the_first_wins),
        cmocka_unit_test(test_a_hostile_pattern_gives_up_soon),
        cmocka_unit_test(test_patterns_have_limits_and_take_any_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
