#include "tests/unit/test.h"

#include "common/json/json.h"

static int parse(const char *text, struct edge_json **ret)
{
    return edge_json_parse(text, strlen(text), ret, NULL);
}

static void test_equal_values_have_the_same_canonical_text(void **state)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *a = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *b = NULL;
    EDGE_CLEANUP(edge_free) char *text_a = NULL;
    EDGE_CLEANUP(edge_free) char *text_b = NULL;
    (void) state;

    assert_int_equal(parse("{\"b\":[1,{\"y\":2,\"x\":1}],\"a\":\"/\"}", &a), 0);
    assert_int_equal(parse("{ \"a\" : \"/\", \"b\": [1, {\"x\":1,\"y\":2}]}", &b), 0);
    text_a = edge_json_canonical(a);
    text_b = edge_json_canonical(b);
    assert_string_equal(text_a, "{\"a\":\"/\",\"b\":[1,{\"x\":1,\"y\":2}]}");
    assert_string_equal(text_a, text_b);
    assert_true(edge_json_equal(a, b));
}

static void test_bad_documents_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "{} x",
        "nul",
        "[1,]",
        "NaN",
        "[-Infinity]",
        "1e999",
        "{\"a\":\"\\u0000\"}",
        "{\"a\\u0000\":1}",
        "\"\xff\"",
        "\"\xed\xa0\x80\"",
        "\"\xc0\x80\"",
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        struct edge_json *value = NULL;

        assert_int_equal(parse(bad[i], &value), EDGE_EINVALID);
        assert_null(value);
    }
}

static void test_nothing_is_no_document(void **state)
{
    struct edge_json *value = NULL;

    (void) state;
    assert_int_equal(edge_json_parse(NULL, 0, &value, NULL), EDGE_EINVALID);
    assert_null(value);
}

static void test_deep_nesting_is_a_limit(void **state)
{
    char text[200];
    struct edge_json *value = NULL;
    (void) state;

    memset(text, '[', sizeof text);
    assert_int_equal(edge_json_parse(text, sizeof text, &value, NULL), EDGE_ELIMIT);
}

static void test_names_are_found_without_case_but_exact_wins(void **state)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *value = NULL;
    (void) state;

    assert_int_equal(parse("{\"NAME\":1,\"name\":2,\"Other\":3}", &value), 0);
    assert_int_equal(edge_json_int(edge_json_get_nocase(value, "name"), 0), 2);
    assert_int_equal(edge_json_int(edge_json_get_nocase(value, "OTHER"), 0), 3);
    assert_null(edge_json_get(value, "other"));
}

static void test_loose_values_read_as_docker_reads_them(void **state)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *value = NULL;
    bool truth = false;
    int64_t number = 0;
    (void) state;

    assert_int_equal(parse("{\"a\":\"true\",\"b\":\"42\",\"c\":2.0,\"d\":2.5,\"e\":null}", &value),
                     0);
    assert_int_equal(edge_json_loose_bool(edge_json_get(value, "a"), &truth), 0);
    assert_true(truth);
    assert_int_equal(edge_json_loose_int(edge_json_get(value, "b"), &number), 0);
    assert_int_equal(number, 42);
    assert_int_equal(edge_json_loose_int(edge_json_get(value, "c"), &number), 0);
    assert_int_equal(number, 2);
    assert_int_equal(edge_json_loose_int(edge_json_get(value, "d"), &number), EDGE_EINVALID);
    assert_int_equal(edge_json_loose_bool(edge_json_get(value, "e"), &truth), EDGE_EINVALID);
}

static void test_what_is_sent_is_utf8_whatever_came_in(void **state)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *a = edge_json_new_str("caf\xc3");
    EDGE_CLEANUP(edge_json_free) struct edge_json *b = edge_json_new_str("\xff\xc3\xa9\x80!");
    EDGE_CLEANUP(edge_json_free) struct edge_json *c = edge_json_new_str_len("\xc3\xa9 ok", 5);
    (void) state;

    assert_string_equal(edge_json_str(a, NULL), "caf?");
    assert_string_equal(edge_json_str(b, NULL), "?\xc3\xa9?!");
    assert_string_equal(edge_json_str(c, NULL), "\xc3\xa9 ok");
}

static void test_text_that_stops_short_says_so(void **state)
{
    struct edge_json *value = NULL;
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(edge_json_parse("{\"a\":1", 6, &value, &err), EDGE_EINVALID);
    assert_string_equal(err.text, "not valid JSON: it ends too early, after 6 bytes");
    assert_int_equal(edge_json_parse("{\"a\":}", 6, &value, &err), EDGE_EINVALID);
    assert_string_equal(err.text, "not valid JSON at byte 5: unexpected character");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_values_have_the_same_canonical_text),
        cmocka_unit_test(test_bad_documents_are_refused),
        cmocka_unit_test(test_nothing_is_no_document),
        cmocka_unit_test(test_deep_nesting_is_a_limit),
        cmocka_unit_test(test_names_are_found_without_case_but_exact_wins),
        cmocka_unit_test(test_loose_values_read_as_docker_reads_them),
        cmocka_unit_test(test_what_is_sent_is_utf8_whatever_came_in),
        cmocka_unit_test(test_text_that_stops_short_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
