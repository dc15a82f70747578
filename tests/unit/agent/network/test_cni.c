#include "tests/unit/test.h"

#include "agent/network/cni.h"

static int parse(const char *text, struct agent_cni_result *ret)
{
    return agent_cni_result_parse(text, strlen(text), "br0", ret, NULL);
}

static void test_address_and_host_interface_are_found_in_both_versions(void **state)
{
    static const char *const texts[] = {
        "{\"cniVersion\":\"0.4.0\",\"interfaces\":[{\"name\":\"br0\"},{\"name\":\"veth1\"},"
        "{\"name\":\"eth0\",\"sandbox\":\"/proc/1/ns/net\"}],"
        "\"ips\":[{\"version\":\"4\",\"interface\":2,\"address\":\"172.30.0.2/16\"}]}",
        "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"br0\"},{\"name\":\"veth1\"},"
        "{\"name\":\"eth0\",\"sandbox\":\"/proc/1/ns/net\"}],"
        "\"ips\":[{\"address\":\"fd00::2/64\"},{\"interface\":2,\"address\":\"172.30.0.2/16\"}]}",
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(texts); i++) {
        EDGE_CLEANUP(agent_cni_result_fini) struct agent_cni_result result = {0};

        assert_int_equal(parse(texts[i], &result), 0);
        assert_string_equal(result.address, "172.30.0.2");
        assert_string_equal(result.veth, "veth1");
        assert_non_null(result.json);
    }
}

static void test_answers_without_an_address_break_the_protocol(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"ips\":[]}",
        "{\"ips\":[{\"address\":\"fd00::2/64\"}]}",
        "{\"ips\":[{\"address\":\"172.30.0.2.3.4.5.6.7.8.9\"}]}",
        "{\"ips\":[{\"address\":5}]}",
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        struct agent_cni_result result = {0};

        assert_int_equal(parse(bad[i], &result), EDGE_EPROTOCOL);
        assert_null(result.json);
    }
}

static void test_a_hostile_interface_name_is_not_taken(void **state)
{
    EDGE_CLEANUP(agent_cni_result_fini) struct agent_cni_result result = {0};
    (void) state;

    assert_int_equal(parse("{\"interfaces\":[{\"name\":\"../../x\"},{\"name\":\"a b\"}],"
                           "\"ips\":[{\"address\":\"172.30.0.2\"}]}",
                           &result),
                     0);
    assert_string_equal(result.veth, "");
}

static struct edge_bytes bytes(const char *text)
{
    return (struct edge_bytes){(const uint8_t *) text, strlen(text)};
}

static void test_an_error_of_a_plugin_becomes_one_line(void **state)
{
    static const struct {
        const char *output;
        const char *errors;
        const char *text;
        int status;
    } cases[] = {
        {"{\"code\":100,\"msg\":\"no route\",\"details\":\"to\\nhost\"}", "x",
         "CNI plugin bridge failed to ADD: no route; to host", 100},
        {"{\"code\":7,\"msg\":\"no route\"}", "", "CNI plugin bridge failed to ADD: no route", 7},
        {"not json", "panic: oops\ngoroutine 1\n", "CNI plugin bridge failed to ADD: panic: oops",
         2},
        {"", "", "CNI plugin bridge failed to ADD: it gave no reason", 2},
        {"{}", "\x1b[31mred", "CNI plugin bridge failed to ADD:  [31mred", 2},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        struct edge_err err = {0};

        assert_int_equal(agent_cni_error("bridge", "ADD", 2, bytes(cases[i].output),
                                         bytes(cases[i].errors), &err),
                         EDGE_ECHILD);
        assert_string_equal(err.text, cases[i].text);
        assert_int_equal(err.status, cases[i].status);
    }
}

static void test_the_bridge_is_configured_for_our_rules(void **state)
{
    struct agent_subnet subnet;
    const struct agent_cni cni = {"/bin", "net", "br0", "/run/ipam", &subnet, 0};
    struct agent_cni_call call = {"id-1", "/proc/1/fd/3", "02:11:22:33:44:55", NULL};
    EDGE_CLEANUP(edge_json_free) struct edge_json *result = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *add = NULL;
    EDGE_CLEANUP(edge_free) char *del = NULL;
    EDGE_CLEANUP(edge_free) char *loopback = NULL;
    (void) state;

    assert_int_equal(agent_subnet_parse("172.30.0.0/16", &subnet, NULL), 0);
    add = agent_cni_config(&cni, "bridge", &call);
    assert_string_equal(
        add, "{\"cniVersion\":\"0.4.0\",\"name\":\"net\",\"type\":\"bridge\",\"bridge\":\"br0\","
             "\"isGateway\":true,\"ipMasq\":false,\"hairpinMode\":true,"
             "\"ipam\":{\"ranges\":[[{\"subnet\":\"172.30.0.0/16\",\"gateway\":\"172.30.0.1\"}]],"
             "\"routes\":[{\"dst\":\"0.0.0.0/0\"}],\"type\":\"host-local\","
             "\"dataDir\":\"/run/ipam\"},\"runtimeConfig\":{\"mac\":\"02:11:22:33:44:55\"}}");
    call.mac = "";
    call.result = result;
    del = agent_cni_config(&cni, "bridge", &call);
    assert_non_null(strstr(del, "\"prevResult\":{}"));
    assert_null(strstr(del, "runtimeConfig"));
    loopback = agent_cni_config(&cni, "loopback", &call);
    assert_string_equal(loopback,
                        "{\"cniVersion\":\"0.4.0\",\"name\":\"net\",\"type\":\"loopback\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address_and_host_interface_are_found_in_both_versions),
        cmocka_unit_test(test_answers_without_an_address_break_the_protocol),
        cmocka_unit_test(test_a_hostile_interface_name_is_not_taken),
        cmocka_unit_test(test_an_error_of_a_plugin_becomes_one_line),
        cmocka_unit_test(test_the_bridge_is_configured_for_our_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
