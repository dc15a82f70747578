#include "tests/unit/test.h"

#include "agent/network/resolv.h"

static void assert_text(const struct agent_resolv *wanted, const char *host, const char *expected)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(AGENT_RESOLV_MAX);

    assert_int_equal(agent_resolv_text(wanted, host, strlen(host), &text), 0);
    assert_string_equal(text.data, expected);
}

static const struct agent_resolv nothing;

static void test_the_hosts_servers_are_taken_without_loopback_ones(void **state)
{
    (void) state;

    assert_text(&nothing,
                "# comment\nnameserver 127.0.0.53\n nameserver\t10.0.0.1 \r\n"
                "nameserver ::1\nnameserver fe80::1%eth0\nnameserver 0.0.0.0\n"
                "nameserver bad\nnameserver\nsearch lan factory.example\n"
                "options edns0 trust-ad ndots:2\nnameserver 10.0.0.2",
                "nameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch lan factory.example\n"
                "options edns0 trust-ad ndots:2\n");
}

static void test_public_servers_stand_in_where_none_is_left(void **state)
{
    (void) state;

    assert_text(&nothing, "", "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
    assert_text(&nothing, "nameserver 127.0.0.53\n", "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
}

static void test_what_the_module_asks_for_replaces_the_hosts(void **state)
{
    static const char *const dns[] = {"1.1.1.1", "fd00::1", NULL};
    static const char *const search[] = {"a.example", "b.example", NULL};
    static const char *const options[] = {"ndots:1", NULL};
    static const char *const none[] = {".", NULL};
    const struct agent_resolv all = {dns, search, options, false};
    const struct agent_resolv only_dns = {dns, none, NULL, false};
    const char *host = "nameserver 10.0.0.1\nsearch lan\noptions edns0\n";
    (void) state;

    assert_text(&all, host,
                "nameserver 1.1.1.1\nnameserver fd00::1\nsearch a.example b.example\n"
                "options ndots:1\n");
    assert_text(&only_dns, host, "nameserver 1.1.1.1\nnameserver fd00::1\noptions edns0\n");
}

static void test_in_host_mode_the_hosts_local_server_will_do(void **state)
{
    static const char *const search[] = {"a.example", NULL};
    const struct agent_resolv wanted = {NULL, search, NULL, true};
    (void) state;

    assert_text(&wanted, "nameserver 127.0.0.53\n", "nameserver 127.0.0.53\nsearch a.example\n");
}

static void test_a_server_that_a_container_can_reach_is_recognised(void **state)
{
    static const char stub[] = "nameserver 127.0.0.53\noptions edns0\n";
    static const char real[] = "search x\nnameserver 192.168.1.1\n";
    (void) state;

    assert_false(agent_resolv_has_server(NULL, 0));
    assert_false(agent_resolv_has_server(stub, strlen(stub)));
    assert_true(agent_resolv_has_server(real, strlen(real)));
}

static void test_members_that_cannot_be_used_are_named(void **state)
{
    static const char *const bad_dns[] = {"1.1.1.1", "1.1.1.1\nsearch x", NULL};
    static const char *const bad_search[] = {"a b", NULL};
    static const char *const bad_options[] = {"ndots:1\nnameserver 6.6.6.6", NULL};
    const struct agent_resolv wanted[] = {{bad_dns, NULL, NULL, false},
                                          {NULL, bad_search, NULL, false},
                                          {NULL, NULL, bad_options, false}};
    static const char *const members[] = {
        "HostConfig.Dns:", "HostConfig.DnsSearch:", "HostConfig.DnsOptions:"};
    (void) state;

    assert_int_equal(agent_resolv_check(&nothing, NULL), 0);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(wanted); i++) {
        struct edge_err err = {0};

        assert_int_equal(agent_resolv_check(&wanted[i], &err), EDGE_EINVALID);
        assert_memory_equal(err.text, members[i], strlen(members[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_hosts_servers_are_taken_without_loopback_ones),
        cmocka_unit_test(test_public_servers_stand_in_where_none_is_left),
        cmocka_unit_test(test_what_the_module_asks_for_replaces_the_hosts),
        cmocka_unit_test(test_in_host_mode_the_hosts_local_server_will_do),
        cmocka_unit_test(test_a_server_that_a_container_can_reach_is_recognised),
        cmocka_unit_test(test_members_that_cannot_be_used_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
