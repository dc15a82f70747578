/* User names of IoT Hub's clients, and of those who are not. */
#include "tests/unit/test.h"

#include "common/base/err.h"
#include "hub/mqtt/user.h"

static struct hub_mqtt_user user;

static int parse(const char *text)
{
    struct edge_err err = {0};
    int rc =
        hub_mqtt_user_parse((struct edge_bytes){(const uint8_t *) text, strlen(text)}, &user, &err);

    if (rc < 0) {
        assert_int_equal(rc, EDGE_EINVALID);
        assert_int_not_equal(err.text[0], 0);
        hub_mqtt_user_fini(&user);
    }
    return rc;
}

static void assert_user(const char *text, const char *host, const char *device, const char *module,
                        const char *client)
{
    assert_int_equal(parse(text), 0);
    assert_string_equal(user.host, host);
    assert_string_equal(user.who.device, device);
    assert_string_equal(user.who.module, module);
    assert_string_equal(user.client, client);
    hub_mqtt_user_fini(&user);
}

static void test_what_sdks_send(void **state)
{
    (void) state;
    assert_user("hub.test/edge1/modA/?api-version=2021-04-12&DeviceClientType=azure-iot-device%2F"
                "1.18.4%20(node%20v20.20.2%3B%20Debian%2012%3B%20x64)",
                "hub.test", "edge1", "modA",
                "azure-iot-device/1.18.4 (node v20.20.2; Debian 12; x64)");
    assert_user("hub.test/leaf/?api-version=x", "hub.test", "leaf", "", "");
    assert_user("h/d/api-version=x&DeviceClientType=c", "h", "d", "", "c");
    assert_user("h/d/m/?api-version=x&Foo=c", "h", "d", "m", "");
    assert_user("h/d/m/api-version=x&", "h", "d", "m", "");
    assert_user("h/d/m/api-version=2017-06-30/DeviceClientType=Microsoft.Azure.Devices.Client/"
                "1.5.1-preview-003",
                "h", "d", "m", "");
    assert_user("h/edge1/$edgeHub/?api-version=1", "h", "edge1", "$edgeHub", "");
    assert_user("h/?d?/?api-version=1", "h", "?d?", "", "");
    assert_user("h/d/?api-version=1&DeviceClientType=a/b?c", "h", "d", "", "a/b?c");
}

static void test_the_first_of_two_counts(void **state)
{
    (void) state;
    assert_user("h/d/?DeviceClientType=a&DeviceClientType=b&api-version=1", "h", "d", "", "a");
    assert_user("h/d/?api-version=&api-version=1", "h", "d", "", "");
}

static void test_model_and_chain_are_decoded(void **state)
{
    (void) state;
    assert_int_equal(parse("h/e/$edgeHub/?api-version=1&model-id=dtmi%3Aa%3Bb%3B1&"
                           "auth-chain=leaf%3Be1%3Be2"),
                     0);
    assert_string_equal(user.model_id, "dtmi:a;b;1");
    assert_string_equal(user.auth_chain, "leaf;e1;e2");
    hub_mqtt_user_fini(&user);
}

static void test_a_broken_encoding_stands_as_it_is(void **state)
{
    (void) state;
    assert_user("h/d/?api-version=1&DeviceClientType=50%zz", "h", "d", "", "50%zz");
    assert_user("h/d/?api-version=1&DeviceClientType=%ff", "h", "d", "", "%ff");
    assert_user("h/d/?api-version=1&DeviceClientType=%00x", "h", "d", "", "%00x");
}

static void test_everything_else_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "h",
        "h/d",
        "h/d/m",
        "h/d/foo",
        "h/d/api-version",
        "h/d/m/DeviceClientType=x",
        "h/d/m/api-version=x/extra",
        "h/d/m?api-version=x",
        "h/d/m/api-version=2017-06-30/DeviceClientType=Microsoft.Azure.Devices.Client/1.5.1",
        "h//?api-version=x",
        "h/d/m/?version=x",
        "h/d/?api-version=",
        "h/d/m/x/?api-version=1",
        "/d/?api-version=1",
        "h/d//?api-version=1",
        "h/a b/?api-version=1",
        "/",
        "//?",
    };

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++)
        if (parse(bad[i]) == 0)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(hub_mqtt_user_parse((struct edge_bytes){NULL, 0}, &user, NULL), EDGE_EINVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_sdks_send),
        cmocka_unit_test(test_the_first_of_two_counts),
        cmocka_unit_test(test_model_and_chain_are_decoded),
        cmocka_unit_test(test_a_broken_encoding_stands_as_it_is),
        cmocka_unit_test(test_everything_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
