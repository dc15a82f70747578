#include "tests/unit/test.h"

#include "tests/emulator/query/query.h"

static const char twin[] =
    "{\"deviceId\":\"cam1\",\"tags\":{\"env\":\"t\",\"n\":3,\"list\":[1,\"b\"],\"none\":null},"
    "\"properties\":{\"desired\":{\"$version\":4,\"x\":{\"y\":2.5}},\"reported\":{"
    "\"lastDesiredVersion\":4,\"lastDesiredStatus\":{\"code\":200}}},"
    "\"capabilities\":{\"iotEdge\":true},\"configurations\":{\"dep-1\":{\"status\":\"Applied\"}}}";

static struct edge_json *parse(const char *text)
{
    struct edge_json *value = NULL;

    assert_int_equal(edge_json_parse(text, strlen(text), &value, NULL), 0);
    return value;
}

static bool matches(const char *condition)
{
    EDGE_CLEANUP(query_free) struct query *query = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *doc = parse(twin);
    struct edge_err err = {0};

    if (query_parse_condition(condition, strlen(condition), &query, &err) < 0)
        fail_msg("%s: %s", condition, err.text);
    return query_matches(query, doc);
}

static void test_conditions_that_hold(void **state)
{
    static const char *const conditions[] = {
        "",
        "*",
        "tags.env = 't'",
        "tags.env == \"t\" AND deviceId IN ['cam0', 'cam1']",
        "deviceid = 'cam1'", /* the cloud's own names compare without case */
        "tags.n >= 3 and tags.n < 4 AND tags.n != 2 AND tags.n <> 2",
        "NOT tags.n = 4",
        "tags.n NIN [1, 2] AND tags.n NOT IN [4]",
        "properties.desired.x.y > 2 AND properties.desired.x.y < 2.6",
        "properties.desired.$version = properties.reported.lastDesiredVersion",
        "properties.reported.lastDesiredStatus.code = 200",
        "capabilities.iotEdge = true",
        "capabilities.iotEdge",
        "configurations.[[dep-1]].status = 'Applied'",
        "is_defined(tags.env) AND NOT is_defined(tags.nothing)",
        "is_string(tags.env) AND is_number(tags.n) AND is_bool(capabilities.iotEdge)",
        "is_null(tags.none) AND is_object(tags) AND is_array(tags.list)",
        "startswith(deviceId, 'cam') AND endswith(deviceId, '1') AND contains(deviceId, 'am')",
        "tags.list[0] = 1 AND 'b' IN tags.list",
        "tags.nothing = 1 OR tags.env = 't'",
        "(tags.env = 'u' OR tags.env = 't') AND tags.n = 3",
    };

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(conditions); i++) {
        if (!matches(conditions[i]))
            fail_msg("does not hold: %s", conditions[i]);
    }
}

static void test_conditions_that_do_not(void **state)
{
    static const char *const conditions[] =
        {
            "tags.env = 'T'",       "tags.nothing = 1",
            "NOT tags.nothing = 1", /* neither it nor its negation */
            "tags.nothing != 1",    "tags.env > 1",
            "tags.ENV = 't'",       "startswith(tags.n, '3')",
            "tags.n IN []",         "NOT tags.env",
        };

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(conditions); i++) {
        if (matches(conditions[i]))
            fail_msg("holds: %s", conditions[i]);
    }
}

static void test_what_is_no_query_is_told_with_its_place(void **state)
{
    static const char *const queries[] = {
        "",
        "SELECT",
        "SELECT * FROM",
        "SELECT * FROM boats",
        "SELECT * FROM devices WHERE",
        "SELECT * FROM devices WHERE tags.env =",
        "SELECT * FROM devices WHERE (tags.env = 1",
        "SELECT * FROM devices WHERE tags.env = 'open",
        "SELECT * FROM devices WHERE nothing(tags)",
        "SELECT * FROM devices WHERE is_defined(a, b)",
        "SELECT * FROM devices; DROP",
        "SELECT a. FROM devices",
        "SELECT TOP x * FROM devices",
    };

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(queries); i++) {
        struct query *query = NULL;
        struct edge_err err = {0};

        assert_true(query_parse(queries[i], strlen(queries[i]), &query, &err) < 0);
        assert_non_null(strstr(err.text, "character"));
    }
}

static void test_depth_and_length_have_limits(void **state)
{
    struct query *query = NULL;
    char text[4096] = "";

    (void) state;
    for (int i = 0; i < 200; i++)
        strcat(text, "(");
    assert_int_equal(query_parse_condition(text, strlen(text), &query, NULL), EDGE_ELIMIT);
    text[0] = '\0';
    for (int i = 0; i < 200; i++)
        strcat(text, "NOT ");
    assert_int_equal(query_parse_condition(text, strlen(text), &query, NULL), EDGE_ELIMIT);
}

static char *run(const char *sql, const char *documents)
{
    EDGE_CLEANUP(query_free) struct query *query = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *all = parse(documents);
    EDGE_CLEANUP(edge_json_free) struct edge_json *rows = NULL;

    assert_int_equal(query_parse(sql, strlen(sql), &query, NULL), 0);
    assert_int_equal(query_finish(query, all, &rows), 0);
    return edge_json_text(rows);
}

static void assert_run(const char *sql, const char *documents, const char *rows)
{
    EDGE_CLEANUP(edge_free) char *got = run(sql, documents);

    assert_string_equal(got, rows);
}

static void test_select_takes_members_and_counts(void **state)
{
    static const char docs[] = "[{\"t\":{\"a\":1,\"k\":\"x\"}},{\"t\":{\"a\":3,\"k\":\"y\"}},"
                               "{\"t\":{\"a\":2,\"k\":\"x\"}},{\"t\":{}}]";

    (void) state;
    assert_run("SELECT t.a, t.k AS key FROM devices", docs,
               "[{\"a\":1,\"key\":\"x\"},{\"a\":3,\"key\":\"y\"},{\"a\":2,\"key\":\"x\"},{}]");
    assert_run("SELECT COUNT() AS n FROM devices", docs, "[{\"n\":4}]");
    assert_run("SELECT COUNT(*) FROM devices", "[]", "[{\"count\":0}]");
    assert_run("SELECT SUM(t.a) AS s, AVG(t.a) AS v, MIN(t.a) AS l, MAX(t.a) AS h FROM devices",
               docs, "[{\"s\":6,\"v\":2,\"l\":1,\"h\":3}]");
    assert_run("SELECT t.k AS k, COUNT() AS n FROM devices GROUP BY t.k", docs,
               "[{\"k\":\"x\",\"n\":2},{\"k\":\"y\",\"n\":1},{\"n\":1}]");
    assert_run("SELECT t.a AS a FROM devices ORDER BY t.a DESC", docs,
               "[{\"a\":3},{\"a\":2},{\"a\":1},{}]");
}

static void test_source_and_top_are_read(void **state)
{
    EDGE_CLEANUP(query_free) struct query *query = NULL;
    static const char sql[] = "select top 5 * from devices.modules";

    (void) state;
    assert_int_equal(query_parse(sql, strlen(sql), &query, NULL), 0);
    assert_int_equal(query_source(query), QUERY_MODULES);
    assert_int_equal(query_top(query), 5);
    assert_true(query_is_star(query));
    assert_false(query_needs_all(query));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions_that_hold),
        cmocka_unit_test(test_conditions_that_do_not),
        cmocka_unit_test(test_what_is_no_query_is_told_with_its_place),
        cmocka_unit_test(test_depth_and_length_have_limits),
        cmocka_unit_test(test_select_takes_members_and_counts),
        cmocka_unit_test(test_source_and_top_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
