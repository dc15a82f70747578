/* createOptions in one piece and in many. */
#include "tests/unit/test.h"

#include "tests/unit/agent/deployment.h"

#define PLACE "module \"cam\": settings.createOptions: "

/* The options of these settings, as canonical text. */
static void gives(const char *settings, const char *expected)
{
    EDGE_CLEANUP(edge_free)
    char *text = edge_format("{" RUNTIME "," SYSTEM ",\"modules\":{\"cam\":{\"type\":\"docker\","
                             "\"status\":\"running\",\"settings\":{\"image\":\"a\"%s}}}}",
                             settings);
    EDGE_CLEANUP(agent_desired_free) struct agent_desired *d = deployment_must(text);
    EDGE_CLEANUP(edge_free)
    char *options = edge_json_canonical(d->modules[0].create_options);

    assert_string_equal(options, expected);
}

static void refuses(const char *settings, const char *error)
{
    EDGE_CLEANUP(edge_free)
    char *text = edge_format("{" RUNTIME "," SYSTEM ",\"modules\":{\"cam\":{\"type\":\"docker\","
                             "\"status\":\"running\",\"settings\":{\"image\":\"a\"%s}}}}",
                             settings);

    deployment_refused(text, EDGE_EINVALID, error);
}

static void test_nothing_is_an_empty_object(void **state)
{
    (void) state;

    gives("", "{}");
    gives(",\"createOptions\":null", "{}");
    gives(",\"createOptions\":\"\"", "{}");
    gives(",\"createOptions\":\" \\n \"", "{}");
    gives(",\"createOptions\":\"null\"", "{}");
    gives(",\"createOptions\":\" null \"", "{}");
    gives(",\"createOptions\":\"{}\"", "{}");
    gives(",\"createOptions\":{}", "{}");
}

static void test_text_and_object_are_the_same(void **state)
{
    (void) state;

    gives(",\"createOptions\":\"{\\\"b\\\":[1],\\\"a\\\":\\\"x\\\"}\"", "{\"a\":\"x\",\"b\":[1]}");
    gives(",\"createOptions\":{\"b\":[1],\"a\":\"x\"}", "{\"a\":\"x\",\"b\":[1]}");
}

static void test_pieces_are_joined_in_order(void **state)
{
    (void) state;

    gives(",\"createOptions02\":\"}\",\"createOptions\":\"{\\\"a\\\"\",\"createOptions01\":\":1\"",
          "{\"a\":1}");
    gives(",\"CREATEOPTIONS\":\"{\",\"CreateOptions01\":\"}\"", "{}");
    gives(",\"createOptions\":\"{}\",\"createOptions01\":null", "{}");
    gives(",\"createOptions\":null,\"createOptions01\":\"{\",\"createOptions02\":\"}\"", "{}");
    gives(",\"createOptions\":\"{}\",\"createOptionsX\":\"}\"", "{}");
    gives(",\"createOptions\":\"{\\\"a\\\":\",\"createOptions01\":1,\"createOptions02\":\"}\"",
          "{\"a\":1}");
}

static void test_ninety_nine_pieces_may_follow(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf settings = EDGE_BUF_INIT(1 << 16);
    (void) state;

    edge_buf_puts(&settings, ",\"createOptions\":\"{\\\"a\\\":\\\"\"");
    for (int i = 1; i < 99; i++)
        edge_buf_printf(&settings, ",\"createOptions%02d\":\"x\"", i);
    edge_buf_puts(&settings, ",\"createOptions99\":\"\\\"}\"");
    gives(settings.data, "{\"a\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}");
}

#define GAP " does not follow on: after createOptions come 01, 02, … without a gap"

static void test_gaps_are_refused(void **state)
{
    (void) state;

    refuses(",\"createOptions\":\"{\",\"createOptions02\":\"}\",\"createOptions03\":\"\"",
            PLACE "createOptions02" GAP);
    refuses(",\"createOptions\":\"{\",\"createOptions02\":\"}\"", PLACE "createOptions02" GAP);
    refuses(",\"createOptions00\":\"{\",\"createOptions01\":\"}\",\"createOptions02\":\"\"",
            PLACE "there is createOptions00, but no createOptions");
    refuses(",\"createOptions01\":\"{\",\"createOptions02\":\"}\"",
            PLACE "there is createOptions01, but no createOptions");
    refuses(",\"createOptions\":\"{}\",\"createOptions00\":\"\"", PLACE "createOptions00" GAP);
    refuses(",\"createOptions\":\"{}\",\"createOptions1\":\"\"", PLACE "createOptions1" GAP);
    refuses(",\"createOptions\":\"{}\",\"createOptions001\":\"\"", PLACE "createOptions001" GAP);
    refuses(",\"createOptions\":{},\"createOptions01\":\"\"", PLACE "createOptions01" GAP);
}

static void test_broken_options_are_refused_with_their_place(void **state)
{
    (void) state;

    refuses(",\"createOptions\":\"{\\\"a\\\":}\"",
            PLACE "not valid JSON at byte 5: unexpected character");
    refuses(",\"createOptions\":\"{\"", PLACE "not valid JSON: it ends too early, after 1 bytes");
    refuses(",\"createOptions\":\"[]\"", PLACE "must hold an object, not an array");
    refuses(",\"createOptions\":[]", PLACE "its pieces must be texts, not an array");
    refuses(",\"createOptions\":5", PLACE "must hold an object, not a number");
    refuses(",\"createOptions\":\"{}\",\"createOptions01\":{}",
            PLACE "its pieces must be texts, not an object");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_an_empty_object),
        cmocka_unit_test(test_text_and_object_are_the_same),
        cmocka_unit_test(test_pieces_are_joined_in_order),
        cmocka_unit_test(test_ninety_nine_pieces_may_follow),
        cmocka_unit_test(test_gaps_are_refused),
        cmocka_unit_test(test_broken_options_are_refused_with_their_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
