#include "tests/unit/test.h"

#include "agent/network/nft.h"
#include "tests/unit/agent/network/endpoint.h"

static const char head[] = "add table ip edge-azure-iot-edge\n"
                           "delete table ip edge-azure-iot-edge\n"
                           "table ip edge-azure-iot-edge {\n";

static const char chains[] =
    "  chain publish {\n"
    "    dnat to ip daddr . meta l4proto . th dport map @published_on\n"
    "    dnat to meta l4proto . th dport map @published\n"
    "  }\n"
    "  chain prerouting {\n"
    "    type nat hook prerouting priority -100; policy accept;\n"
    "    fib daddr type local jump publish\n"
    "  }\n"
    "  chain output {\n"
    "    type nat hook output priority -100; policy accept;\n"
    "    fib daddr type local jump publish\n"
    "  }\n"
    "  chain guard {\n"
    "    type filter hook prerouting priority -300; policy accept;\n"
    "    iifname \"br0\" ip daddr 127.0.0.0/8 drop\n"
    "    iifname \"br0\" ip saddr 127.0.0.0/8 drop\n"
    "  }\n"
    "  chain isolation {\n"
    "    type filter hook forward priority 0; policy accept;\n"
    "    oifname != \"br0\" accept\n"
    "    iifname \"br0\" accept\n"
    "    ct state established,related accept\n"
    "    ct status dnat accept\n"
    "    drop\n"
    "  }\n"
    "  chain postrouting {\n"
    "    type nat hook postrouting priority 100; policy accept;\n"
    "    ip saddr 127.0.0.0/8 oifname \"br0\" masquerade\n"
    "    ip saddr 172.30.0.0/16 oifname \"br0\" ct status dnat masquerade\n"
    "    ip saddr 172.30.0.0/16 ip daddr != 172.30.0.0/16 "
    "oifname != \"br0\" masquerade\n"
    "  }\n"
    "}\n";

static void assert_rules(const struct agent_record_set *set, const char *maps)
{
    struct agent_subnet subnet;
    const struct agent_nft nft = {"azure-iot-edge", "br0", &subnet, 0};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(65536);
    EDGE_CLEANUP(edge_free) char *expected = edge_format("%s%s%s", head, maps, chains);

    assert_int_equal(agent_subnet_parse("172.30.0.0/16", &subnet, NULL), 0);
    assert_int_equal(agent_nft_text(&nft, set, &text), 0);
    assert_string_equal(text.data, expected);
}

static void test_without_endpoints_the_table_still_isolates(void **state)
{
    const struct agent_record_set set = {0};
    (void) state;

    assert_rules(&set, "  map published_on {\n"
                       "    type ipv4_addr . inet_proto . inet_service : "
                       "ipv4_addr . inet_service\n"
                       "  }\n"
                       "  map published {\n"
                       "    type inet_proto . inet_service : ipv4_addr . inet_service\n"
                       "  }\n");
}

static void test_ports_of_endpoints_that_are_up_stand_in_the_maps(void **state)
{
    static const struct agent_endpoint_port ports[] = {
        {"", 8080, 80, "tcp"}, {"127.0.0.1", 9090, 80, "tcp"}, {"", 5140, 514, "udp"}};
    static const struct agent_endpoint_port other = {"0.0.0.0", 1, 2, "sctp"};
    struct agent_record_set set = {0};
    (void) state;

    add_record(&set, "id-b", "b", "172.30.0.3", &other, 1, NULL);
    add_record(&set, "id-a", "a", "172.30.0.2", ports, 3, NULL);
    add_record(&set, "id-c", "c", NULL, ports, 3, NULL);
    add_record(&set, "id-d", "d", "172.30.0.4", ports, 3, NULL)->going = true;
    assert_rules(&set, "  map published_on {\n"
                       "    type ipv4_addr . inet_proto . inet_service : "
                       "ipv4_addr . inet_service\n"
                       "    elements = {\n"
                       "      127.0.0.1 . tcp . 9090 : 172.30.0.2 . 80\n"
                       "    }\n"
                       "  }\n"
                       "  map published {\n"
                       "    type inet_proto . inet_service : ipv4_addr . inet_service\n"
                       "    elements = {\n"
                       "      tcp . 8080 : 172.30.0.2 . 80,\n"
                       "      udp . 5140 : 172.30.0.2 . 514,\n"
                       "      sctp . 1 : 172.30.0.3 . 2\n"
                       "    }\n"
                       "  }\n");
    agent_record_set_fini(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_endpoints_the_table_still_isolates),
        cmocka_unit_test(test_ports_of_endpoints_that_are_up_stand_in_the_maps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
