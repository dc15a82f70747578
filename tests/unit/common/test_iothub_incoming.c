/* Topics of what IoT Hub publishes. */
#include "tests/unit/test.h"

#include <stdbool.h>

#include "common/iothub/incoming.h"

static bool is(struct edge_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) &&
           (bytes.len == 0 || memcmp(bytes.data, text, bytes.len) == 0);
}

static void test_answers_have_status_rid_and_version(void **state)
{
    struct edge_incoming in;

    (void) state;
    edge_incoming_read("$iothub/twin/res/204/?$rid=a1&$version=7", &in);
    assert_int_equal(in.kind, EDGE_INCOMING_ANSWER);
    assert_int_equal(in.status, 204);
    assert_int_equal(in.version, 7);
    assert_true(is(in.rid, "a1"));
    edge_incoming_read("$iothub/twin/res/200/?%24rid=x", &in);
    assert_int_equal(in.kind, EDGE_INCOMING_ANSWER);
    assert_int_equal(in.version, 0);
    assert_true(is(in.rid, "x"));
}

static void test_desired_properties_and_methods(void **state)
{
    struct edge_incoming in;

    (void) state;
    edge_incoming_read("$iothub/twin/PATCH/properties/desired/?$version=3", &in);
    assert_int_equal(in.kind, EDGE_INCOMING_DESIRED);
    assert_int_equal(in.version, 3);
    edge_incoming_read("$iothub/methods/POST/do%20it/?$rid=5", &in);
    assert_int_equal(in.kind, EDGE_INCOMING_METHOD);
    assert_string_equal(in.method, "do it");
    assert_true(is(in.rid, "5"));
}

static void test_messages_have_a_bag_or_none(void **state)
{
    struct edge_incoming in;

    (void) state;
    edge_incoming_read("devices/d/messages/devicebound/%24.mid=1&a=b", &in);
    assert_int_equal(in.kind, EDGE_INCOMING_C2D);
    assert_true(is(in.bag, "%24.mid=1&a=b"));
    edge_incoming_read("devices/d/messages/devicebound", &in);
    assert_int_equal(in.kind, EDGE_INCOMING_C2D);
    assert_true(is(in.bag, ""));
}

static void test_everything_else_is_unknown(void **state)
{
    static const char *const topics[] = {
        "",
        "$iothub/twin/res/20/?$rid=1",
        "$iothub/twin/res/200/",
        "$iothub/twin/res/200/?$version=1",
        "$iothub/twin/res/200/?$rid=1&$version=x",
        "$iothub/methods/POST//?$rid=1",
        "$iothub/methods/POST/m",
        "devices//messages/devicebound/",
        "devices/d/messages/deviceboundx",
        "devices/d/messages/events/",
        "devices/d/modules/m/inputs/i/",
    };
    struct edge_incoming in;

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(topics); i++) {
        edge_incoming_read(topics[i], &in);
        if (in.kind != EDGE_INCOMING_UNKNOWN)
            fail_msg("took %s", topics[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_have_status_rid_and_version),
        cmocka_unit_test(test_desired_properties_and_methods),
        cmocka_unit_test(test_messages_have_a_bag_or_none),
        cmocka_unit_test(test_everything_else_is_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
