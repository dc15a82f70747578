/* The user name of a connection towards IoT Hub, read as the MQTT head reads it. */
#include "tests/unit/test.h"

#include "hub/cloud/mqtt/login.h"
#include "hub/mqtt/user.h"

static struct hub_mqtt_user read_back(const char *text)
{
    struct hub_mqtt_user user;

    assert_int_equal(
        hub_mqtt_user_parse((struct edge_bytes){(const uint8_t *) text, strlen(text)}, &user, NULL),
        0);
    return user;
}

static void test_the_hub_speaks_for_itself(void **state)
{
    const struct edge_identity who = {"edge1", "$edgeHub"};
    const struct hub_login login = {"hub.test", &who, "", "", NULL};
    EDGE_CLEANUP(edge_free) char *text = hub_login_user(&login);

    (void) state;
    assert_string_equal(text, "hub.test/edge1/$edgeHub/?api-version=2021-04-12"
                              "&DeviceClientType=EdgeHub%2F" EDGE_VERSION);
}

static void test_a_leaf_is_spoken_for_with_its_chain(void **state)
{
    const struct edge_identity who = {"leaf", ""};
    const struct hub_login login = {"hub.test", &who, "sdk/1 (a&b)", "dtmi:a;1", "leaf;edge1"};
    EDGE_CLEANUP(edge_free) char *text = hub_login_user(&login);
    struct hub_mqtt_user user = read_back(text);

    (void) state;
    assert_string_equal(user.host, "hub.test");
    assert_true(edge_identity_equal(&user.who, &who));
    assert_string_equal(user.client, "sdk/1 (a&b) EdgeHub/" EDGE_VERSION);
    assert_string_equal(user.model_id, "dtmi:a;1");
    assert_string_equal(user.auth_chain, "leaf;edge1");
    hub_mqtt_user_fini(&user);
}

static void test_a_name_without_end_is_refused(void **state)
{
    const struct edge_identity who = {"leaf", ""};
    EDGE_CLEANUP(edge_free) char *client = malloc(20000);
    const struct hub_login login = {"hub.test", &who, client, "", "leaf;edge1"};

    (void) state;
    assert_non_null(client);
    memset(client, 'x', 19999);
    client[19999] = '\0';
    assert_null(hub_login_user(&login));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_hub_speaks_for_itself),
        cmocka_unit_test(test_a_leaf_is_spoken_for_with_its_chain),
        cmocka_unit_test(test_a_name_without_end_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
