#include "tests/unit/test.h"

#include "agent/network/ports.h"
#include "tests/unit/agent/network/endpoint.h"

/* The outcome for module b's ports when module a publishes @p taken. */
static int resolve_beside(const struct agent_endpoint_port *taken,
                          const struct agent_endpoint_port *wanted, struct edge_err *err)
{
    struct agent_record_set set = {0};
    EDGE_CLEANUP(agent_record_free) struct agent_record *record = NULL;
    int rc;

    add_record(&set, "id-a", "a", NULL, taken, 1, NULL);
    record = make_record("id-b", "b", NULL, wanted, 1, NULL);
    rc = agent_ports_resolve(&set, record, NULL, err);
    agent_record_set_fini(&set);
    return rc;
}

static void test_only_the_same_protocol_number_and_address_conflict(void **state)
{
    static const struct {
        struct agent_endpoint_port taken;
        struct agent_endpoint_port wanted;
        int rc;
    } cases[] = {
        {{"", 80, 1, "tcp"}, {"", 80, 2, "tcp"}, EDGE_ECONFLICT},
        {{"", 80, 1, "tcp"}, {"", 80, 2, "udp"}, 0},
        {{"", 80, 1, "tcp"}, {"", 80, 2, "sctp"}, 0},
        {{"", 80, 1, "tcp"}, {"", 81, 1, "tcp"}, 0},
        {{"", 80, 1, "tcp"}, {"10.0.0.1", 80, 2, "tcp"}, EDGE_ECONFLICT},
        {{"10.0.0.1", 80, 1, "tcp"}, {"", 80, 2, "tcp"}, EDGE_ECONFLICT},
        {{"10.0.0.1", 80, 1, "tcp"}, {"10.0.0.1", 80, 2, "tcp"}, EDGE_ECONFLICT},
        {{"10.0.0.1", 80, 1, "tcp"}, {"10.0.0.2", 80, 2, "tcp"}, 0},
        {{"0.0.0.0", 80, 1, "tcp"}, {"10.0.0.2", 80, 2, "tcp"}, EDGE_ECONFLICT},
        {{"::", 80, 1, "tcp"}, {"0.0.0.0", 80, 2, "tcp"}, EDGE_ECONFLICT},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++)
        assert_int_equal(resolve_beside(&cases[i].taken, &cases[i].wanted, NULL), cases[i].rc);
}

static void test_a_conflict_names_port_protocol_and_both_modules(void **state)
{
    const struct agent_endpoint_port taken = {"", 5671, 1, "tcp"};
    const struct agent_endpoint_port wanted = {"10.0.0.1", 5671, 2, "tcp"};
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(resolve_beside(&taken, &wanted, &err), EDGE_ECONFLICT);
    assert_string_equal(
        err.text, "module b cannot publish host port 10.0.0.1:5671/tcp: module a publishes it");
}

static void test_a_module_may_not_publish_one_port_for_two_of_its_own(void **state)
{
    const struct agent_endpoint_port ports[] = {{"", 80, 1, "tcp"}, {"", 80, 2, "tcp"}};
    const struct agent_record_set set = {0};
    EDGE_CLEANUP(agent_record_free)
    struct agent_record *record = make_record("id", "m", NULL, ports, 2, NULL);
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(agent_ports_resolve(&set, record, NULL, &err), EDGE_ECONFLICT);
    assert_string_equal(err.text, "module m publishes host port 80/tcp twice");
}

static void test_the_same_line_twice_is_one_port(void **state)
{
    const struct agent_endpoint_port ports[] = {
        {"", 80, 1, "tcp"}, {"0.0.0.0", 80, 1, "tcp"}, {"::", 80, 1, "tcp"}};
    const struct agent_record_set set = {0};
    EDGE_CLEANUP(agent_record_free)
    struct agent_record *record = make_record("id", "m", NULL, ports, 3, NULL);
    (void) state;

    assert_int_equal(agent_ports_resolve(&set, record, NULL, NULL), 0);
    assert_int_equal(record->nports, 1);
}

static int busy_below_32770(struct agent_record_port *port, struct edge_err *err)
{
    return port->host < 32770 ? edge_fail(err, EDGE_ECONFLICT, "busy") : 0;
}

static void test_a_chosen_port_is_the_first_that_nobody_has(void **state)
{
    const struct agent_endpoint_port taken = {"", 32770, 1, "tcp"};
    const struct agent_endpoint_port wanted[] = {
        {"", 0, 80, "tcp"}, {"", 32771, 81, "tcp"}, {"", 0, 80, "udp"}, {"", 0, 80, "tcp"}};
    struct agent_record_set set = {0};
    EDGE_CLEANUP(agent_record_free)
    struct agent_record *record = make_record("id-b", "b", NULL, wanted, 4, NULL);
    (void) state;

    add_record(&set, "id-a", "a", NULL, &taken, 1, NULL);
    assert_int_equal(agent_ports_resolve(&set, record, busy_below_32770, NULL), 0);
    assert_int_equal(record->nports, 4);
    assert_int_equal(record->ports[0].host, 32772);
    assert_int_equal(record->ports[1].host, 32771);
    assert_int_equal(record->ports[2].host, 32770);
    assert_int_equal(record->ports[3].host, 32773);
    agent_record_set_fini(&set);
}

static int always_busy(struct agent_record_port *port, struct edge_err *err)
{
    return edge_fail(err, EDGE_ECONFLICT, "port %u is busy", port->host);
}

static void test_no_port_left_to_choose_is_a_conflict(void **state)
{
    const struct agent_endpoint_port wanted = {"", 0, 80, "tcp"};
    const struct agent_record_set set = {0};
    EDGE_CLEANUP(agent_record_free)
    struct agent_record *record = make_record("id", "m", NULL, &wanted, 1, NULL);
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(agent_ports_resolve(&set, record, always_busy, &err), EDGE_ECONFLICT);
    assert_string_equal(err.text, "module m: no free host port is left for 80/tcp");
}

static void test_what_the_host_says_is_passed_on_with_the_module(void **state)
{
    const struct agent_endpoint_port wanted = {"", 80, 80, "tcp"};
    const struct agent_record_set set = {0};
    EDGE_CLEANUP(agent_record_free)
    struct agent_record *record = make_record("id", "m", NULL, &wanted, 1, NULL);
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(agent_ports_resolve(&set, record, always_busy, &err), EDGE_ECONFLICT);
    assert_string_equal(err.text, "module m: port 80 is busy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_same_protocol_number_and_address_conflict),
        cmocka_unit_test(test_a_conflict_names_port_protocol_and_both_modules),
        cmocka_unit_test(test_a_module_may_not_publish_one_port_for_two_of_its_own),
        cmocka_unit_test(test_the_same_line_twice_is_one_port),
        cmocka_unit_test(test_a_chosen_port_is_the_first_that_nobody_has),
        cmocka_unit_test(test_no_port_left_to_choose_is_a_conflict),
        cmocka_unit_test(test_what_the_host_says_is_passed_on_with_the_module),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
