/* The module network through sudden ends, restarts and many modules: nothing is left over, nothing
 * is taken from others. */
#include "tests/unit/test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/netcase.h"

/* The agent as another process that attaches @p id and is killed in the midst of it. */
static void attach_and_be_killed(const char *id)
{
    pid_t task = lab_task();
    int status;
    pid_t agent = fork();

    assert_true(agent >= 0);
    if (agent == 0) {
        static const struct agent_endpoint_port port = {"", 8080, 80, "tcp"};
        const struct agent_endpoint endpoint = {
            .id = id, .module = id, .pid = (uint32_t) task, .ports = &port, .nports = 1};
        struct agent_network *net = NULL;
        char *text = NULL;

        (void) setenv("PATH", "/run/cni:/usr/sbin:/usr/bin:/sbin:/bin", true);
        if (agent_network_open(&case_scripted, &net, NULL) == 0)
            (void) !agent_network_attach(net, &endpoint, NULL, &text, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(agent, &status, 0), agent);
    assert_true(WIFSIGNALED(status));
}

/* --- sudden ends ---------------------------------------------------------------------------- */

static void test_restore_undoes_an_attach_that_was_killed_after_the_plugin(void **state)
{
    struct agent_network *net;
    (void) state;

    case_make_plugins("/usr/lib/cni/bridge >/dev/null; kill -9 $PPID");
    attach_and_be_killed("a");
    lab_run(LAB_HOST, "ip -o link show type veth | grep -q master");
    net = case_open(&case_first);
    case_restore(net, NULL);
    case_assert_no_endpoint();
    lab_run(LAB_HOST, "rm -r /run/cni");
    case_teardown(net);
    case_assert_clean();
}

static void test_restore_undoes_an_attach_that_was_killed_before_the_plugin(void **state)
{
    struct agent_network *net;
    (void) state;

    case_make_plugins("kill -9 $PPID");
    attach_and_be_killed("a");
    lab_run(LAB_HOST, "test -e " RUNDIR "/network/a.json");
    net = case_open(&case_first);
    case_restore(net, NULL);
    case_assert_no_endpoint();
    case_attach(net, "a", NULL, 0);
    lab_run(LAB_HOST, "rm -r /run/cni");
    case_teardown(net);
    case_assert_clean();
}

static void test_restore_waits_for_a_program_that_outlives_its_agent(void **state)
{
    struct agent_network *net;
    (void) state;

    case_make_plugins("exec /usr/lib/cni/bridge");
    /* It has all of the rules before its agent ends. */
    lab_run(LAB_HOST, "printf '#!/bin/sh\nrules=$(cat)\nkill -9 $PPID\nsleep 0.5\n"
                      "echo \"$rules\" | /usr/sbin/nft -f -\n'"
                      " >/run/cni/nft && chmod 755 /run/cni/nft");
    attach_and_be_killed("a");
    net = case_open(&case_first);
    lab_run(LAB_HOST, "nft list ruleset | grep -q 8080");
    case_restore(net, NULL);
    case_assert_no_endpoint();
    lab_run(LAB_HOST, "rm -r /run/cni");
    case_teardown(net);
    case_assert_clean();
}

/* As a power cut, or a service manager, ends the agent: with all that it runs, @p ms from now. */
static void attach_and_end_after(pid_t task, int ms)
{
    static const struct agent_endpoint_port port = {"", 8080, 80, "tcp"};
    const struct agent_endpoint endpoint = {
        .id = "a", .module = "a", .pid = (uint32_t) task, .ports = &port, .nports = 1};
    const struct timespec delay = {0, ms * 1000000L};
    pid_t agent = fork();

    assert_true(agent >= 0);
    if (agent == 0) {
        struct agent_network *net = NULL;
        char *text = NULL;

        (void) setpgid(0, 0);
        if (agent_network_open(&case_first, &net, NULL) == 0)
            (void) !agent_network_attach(net, &endpoint, NULL, &text, NULL);
        (void) !agent_network_detach(net, "a", NULL);
        _exit(0);
    }
    (void) setpgid(agent, agent);
    (void) nanosleep(&delay, NULL);
    (void) kill(-agent, SIGKILL);
    assert_int_equal(waitpid(agent, NULL, 0), agent);
}

static void test_restore_undoes_what_ended_at_any_instant(void **state)
{
    (void) state;

    for (int ms = 0; ms < 150; ms += 5) {
        pid_t task = lab_task();
        struct agent_network *net;

        attach_and_end_after(task, ms);
        net = case_open(&case_first);
        case_restore(net, NULL);
        case_assert_no_endpoint();
        agent_network_close(net);
        lab_kill(task);
    }
    case_teardown(case_open(&case_first));
    case_assert_clean();
}

static void test_restore_sweeps_torn_records_and_what_they_stood_for(void **state)
{
    struct agent_network *net = case_open(&case_first);
    const char *const live[] = {"a", NULL};
    pid_t a = case_attach(net, "a", NULL, 0);
    (void) state;

    lab_serve(a, "tcp", "0.0.0.0", 80);
    case_attach(net, "b", NULL, 0);
    agent_network_close(net);
    lab_run(LAB_HOST,
            "echo '{\"version\":1,' >" RUNDIR "/network/b.json; "
            "echo x >" RUNDIR "/network/c.json.new; "
            "printf 'nobody\\r\\neth0' >" RUNDIR "/network/ipam/azure-iot-edge/172.30.0.9; "
            ": >" RUNDIR "/network/ipam/azure-iot-edge/172.30.0.10");
    net = case_open(&case_first);
    case_restore(net, live);
    lab_run(LAB_HOST, "[ \"$(ls " RUNDIR "/network)\" = \"$(printf 'a.json\\nipam')\" ]");
    lab_run(LAB_HOST, "[ \"$(ls " RUNDIR "/network/ipam/azure-iot-edge | grep ^172)\" = "
                      "172.30.0.2 ]");
    lab_run(LAB_HOST, "[ $(ip -o link show type veth | grep -c master) = 1 ]");
    case_assert_answer(LAB_HOST, "tcp", "172.30.0.2", 80, NULL);
    case_teardown(net);
    case_assert_clean();
}

static void test_restore_keeps_the_living_and_detaches_the_rest(void **state)
{
    static const struct agent_endpoint_port ports[] = {{"", 8080, 80, "tcp"},
                                                       {"", 9090, 80, "tcp"}};
    const char *const live[] = {"a", "c", NULL};
    struct agent_network *net = case_open(&case_first);
    EDGE_CLEANUP(edge_free) char *hosts = NULL;
    ino_t inode;
    pid_t a = case_attach(net, "a", &ports[0], 1);
    pid_t b = case_attach(net, "b", &ports[1], 1);
    pid_t c = case_attach(net, "c", NULL, 0);
    (void) state;

    lab_serve(a, "tcp", "0.0.0.0", 80);
    inode = case_inode_of("a");
    agent_network_close(net);
    lab_kill(b);
    lab_kill(c); /* said to live, but it is not the task we knew */
    lab_run(LAB_HOST, "nft delete table ip edge-azure-iot-edge");

    net = case_open(&case_first);
    case_restore(net, live);
    case_assert_answer(case_outside, "tcp", HOST, 8080, OUTSIDE);
    assert_string_equal(agent_network_address(net, "a"), "172.30.0.2");
    assert_null(agent_network_address(net, "b"));
    assert_null(agent_network_address(net, "c"));
    hosts = case_hosts_of("a");
    assert_null(strstr(hosts, "\tb\n"));
    assert_int_equal(case_inode_of("a"), inode);
    case_detach(net, "a");
    case_assert_no_endpoint();
    case_teardown(net);
    case_assert_clean();
}

static void test_a_reused_pid_does_not_lead_detach_astray(void **state)
{
    struct agent_network *net = case_open(&case_first);
    pid_t a = case_attach(net, "a", NULL, 0);
    pid_t b = case_attach(net, "b", NULL, 0);
    (void) state;

    lab_serve(b, "tcp", "0.0.0.0", 80);
    agent_network_close(net);
    lab_kill(a);
    lab_run(LAB_HOST, "sed -i 's/\"pid\":%d,/\"pid\":%d,/' " RUNDIR "/network/a.json", (int) a,
            (int) b);
    net = case_open(&case_first);
    case_detach(net, "a");
    case_assert_answer(LAB_HOST, "tcp", "172.30.0.3", 80, NULL);
    case_teardown(net);
    case_assert_clean();
}

static void test_detach_works_when_the_namespace_lives_on_or_everything_has_gone(void **state)
{
    static const struct agent_endpoint_port port = {"", 8080, 80, "tcp"};
    struct agent_network *net = case_open(&case_first);
    pid_t a = case_attach(net, "a", &port, 1);
    pid_t sharer;
    (void) state;

    sharer = lab_serve(a, "tcp", "0.0.0.0", 80); /* keeps a's namespace */
    lab_kill(a);
    case_detach(net, "a");
    case_assert_no_endpoint();
    lab_kill(sharer);

    a = case_attach(net, "a", &port, 1);
    lab_kill(a);
    lab_run(LAB_HOST, "ip link del azure-iot-edge; nft flush ruleset; nft add table inet firewall");
    case_detach(net, "a");
    case_detach(net, "a");
    case_assert_no_endpoint();
    case_attach(net, "a", &port, 1);
    case_teardown(net);
    case_assert_clean();
}

static void test_rules_that_were_flushed_are_written_again(void **state)
{
    static const struct agent_endpoint_port port = {"", 8080, 80, "tcp"};
    struct agent_network *net = case_open(&case_first);
    struct edge_err err = {0};
    pid_t server;
    (void) state;

    assert_int_equal(agent_network_check(net, &err), 0); /* nobody needs any */
    server = lab_serve(case_attach(net, "a", &port, 1), "tcp", "0.0.0.0", 80);
    assert_int_equal(agent_network_check(net, &err), 0);
    lab_run(LAB_HOST, "nft flush ruleset; nft add table inet firewall");
    assert_int_equal(agent_network_check(net, &err), 1);
    case_assert_answer(case_outside, "tcp", HOST, 8080, NULL);
    lab_run(LAB_HOST, "nft list table inet firewall"); /* it is another's */
    assert_int_equal(agent_network_check(net, &err), 0);
    lab_kill(server);
    case_teardown(net);
    case_assert_clean();
}

static void test_detach_works_without_the_plugins(void **state)
{
    static const struct agent_network_config none = {"azure-iot-edge", "172.30.0.0/16", RUNDIR,
                                                     "/run/none"};
    struct agent_network *net = case_open(&case_first);
    (void) state;

    case_attach(net, "a", NULL, 0);
    agent_network_close(net);
    net = case_open(&none);
    case_detach(net, "a");
    case_assert_no_endpoint();
    case_teardown(net);
    case_assert_clean();
}

static void test_a_task_attached_again_gets_a_new_start(void **state)
{
    static const struct agent_endpoint_port port = {"", 8080, 80, "tcp"};
    struct agent_network *net = case_open(&case_first);
    pid_t a = case_attach(net, "a", &port, 1);
    (void) state;

    lab_kill(a);
    a = case_attach(net, "a", &port, 1);
    lab_serve(a, "tcp", "0.0.0.0", 80);
    case_assert_answer(case_outside, "tcp", HOST, 8080, OUTSIDE);
    lab_run(LAB_HOST, "[ $(ls " RUNDIR "/network/ipam/azure-iot-edge | grep -c ^172) = 1 ]");
    case_teardown(net);
    case_assert_clean();
}

static void test_a_new_subnet_takes_effect_when_nobody_uses_the_old_one(void **state)
{
    static const struct agent_network_config moved = {"azure-iot-edge", "172.28.0.0/24", RUNDIR,
                                                      "/usr/lib/cni"};
    const char *const live[] = {"a", NULL};
    struct agent_network *net = case_open(&case_first);
    struct edge_err err = {0};
    pid_t a = case_attach(net, "a", NULL, 0);
    (void) state;

    agent_network_close(net);
    net = case_open(&moved);
    case_restore(net, live);
    assert_int_equal(case_try_attach(net, "b", NULL, 0, &err), EDGE_ECONFLICT);
    assert_non_null(strstr(err.text, "172.28.0.0/24"));
    case_detach(net, "a");
    lab_kill(a);
    case_attach(net, "b", NULL, 0);
    assert_string_equal(case_address, "172.28.0.2");
    case_teardown(net);
    case_assert_clean();
}

/* --- many ----------------------------------------------------------------------------------- */

static void test_thirty_modules_come_and_go(void **state)
{
    struct agent_network *net = case_open(&case_first);
    EDGE_CLEANUP(edge_free) char *hosts = NULL;
    struct agent_endpoint_port port = {"", 0, 80, "tcp"};
    char id[8];
    (void) state;

    for (int i = 0; i < 30; i++) {
        (void) snprintf(id, sizeof id, "m%d", i);
        case_attach(net, id, &port, 1);
    }
    hosts = case_hosts_of("m0");
    for (int i = 0; i < 30; i++) {
        (void) snprintf(id, sizeof id, "\tm%d\n", i);
        assert_non_null(strstr(hosts, id));
    }
    lab_run(LAB_HOST, "nft list map ip edge-azure-iot-edge published | grep -q 'tcp . 32797 :'");
    for (int i = 0; i < 30; i++) {
        (void) snprintf(id, sizeof id, "m%d", i);
        case_detach(net, id);
    }
    case_assert_no_endpoint();
    case_teardown(net);
    case_assert_clean();
}

static void test_two_networks_stand_apart(void **state)
{
    static const struct agent_endpoint_port ports[] = {{"", 8080, 80, "tcp"},
                                                       {"", 9090, 80, "tcp"}};
    struct agent_network *net = case_open(&case_first);
    struct agent_network *other = case_open(&case_second);
    pid_t a = case_attach(net, "a", &ports[0], 1);
    pid_t b = case_attach(other, "b", &ports[1], 1);
    (void) state;

    assert_string_equal(case_address, "172.31.0.2");
    lab_serve(a, "tcp", "0.0.0.0", 80);
    lab_serve(b, "tcp", "0.0.0.0", 80);
    assert_false(lab_reaches(a, "tcp", "172.31.0.2", 80));
    assert_false(lab_reaches(b, "tcp", "172.30.0.2", 80));
    case_assert_answer(a, "tcp", HOST, 9090, NULL); /* published is published */
    case_assert_answer(b, "tcp", HOST, 8080, NULL);
    case_teardown(net);
    case_assert_answer(case_outside, "tcp", HOST, 9090, OUTSIDE);
    case_assert_answer(LAB_HOST, "tcp", "127.0.0.1", 9090, "172.31.0.1");
    case_teardown(other);
    case_assert_clean();
}

static void test_restore_and_teardown_of_nothing_do_nothing(void **state)
{
    struct agent_network *net = case_open(&case_first);
    (void) state;

    case_restore(net, NULL);
    case_assert_clean();
    case_teardown(net);
    case_assert_clean();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        NETWORK_TEST(test_restore_undoes_an_attach_that_was_killed_after_the_plugin),
        NETWORK_TEST(test_restore_undoes_an_attach_that_was_killed_before_the_plugin),
        NETWORK_TEST(test_restore_waits_for_a_program_that_outlives_its_agent),
        NETWORK_TEST(test_restore_undoes_what_ended_at_any_instant),
        NETWORK_TEST(test_restore_sweeps_torn_records_and_what_they_stood_for),
        NETWORK_TEST(test_restore_keeps_the_living_and_detaches_the_rest),
        NETWORK_TEST(test_a_reused_pid_does_not_lead_detach_astray),
        NETWORK_TEST(test_detach_works_when_the_namespace_lives_on_or_everything_has_gone),
        NETWORK_TEST(test_detach_works_without_the_plugins),
        NETWORK_TEST(test_rules_that_were_flushed_are_written_again),
        NETWORK_TEST(test_a_task_attached_again_gets_a_new_start),
        NETWORK_TEST(test_a_new_subnet_takes_effect_when_nobody_uses_the_old_one),
        NETWORK_TEST(test_thirty_modules_come_and_go),
        NETWORK_TEST(test_two_networks_stand_apart),
        NETWORK_TEST(test_restore_and_teardown_of_nothing_do_nothing),
    };
    (void) argc;

    lab_enter(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
