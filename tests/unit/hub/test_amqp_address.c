/* Addresses, audiences and users: whose they are. */
#include "tests/unit/test.h"

#include "hub/amqp/address.h"

static void is(const char *address, bool client_sends, enum hub_amqp_kind_of_link kind,
               const char *device, const char *module)
{
    struct edge_identity who;

    assert_int_equal(hub_amqp_address(address, client_sends, &who), kind);
    if (kind == HUB_AMQP_LINK_OTHER)
        return;
    assert_string_equal(who.device, device);
    assert_string_equal(who.module, module);
}

static void test_addresses(void **state)
{
    (void) state;
    is("/devices/d/messages/events", true, HUB_AMQP_LINK_EVENTS, "d", "");
    is("devices/d/modules/m/messages/events", true, HUB_AMQP_LINK_EVENTS, "d", "m");
    is("/devices/d/modules/m/messages/events", false, HUB_AMQP_LINK_INPUTS, "d", "m");
    is("/devices/d/messages/events", false, HUB_AMQP_LINK_OTHER, "", "");
    is("/Devices/d/Messages/DeviceBound", false, HUB_AMQP_LINK_C2D, "d", "");
    is("/devices/d/messages/devicebound", true, HUB_AMQP_LINK_OTHER, "", "");
    is("/devices/d%3Ae/twin", true, HUB_AMQP_LINK_TWIN_ASK, "d:e", "");
    is("/devices/d%zz/twin", false, HUB_AMQP_LINK_TWIN_TELL, "d%zz", "");
    is("/devices/d/modules/%24edgeHub/methods/devicebound", false, HUB_AMQP_LINK_CALL, "d",
       "$edgeHub");
    is("/devices/d/methods/devicebound", true, HUB_AMQP_LINK_CALL_REPLY, "d", "");
    is("/devices//twin", true, HUB_AMQP_LINK_OTHER, "", "");
    is("/devices/d/twin/", true, HUB_AMQP_LINK_OTHER, "", "");
    is("/devices/a b/twin", true, HUB_AMQP_LINK_OTHER, "", "");
    is("", true, HUB_AMQP_LINK_OTHER, "", "");
}

static void test_audiences(void **state)
{
    struct edge_identity who;

    (void) state;
    assert_true(hub_amqp_audience("hub.test/devices/d", &who));
    assert_string_equal(who.device, "d");
    assert_true(hub_amqp_audience("hub.test/devices/d/modules/%24edgeAgent", &who));
    assert_string_equal(who.module, "$edgeAgent");
    assert_false(hub_amqp_audience("hub.test", &who));
    assert_false(hub_amqp_audience("hub.test/devices/d/messages", &who));
    assert_false(hub_amqp_audience("sb://hub.test/devices/d", &who));
    assert_false(hub_amqp_audience("/devices/d", &who));
}

static void test_users(void **state)
{
    struct edge_identity who;

    (void) state;
    assert_true(hub_amqp_user("d@sas.hub", "hub.test", &who));
    assert_string_equal(who.device, "d");
    assert_true(hub_amqp_user("d/modules/m@hub.test", "hub.test", &who));
    assert_string_equal(who.module, "m");
    assert_true(hub_amqp_user("a@b@sas.hub", "hub.test", &who));
    assert_string_equal(who.device, "a@b");
    assert_false(hub_amqp_user("d@sas.hu", "hub.test", &who));
    assert_false(hub_amqp_user("d", "hub.test", &who));
    assert_false(hub_amqp_user("d@", "hub.test", &who));
    assert_false(hub_amqp_user("@sas.hub", "hub.test", &who));
    assert_false(hub_amqp_user("d/modules/@sas.hub", "hub.test", &who));
    assert_false(hub_amqp_user("d/other/m@sas.hub", "hub.test", &who));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_audiences),
        cmocka_unit_test(test_users),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
