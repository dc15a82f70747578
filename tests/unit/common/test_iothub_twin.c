#include "tests/unit/test.h"

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/iothub/twin.h"

static struct edge_json *json(const char *text)
{
    struct edge_json *value = NULL;

    assert_int_equal(edge_json_parse(text, strlen(text), &value, NULL), 0);
    return value;
}

static void test_patches_merge(void **state)
{
    static const char *const all[][3] = {
        {"{}", "{\"a\":1}", "{\"a\":1}"},
        {"{\"a\":1,\"b\":2}", "{\"a\":null}", "{\"b\":2}"},
        {"{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"x\":null,\"z\":3}}", "{\"a\":{\"y\":2,\"z\":3}}"},
        {"{\"a\":1}", "{\"a\":{\"x\":1,\"y\":null}}", "{\"a\":{\"x\":1}}"},
        {"{\"a\":{\"x\":1}}", "{\"a\":[1,2]}", "{\"a\":[1,2]}"},
        {"{\"a\":1}", "{\"$version\":5,\"b\":2}", "{\"a\":1,\"b\":2}"},
        {"{}", "{\"gone\":null}", "{}"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *target = json(all[i][0]);
        EDGE_CLEANUP(edge_json_free) struct edge_json *patch = json(all[i][1]);
        EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = json(all[i][2]);

        assert_int_equal(edge_twin_merge(target, patch), 0);
        if (!edge_json_equal(target, wanted))
            fail_msg("%s and %s", all[i][0], all[i][1]);
    }
}

static void test_a_difference_leads_from_one_to_the_other(void **state)
{
    static const char *const all[][3] = {
        {"{}", "{}", "{}"},
        {"{\"a\":1}", "{\"a\":1}", "{}"},
        {"{\"a\":1,\"b\":{\"c\":1,\"d\":2}}", "{\"b\":{\"c\":1,\"d\":3}}",
         "{\"b\":{\"d\":3},\"a\":null}"},
        {"{\"a\":{\"b\":1}}", "{\"a\":{}}", "{\"a\":{\"b\":null}}"},
        {"{\"a\":[1]}", "{\"a\":[1,2]}", "{\"a\":[1,2]}"},
        {"{\"a\":\"x\"}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *from = json(all[i][0]);
        EDGE_CLEANUP(edge_json_free) struct edge_json *to = json(all[i][1]);
        EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = json(all[i][2]);
        EDGE_CLEANUP(edge_json_free) struct edge_json *patch = edge_twin_diff(from, to);

        if (!edge_json_equal(patch, wanted))
            fail_msg("%s to %s", all[i][0], all[i][1]);
        assert_int_equal(edge_twin_merge(from, patch), 0);
        assert_true(edge_json_equal(from, to));
    }
}

static void expect_section(const char *text, int rc, const char *says)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *section = json(text);
    struct edge_err err = {0};

    assert_int_equal(edge_twin_check(section, &edge_twin_limits_properties, &err), rc);
    if (rc < 0 && !strstr(err.text, says))
        fail_msg("%s: %s", text, err.text);
}

static void test_limits_of_a_section(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(100000);
    (void) state;

    expect_section("{\"a\":{\"b\":[1,\"x\",true,1.5],\"n\":null}}", 0, "");
    expect_section("{\"a\":{\"b.c\":1}}", EDGE_EINVALID,
                   "Property name b.c contains invalid character '.': a.b.c");
    expect_section("{\"$x\":1}", EDGE_EINVALID, "$x");
    expect_section("{\"a b\":1}", EDGE_EINVALID, "a b");
    expect_section("{\"\":1}", EDGE_EINVALID, "empty");
    expect_section("{\"n\":4503599627370495,\"m\":-4503599627370496}", 0, "");
    expect_section("{\"n\":4503599627370496}", EDGE_EINVALID,
                   "Property n has an out of bound value. Valid values are between "
                   "-4503599627370496 and 4503599627370495");
    expect_section("{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":{\"9\":{\"10\":{\"p\":"
                   "1}}}}}}}}}}}",
                   0, "");
    expect_section("{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":{\"9\":{\"10\":{\"11\":"
                   "{}}}}}}}}}}}}",
                   EDGE_ELIMIT, "Nested depth of twin property exceeds 10");
    expect_section("{\"a\":[1,null]}", EDGE_EINVALID, "Arrays cannot contain 'null' as value");
    expect_section("{\"a#b\":1}", EDGE_EINVALID,
                   "Property name a#b contains invalid character '#'");
    expect_section("{\"a\xc2\x85\":1}", EDGE_EINVALID, "control");
    expect_section("[1]", EDGE_EINVALID, "no object");

    edge_buf_puts(&text, "{\"a\":\"");
    for (int i = 0; i < 4097; i++)
        edge_buf_puts(&text, "x");
    edge_buf_puts(&text, "\"}");
    expect_section(text.data, EDGE_ELIMIT,
                   "Value associated with property name a has length 4097 that exceeds maximum "
                   "length of 4096");
    edge_buf_consume(&text, text.len);
    edge_buf_puts(&text, "{\"");
    for (int i = 0; i < 1025; i++)
        edge_buf_puts(&text, "n");
    edge_buf_puts(&text, "\":1}");
    expect_section(text.data, EDGE_ELIMIT,
                   "Length of property name nnnnnnnnnn.. exceeds maximum length of 1024");
    expect_section("{\"a\":{\"b\":[4503599627370496]}}", EDGE_EINVALID, "Property b has an out");
}

static void test_sizes_as_iot_hub_counts_them(void **state)
{
    static const struct {
        const char *text;
        size_t size;
    } all[] = {
        {"{}", 0},
        {"{\"ab\":\"xyz\"}", 5},
        {"{\"n\":1,\"f\":1.5,\"b\":true,\"z\":null}", 4 + 8 + 8 + 4},
        {"{\"o\":{\"p\":[\"a\",2]}}", 1 + 1 + 1 + 8},
        {"{\"u\":\"\\u00e4\\u20ac\\n\"}", 3},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *section = json(all[i].text);

        assert_int_equal(edge_twin_size(section), all[i].size);
    }
}

static void test_a_section_over_its_size_is_refused(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(100000);
    (void) state;

    edge_buf_puts(&text, "{\"z\":0");
    for (int i = 0; i < 9; i++) {
        edge_buf_printf(&text, ",\"k%d\":\"", i);
        for (int n = 0; n < 4000; n++)
            edge_buf_puts(&text, "x");
        edge_buf_puts(&text, "\"");
    }
    edge_buf_puts(&text, "}");
    expect_section(text.data, EDGE_ELIMIT, "characters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patches_merge),
        cmocka_unit_test(test_a_difference_leads_from_one_to_the_other),
        cmocka_unit_test(test_limits_of_a_section),
        cmocka_unit_test(test_sizes_as_iot_hub_counts_them),
        cmocka_unit_test(test_a_section_over_its_size_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
