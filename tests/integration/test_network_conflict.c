/* The module network when it must refuse or cannot: what is said, and that nothing is left. */
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/cancel.h"
#include "tests/integration/netcase.h"

/* --- conflicts ------------------------------------------------------------------------------ */

static void test_a_port_of_another_module_is_refused_by_name(void **state)
{
    static const struct agent_endpoint_port ours = {"", 8080, 80, "tcp"};
    static const struct agent_endpoint_port same = {"127.0.0.1", 8080, 81, "tcp"};
    static const struct agent_endpoint_port udp = {"", 8080, 80, "udp"};
    struct agent_network *net = case_open(&case_first);
    struct edge_err err = {0};
    (void) state;

    case_attach(net, "a", &ours, 1);
    assert_int_equal(case_try_attach(net, "b", &same, 1, &err), EDGE_ECONFLICT);
    assert_non_null(strstr(err.text, "127.0.0.1:8080/tcp"));
    assert_non_null(strstr(err.text, "module a"));
    assert_non_null(strstr(err.text, "module b"));
    assert_int_equal(case_try_attach(net, "b", &udp, 1, &err), 0);
    case_detach(net, "a");
    assert_int_equal(case_try_attach(net, "c", &same, 1, &err), 0);
    case_teardown(net);
    case_assert_clean();
}

static void test_a_port_of_a_host_process_is_refused(void **state)
{
    static const struct agent_endpoint_port tcp = {"", 8080, 80, "tcp"};
    static const struct agent_endpoint_port udp = {"", 8080, 80, "udp"};
    struct agent_network *net = case_open(&case_first);
    struct edge_err err = {0};
    pid_t server = lab_serve(LAB_HOST, "tcp", "127.0.0.1", 8080);
    (void) state;

    assert_int_equal(case_try_attach(net, "a", &tcp, 1, &err), EDGE_ECONFLICT);
    assert_non_null(strstr(err.text, "8080/tcp"));
    lab_serve(LAB_HOST, "udp", "0.0.0.0", 8080);
    assert_int_equal(case_try_attach(net, "a", &udp, 1, &err), EDGE_ECONFLICT);
    case_assert_no_endpoint();

    case_assert_answer(LAB_HOST, "tcp", "127.0.0.1", 8080, NULL); /* leaves a TIME_WAIT behind */
    lab_kill(server);
    assert_int_equal(case_try_attach(net, "a", &tcp, 1, &err), 0);
    case_teardown(net);
    case_assert_clean();
}

static void test_a_host_process_cannot_take_a_published_port(void **state)
{
    static const struct agent_endpoint_port port = {"", 8080, 80, "tcp"};
    struct agent_network *net = case_open(&case_first);
    struct agent_network *other = case_open(&case_second);
    struct edge_err err = {0};
    (void) state;

    case_attach(net, "a", &port, 1);
    assert_int_equal(case_try_attach(other, "b", &port, 1, &err), EDGE_ECONFLICT);
    case_detach(net, "a");
    assert_int_equal(case_try_attach(other, "b", &port, 1, &err), 0);
    case_teardown(other);
    case_teardown(net);
    case_assert_clean();
}

static void test_a_subnet_in_use_on_the_host_is_refused(void **state)
{
    static const struct agent_network_config clash = {"clash", "192.0.0.0/16", RUNDIR,
                                                      "/usr/lib/cni"};
    struct agent_network *net = case_open(&clash);
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(case_try_attach(net, "a", NULL, 0, &err), EDGE_ECONFLICT);
    assert_non_null(strstr(err.text, "wire"));
    case_teardown(net);
    case_assert_clean();
}

static void test_a_second_runtime_of_the_same_name_is_refused_and_harms_nothing(void **state)
{
    static const struct agent_network_config twin = {"azure-iot-edge", "172.29.0.0/16",
                                                     OTHER_RUNDIR, "/usr/lib/cni"};
    static const struct agent_endpoint_port port = {"", 8080, 80, "tcp"};
    struct agent_network *net = case_open(&case_first);
    struct agent_network *other = case_open(&twin);
    struct edge_err err = {0};
    pid_t a = case_attach(net, "a", &port, 1);
    (void) state;

    lab_serve(a, "tcp", "0.0.0.0", 80);
    assert_int_equal(case_try_attach(other, "b", NULL, 0, &err), EDGE_ECONFLICT);
    assert_non_null(strstr(err.text, RUNDIR));
    case_restore(other, NULL);
    case_teardown(other);
    case_assert_answer(case_outside, "tcp", HOST, 8080, OUTSIDE);
    case_teardown(net);
    case_assert_clean();
}

static void test_an_interface_of_the_administrator_is_left_alone(void **state)
{
    static const struct agent_network_config taken = {"wire", "172.29.0.0/16", RUNDIR,
                                                      "/usr/lib/cni"};
    struct agent_network *net = case_open(&taken);
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(case_try_attach(net, "a", NULL, 0, &err), EDGE_ECONFLICT);
    assert_non_null(strstr(err.text, "wire"));
    case_restore(net, NULL);
    case_teardown(net);
    case_assert_clean();
}

/* --- failures ------------------------------------------------------------------------------- */

static void test_an_attach_that_fails_after_the_plugin_leaves_nothing(void **state)
{
    static const struct agent_endpoint_port port = {"", 8080, 80, "tcp"};
    struct agent_network *net;
    struct edge_err err = {0};
    (void) state;

    case_make_plugins(
        "/usr/lib/cni/bridge >/run/answer || exit 1\n"
        "[ $CNI_COMMAND = DEL ] && exit 0\n"
        "cat <<'END'\n{\"code\":11,\"msg\":\"try again\",\"details\":\"a\\nb\"}\nEND\nexit 1");
    net = case_open(&case_scripted);
    assert_int_equal(case_try_attach(net, "a", &port, 1, &err), EDGE_ECHILD);
    assert_non_null(strstr(err.text, "module a"));
    assert_non_null(strstr(err.text, "try again; a b"));
    assert_int_equal(err.status, 11);
    case_assert_no_endpoint();
    lab_run(LAB_HOST, "rm -r /run/answer /run/cni");
    case_teardown(net);
    case_assert_clean();
}

static void test_a_missing_plugin_is_named(void **state)
{
    static const struct agent_network_config none = {"azure-iot-edge", "172.30.0.0/16", RUNDIR,
                                                     "/run/none"};
    struct agent_network *net = case_open(&none);
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(case_try_attach(net, "a", NULL, 0, &err), EDGE_ECHILD);
    assert_non_null(strstr(err.text, "/run/none/loopback"));
    assert_non_null(strstr(err.text, "containernetworking-plugins"));
    case_assert_no_endpoint();
    case_teardown(net);
    case_assert_clean();
}

static void test_a_task_without_a_namespace_of_its_own_is_refused(void **state)
{
    struct agent_endpoint endpoint = {.id = "a", .module = "a", .pid = (uint32_t) getpid()};
    struct agent_network *net = case_open(&case_first);
    struct edge_err err = {0};
    char *text = NULL;
    (void) state;

    assert_int_equal(agent_network_attach(net, &endpoint, NULL, &text, &err), EDGE_EINVALID);
    assert_null(text);
    case_teardown(net);
    case_assert_clean();
}

static void test_a_cancelled_attach_leaves_nothing(void **state)
{
    EDGE_CLEANUP(edge_cancel_unref) struct edge_cancel *cancel = edge_cancel_create();
    struct agent_endpoint endpoint = {.id = "a", .module = "a"};
    struct agent_network *net = case_open(&case_first);
    char *text = NULL;
    (void) state;

    endpoint.pid = (uint32_t) lab_task();
    edge_cancel_fire(cancel);
    assert_int_equal(agent_network_attach(net, &endpoint, cancel, &text, NULL), -ECANCELED);
    case_assert_no_endpoint();
    case_teardown(net);
    case_assert_clean();
}

static void test_a_missing_nft_is_named_and_nothing_stays(void **state)
{
    struct agent_network *net = case_open(&case_first);
    struct edge_err err = {0};
    int rc;
    (void) state;

    lab_run(LAB_HOST, "mkdir /run/empty && mount --bind /run/empty /usr/sbin");
    rc = case_try_attach(net, "a", NULL, 0, &err);
    lab_run(LAB_HOST, "umount /usr/sbin && rm -rf /run/empty /run/mount");
    assert_int_equal(rc, EDGE_ECHILD);
    assert_non_null(strstr(err.text, "nftables"));
    case_assert_no_endpoint();
    case_teardown(net);
    case_assert_clean();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        NETWORK_TEST(test_a_port_of_another_module_is_refused_by_name),
        NETWORK_TEST(test_a_port_of_a_host_process_is_refused),
        NETWORK_TEST(test_a_host_process_cannot_take_a_published_port),
        NETWORK_TEST(test_a_subnet_in_use_on_the_host_is_refused),
        NETWORK_TEST(test_a_second_runtime_of_the_same_name_is_refused_and_harms_nothing),
        NETWORK_TEST(test_an_interface_of_the_administrator_is_left_alone),
        NETWORK_TEST(test_an_attach_that_fails_after_the_plugin_leaves_nothing),
        NETWORK_TEST(test_a_missing_plugin_is_named),
        NETWORK_TEST(test_a_task_without_a_namespace_of_its_own_is_refused),
        NETWORK_TEST(test_a_cancelled_attach_leaves_nothing),
        NETWORK_TEST(test_a_missing_nft_is_named_and_nothing_stays),
    };
    (void) argc;

    lab_enter(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
