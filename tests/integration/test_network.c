/* The module network with real plugins, bridges and rules: who reaches whom. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/integration/netcase.h"

/* --- addresses, names ----------------------------------------------------------------------- */

static void test_modules_reach_each_other_and_themselves_by_address(void **state)
{
    struct agent_network *net = case_open(&case_first);
    pid_t a = case_attach(net, "a", NULL, 0);
    pid_t b;
    (void) state;

    assert_string_equal(case_address, "172.30.0.2");
    b = case_attach(net, "b", NULL, 0);
    assert_string_equal(case_address, "172.30.0.3");
    lab_serve(b, "tcp", "0.0.0.0", 80);
    lab_serve(b, "udp", "0.0.0.0", 80);
    case_assert_answer(a, "tcp", "172.30.0.3", 80, "172.30.0.2");
    case_assert_answer(a, "udp", "172.30.0.3", 80, "172.30.0.2");
    case_assert_answer(b, "tcp", "172.30.0.3", 80, "172.30.0.3");
    case_assert_answer(b, "tcp", "127.0.0.1", 80, "127.0.0.1");
    case_assert_answer(LAB_HOST, "tcp", "172.30.0.3", 80, GATEWAY);
    assert_string_equal(agent_network_address(net, "b"), "172.30.0.3");
    assert_null(agent_network_address(net, "c"));
    case_teardown(net);
    case_assert_clean();
}

static void test_hosts_files_change_in_place_as_modules_come_and_go(void **state)
{
    struct agent_network *net = case_open(&case_first);
    EDGE_CLEANUP(edge_free) char *alone = NULL;
    EDGE_CLEANUP(edge_free) char *both = NULL;
    EDGE_CLEANUP(edge_free) char *after = NULL;
    ino_t inode;
    (void) state;

    case_attach(net, "a", NULL, 0);
    alone = case_hosts_of("a");
    inode = case_inode_of("a");
    assert_non_null(strstr(alone, "172.30.0.2\ta\n"));
    case_attach(net, "b", NULL, 0);
    both = case_hosts_of("a");
    assert_non_null(strstr(both, "172.30.0.3\tb\n"));
    assert_int_equal(case_inode_of("a"), inode);
    case_detach(net, "b");
    after = case_hosts_of("a");
    assert_string_equal(after, alone);
    assert_int_equal(case_inode_of("a"), inode);
    assert_int_equal(agent_network_forget(net, "b", NULL), 0);
    assert_int_equal(access(RUNDIR "/containers/b", F_OK), -1);
    case_teardown(net);
    case_assert_clean();
}

static void test_a_module_gets_the_mac_it_asks_for(void **state)
{
    struct agent_network *net = case_open(&case_first);
    struct agent_endpoint endpoint = {.id = "a", .module = "a", .mac = "02:11:22:33:44:55"};
    EDGE_CLEANUP(edge_free) char *text = NULL;
    EDGE_CLEANUP(edge_free) char *link = NULL;
    (void) state;

    endpoint.pid = (uint32_t) lab_task();
    assert_int_equal(agent_network_attach(net, &endpoint, NULL, &text, NULL), 0);
    link = lab_output((pid_t) endpoint.pid, "ip link show eth0");
    assert_non_null(strstr(link, "02:11:22:33:44:55"));
    case_teardown(net);
    case_assert_clean();
}

static void test_host_mode_copies_the_hosts_files(void **state)
{
    static const char *const extra[] = {"db:10.0.0.9", "here:host-gateway", NULL};
    const struct agent_names names = {
        .id = "a", .hostname = "device", .extra_hosts = extra, .host_mode = true};
    struct agent_network *net = case_open(&case_first);
    EDGE_CLEANUP(edge_free) char *hosts = NULL;
    EDGE_CLEANUP(edge_free) char *etc = lab_output(LAB_HOST, "cat /etc/hosts");
    EDGE_CLEANUP(edge_free) char *resolv = NULL;
    EDGE_CLEANUP(edge_free) char *etc_resolv = lab_output(LAB_HOST, "cat /etc/resolv.conf");
    (void) state;

    assert_int_equal(agent_network_prepare(net, &names, NULL), 0);
    hosts = case_hosts_of("a");
    assert_memory_equal(hosts, etc, strlen(etc));
    assert_non_null(strstr(hosts, "10.0.0.9\tdb\n127.0.0.1\there\n"));
    resolv = lab_output(LAB_HOST, "cat " RUNDIR "/containers/a/resolv.conf");
    assert_string_equal(resolv, etc_resolv);
    case_teardown(net);
    case_assert_clean();
}

/* --- published ports, isolation ------------------------------------------------------------- */

static void assert_published(pid_t self, pid_t peer, const char *protocol, uint16_t port)
{
    case_assert_answer(LAB_HOST, protocol, "127.0.0.1", port, GATEWAY);
    case_assert_answer(LAB_HOST, protocol, HOST, port, HOST);
    case_assert_answer(LAB_HOST, protocol, GATEWAY, port, GATEWAY);
    case_assert_answer(case_outside, protocol, HOST, port, OUTSIDE);
    case_assert_answer(peer, protocol, GATEWAY, port, NULL);
    case_assert_answer(peer, protocol, HOST, port, NULL);
    case_assert_answer(self, protocol, GATEWAY, port, NULL);
    case_assert_answer(self, protocol, HOST, port, NULL);
}

static void test_published_ports_are_reached_from_everywhere(void **state)
{
    static const struct agent_endpoint_port ports[] = {{"", 8080, 80, "tcp"},
                                                       {"", 8080, 81, "udp"}};
    struct agent_network *net = case_open(&case_first);
    pid_t a = case_attach(net, "a", ports, 2);
    pid_t b = case_attach(net, "b", NULL, 0);
    (void) state;

    lab_serve(a, "tcp", "0.0.0.0", 80);
    lab_serve(a, "udp", "0.0.0.0", 81);
    assert_published(a, b, "tcp", 8080);
    assert_published(a, b, "udp", 8080);
    case_detach(net, "a");
    assert_false(lab_reaches(case_outside, "tcp", HOST, 8080));
    case_teardown(net);
    case_assert_clean();
}

static void test_a_port_on_one_address_is_published_there_only(void **state)
{
    static const struct agent_endpoint_port ports[] = {{"127.0.0.1", 8080, 80, "tcp"},
                                                       {HOST, 9090, 80, "tcp"}};
    struct agent_network *net = case_open(&case_first);
    pid_t a = case_attach(net, "a", ports, 2);
    (void) state;

    lab_serve(a, "tcp", "0.0.0.0", 80);
    case_assert_answer(LAB_HOST, "tcp", "127.0.0.1", 8080, GATEWAY);
    assert_false(lab_reaches(LAB_HOST, "tcp", HOST, 8080));
    assert_false(lab_reaches(case_outside, "tcp", HOST, 8080));
    case_assert_answer(case_outside, "tcp", HOST, 9090, OUTSIDE);
    assert_false(lab_reaches(LAB_HOST, "tcp", "127.0.0.1", 9090));
    case_teardown(net);
    case_assert_clean();
}

static void test_a_port_may_be_published_on_an_address_that_comes_later(void **state)
{
    static const struct agent_endpoint_port port = {"192.0.2.77", 8080, 80, "tcp"};
    struct agent_network *net = case_open(&case_first);
    pid_t a = case_attach(net, "a", &port, 1);
    (void) state;

    lab_serve(a, "tcp", "0.0.0.0", 80);
    lab_run(LAB_HOST, "ip addr add 192.0.2.77/24 dev wire");
    case_assert_answer(case_outside, "tcp", "192.0.2.77", 8080, OUTSIDE);
    case_teardown(net);
    case_assert_clean();
}

static void test_outside_reaches_no_module_by_its_address(void **state)
{
    static const struct agent_endpoint_port port = {"", 8080, 80, "tcp"};
    struct agent_network *net = case_open(&case_first);
    pid_t a = case_attach(net, "a", &port, 1);
    (void) state;

    lab_serve(a, "tcp", "0.0.0.0", 80);
    lab_serve(a, "tcp", "0.0.0.0", 81);
    case_assert_answer(case_outside, "tcp", HOST, 8080, OUTSIDE);
    assert_false(lab_reaches(case_outside, "tcp", "172.30.0.2", 80));
    assert_false(lab_reaches(case_outside, "tcp", "172.30.0.2", 81));
    lab_run(LAB_HOST, "nft flush chain ip edge-azure-iot-edge isolation"); /* it was this chain */
    case_assert_answer(case_outside, "tcp", "172.30.0.2", 81, OUTSIDE);
    case_teardown(net);
    case_assert_clean();
}

static void test_a_module_goes_out_under_the_hosts_address(void **state)
{
    struct agent_network *net = case_open(&case_first);
    pid_t a = case_attach(net, "a", NULL, 0);
    (void) state;

    lab_serve(case_outside, "tcp", "0.0.0.0", 80);
    lab_serve(case_outside, "udp", "0.0.0.0", 80);
    case_assert_answer(a, "tcp", OUTSIDE, 80, HOST);
    case_assert_answer(a, "udp", OUTSIDE, 80, HOST);
    case_teardown(net);
    case_assert_clean();
}

static void test_a_module_does_not_reach_the_hosts_loopback(void **state)
{
    struct agent_network *net = case_open(&case_first);
    pid_t a = case_attach(net, "a", NULL, 0);
    (void) state;

    lab_serve(LAB_HOST, "tcp", "127.0.0.1", 7000);
    lab_run(a, "echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet; ip addr flush dev lo; "
               "ip route flush table local dev lo 2>/dev/null; "
               "ip route add 127.0.0.1/32 via " GATEWAY " dev eth0 src 172.30.0.2");
    assert_false(lab_reaches(a, "tcp", "127.0.0.1", 7000));
    lab_run(LAB_HOST, "nft flush chain ip edge-azure-iot-edge guard"); /* it was this chain */
    case_assert_answer(a, "tcp", "127.0.0.1", 7000, NULL);
    case_teardown(net);
    case_assert_clean();
}

/* Wait for a line of the kernel's table of connections. */
static void wait_for_connection(const char *pattern)
{
    lab_run(LAB_HOST,
            "for i in $(seq 1000); do grep -q '%s' /proc/net/nf_conntrack && exit 0; "
            "sleep 0.02; done; exit 1",
            pattern);
}

static void test_a_steady_udp_sender_finds_a_later_module_and_its_successor(void **state)
{
    static const struct agent_endpoint_port port = {"", 5140, 514, "udp"};
    struct agent_network *net = case_open(&case_first);
    struct lab_sender sender;
    pid_t task;
    pid_t server;
    (void) state;

    case_attach(net, "first", NULL, 0); /* from here on the kernel tracks connections */
    sender = lab_send(case_outside, 4000, HOST, 5140);
    wait_for_connection("dport=5140");
    task = case_attach(net, "a", &port, 1);
    server = lab_serve(task, "udp", "0.0.0.0", 514);
    assert_true(lab_sender_hears(&sender));

    case_detach(net, "a");
    lab_kill(server);
    lab_kill(task);
    task = case_attach(net, "b", &port, 1);
    lab_serve(task, "udp", "0.0.0.0", 514);
    assert_true(lab_sender_hears(&sender));
    lab_sender_stop(&sender);
    case_teardown(net);
    case_assert_clean();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        NETWORK_TEST(test_modules_reach_each_other_and_themselves_by_address),
        NETWORK_TEST(test_hosts_files_change_in_place_as_modules_come_and_go),
        NETWORK_TEST(test_a_module_gets_the_mac_it_asks_for),
        NETWORK_TEST(test_host_mode_copies_the_hosts_files),
        NETWORK_TEST(test_published_ports_are_reached_from_everywhere),
        NETWORK_TEST(test_a_port_on_one_address_is_published_there_only),
        NETWORK_TEST(test_a_port_may_be_published_on_an_address_that_comes_later),
        NETWORK_TEST(test_outside_reaches_no_module_by_its_address),
        NETWORK_TEST(test_a_module_goes_out_under_the_hosts_address),
        NETWORK_TEST(test_a_module_does_not_reach_the_hosts_loopback),
        NETWORK_TEST(test_a_steady_udp_sender_finds_a_later_module_and_its_successor),
    };
    (void) argc;

    lab_enter(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
