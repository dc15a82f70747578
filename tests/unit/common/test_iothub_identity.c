#include "tests/unit/test.h"

#include "common/base/err.h"
#include "common/iothub/identity.h"

static void test_ids_are_what_iot_hub_takes(void **state)
{
    char longest[EDGE_ID_MAX + 2];
    (void) state;

    memset(longest, 'x', sizeof longest);
    assert_true(edge_id_valid("a", 1));
    assert_true(edge_id_valid("-:.+%_#*?!(),=@;$'", 18));
    assert_true(edge_id_valid(longest, EDGE_ID_MAX));
    assert_false(edge_id_valid(longest, EDGE_ID_MAX + 1));
    assert_false(edge_id_valid("", 0));
    assert_false(edge_id_valid("a b", 3));
    assert_false(edge_id_valid("a/b", 3));
    assert_false(edge_id_valid("a\0b", 3));
    assert_false(edge_id_valid("\xc3\xa4", 2));
}

static void test_client_ids_name_device_and_module(void **state)
{
    struct edge_identity who;
    char text[2 * EDGE_ID_MAX + 2];
    (void) state;

    assert_int_equal(edge_identity_parse("d1", 2, &who), 0);
    assert_string_equal(who.device, "d1");
    assert_string_equal(who.module, "");
    assert_int_equal(edge_identity_parse("d1/$edgeAgent", 13, &who), 0);
    assert_string_equal(who.module, "$edgeAgent");
    edge_identity_format(&who, text, sizeof text);
    assert_string_equal(text, "d1/$edgeAgent");
    assert_int_equal(edge_identity_parse("", 0, &who), EDGE_EINVALID);
    assert_int_equal(edge_identity_parse("d1/", 3, &who), EDGE_EINVALID);
    assert_int_equal(edge_identity_parse("/m", 2, &who), EDGE_EINVALID);
    assert_int_equal(edge_identity_parse("d/m/x", 5, &who), EDGE_EINVALID);
}

static void test_the_resource_holds_ids_encoded_once(void **state)
{
    const struct edge_identity who = {"dev#1", "$edgeAgent"};
    EDGE_CLEANUP(edge_free) char *text = edge_identity_resource(&who, "hub.test");
    (void) state;

    assert_string_equal(text, "hub.test/devices/dev%231/modules/%24edgeAgent");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_are_what_iot_hub_takes),
        cmocka_unit_test(test_client_ids_name_device_and_module),
        cmocka_unit_test(test_the_resource_holds_ids_encoded_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
