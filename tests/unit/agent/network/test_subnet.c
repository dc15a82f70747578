#include "tests/unit/test.h"

#include "agent/network/names.h"
#include "agent/network/subnet.h"

static void test_a_network_is_taken_with_its_first_address_as_gateway(void **state)
{
    struct agent_subnet subnet;
    (void) state;

    assert_int_equal(agent_subnet_parse("172.30.0.0/16", &subnet, NULL), 0);
    assert_string_equal(subnet.text, "172.30.0.0/16");
    assert_string_equal(subnet.gateway, "172.30.0.1");
    assert_int_equal(agent_subnet_parse("10.0.0.0/8", &subnet, NULL), 0);
    assert_int_equal(agent_subnet_parse("192.168.7.4/30", &subnet, NULL), 0);
    assert_string_equal(subnet.gateway, "192.168.7.5");
}

static void test_what_is_no_usable_network_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *text;
        const char *reason;
    } bad[] = {
        {"", "not an IPv4 network"},
        {"172.30.0.0", "not an IPv4 network"},
        {"172.30.0.0/", "not an IPv4 network"},
        {"172.30.0.0/016", "not an IPv4 network"},
        {"172.30.0.0/16 ", "not an IPv4 network"},
        {"172.30.0.0/99999999999", "not an IPv4 network"},
        {"172.30.0.0.0/16", "not an IPv4 network"},
        {"1234567890123456789/16", "not an IPv4 network"},
        {"fd00::/64", "not an IPv4 network"},
        {"172.30.0.0/7", "/8 to /30"},
        {"172.30.0.0/31", "/8 to /30"},
        {"172.30.0.5/16", "the network is 172.30.0.0/16"},
        {"127.0.0.0/8", "unicast"},
        {"0.0.0.0/8", "unicast"},
        {"224.0.0.0/8", "unicast"},
        {"255.255.255.252/30", "unicast"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        struct agent_subnet subnet;
        struct edge_err err = {0};

        assert_int_equal(agent_subnet_parse(bad[i].text, &subnet, &err), EDGE_EINVALID);
        if (!strstr(err.text, bad[i].reason))
            fail_msg("%s: %s", bad[i].text, err.text);
    }
    assert_int_equal(agent_subnet_parse(NULL, NULL, NULL), EDGE_EINVALID);
}

static void test_host_addresses_leave_out_network_gateway_and_broadcast(void **state)
{
    struct agent_subnet subnet;
    (void) state;

    assert_int_equal(agent_subnet_parse("192.168.7.4/30", &subnet, NULL), 0);
    assert_false(agent_subnet_holds_host(&subnet, "192.168.7.4"));
    assert_false(agent_subnet_holds_host(&subnet, "192.168.7.5"));
    assert_true(agent_subnet_holds_host(&subnet, "192.168.7.6"));
    assert_false(agent_subnet_holds_host(&subnet, "192.168.7.7"));
    assert_false(agent_subnet_holds_host(&subnet, "192.168.7.8"));
    assert_false(agent_subnet_holds_host(&subnet, "x"));
}

static void test_overlap_is_seen_from_both_sides(void **state)
{
    struct agent_subnet subnet;
    (void) state;

    assert_int_equal(agent_subnet_parse("10.1.0.0/16", &subnet, NULL), 0);
    assert_true(agent_subnet_overlaps(&subnet, 0x0a010203, 0xffffff00));
    assert_true(agent_subnet_overlaps(&subnet, 0x0a000001, 0xff000000));
    assert_false(agent_subnet_overlaps(&subnet, 0x0a020001, 0xffff0000));
}

static void test_a_bridge_is_named_after_its_network_where_that_fits(void **state)
{
    char name[AGENT_IFNAME];
    char again[AGENT_IFNAME];
    (void) state;

    agent_bridge_name("azure-iot-edge", name);
    assert_string_equal(name, "azure-iot-edge");
    agent_bridge_name("fifteen-letters", name);
    assert_string_equal(name, "fifteen-letters");
    agent_bridge_name("sixteen--letters", name);
    assert_int_equal(strlen(name), 15);
    assert_memory_equal(name, "br-", 3);
    agent_bridge_name("sixteen--letterz", again);
    assert_string_not_equal(name, again);
    agent_bridge_name("all", name);
    assert_memory_equal(name, "br-", 3);
}

static void test_names_of_networks_are_checked(void **state)
{
    static const char *const bad[] = {
        "",     "-a",
        "a b",  "a\nb",
        "a\"b", "a/b",
        "a;b",  "a{",
        ".",    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    (void) state;

    assert_int_equal(agent_network_name_check("azure-iot-edge", NULL), 0);
    assert_int_equal(agent_network_name_check("A_1.x", NULL), 0);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++)
        assert_int_equal(agent_network_name_check(bad[i], NULL), EDGE_EINVALID);
    assert_int_equal(agent_network_name_check(NULL, NULL), EDGE_EINVALID);
}

static void test_words_that_could_be_read_as_two_are_no_names(void **state)
{
    (void) state;

    assert_true(agent_host_ok("tempSensor_1.factory-a"));
    assert_false(agent_host_ok("a b"));
    assert_false(agent_host_ok("a\n127.0.0.1 b"));
    assert_false(agent_host_ok("#a"));
    assert_false(agent_host_ok(""));
    assert_false(agent_host_ok(NULL));
    assert_false(agent_id_ok("../a"));
    assert_false(agent_id_ok("a/b"));
    assert_false(agent_id_ok(".."));
    assert_true(agent_id_ok("a..b"));
    assert_true(agent_resolv_option_ok("ndots:2"));
    assert_false(agent_resolv_option_ok("ndots:2\nnameserver"));
}

static void test_mac_addresses_name_one_station(void **state)
{
    (void) state;

    assert_true(agent_mac_ok("02:11:22:33:44:55"));
    assert_true(agent_mac_ok("aA:bb:cc:dd:ee:ff"));
    assert_false(agent_mac_ok("01:11:22:33:44:55"));
    assert_false(agent_mac_ok("00:00:00:00:00:00"));
    assert_false(agent_mac_ok("02-11-22-33-44-55"));
    assert_false(agent_mac_ok("02:11:22:33:44:5"));
    assert_false(agent_mac_ok("02:11:22:33:44:5g"));
    assert_false(agent_mac_ok(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_network_is_taken_with_its_first_address_as_gateway),
        cmocka_unit_test(test_what_is_no_usable_network_is_refused_with_a_reason),
        cmocka_unit_test(test_host_addresses_leave_out_network_gateway_and_broadcast),
        cmocka_unit_test(test_overlap_is_seen_from_both_sides),
        cmocka_unit_test(test_a_bridge_is_named_after_its_network_where_that_fits),
        cmocka_unit_test(test_names_of_networks_are_checked),
        cmocka_unit_test(test_words_that_could_be_read_as_two_are_no_names),
        cmocka_unit_test(test_mac_addresses_name_one_station),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
