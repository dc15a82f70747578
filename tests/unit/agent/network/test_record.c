#include "tests/unit/test.h"

#include "agent/network/record.h"
#include "tests/unit/agent/network/endpoint.h"

static const struct agent_endpoint_port ports[] = {{"", 8080, 80, "tcp"},
                                                   {"127.0.0.1", 9090, 81, "udp"}};

static struct agent_record *read_back(const char *text)
{
    struct agent_record *record = NULL;
    struct edge_err err = {0};

    if (agent_record_parse(text, strlen(text), &record, &err) < 0)
        fail_msg("%s", err.text);
    return record;
}

static void test_a_record_reads_back_as_it_was_written(void **state)
{
    static const char *const aliases[] = {"x", "y.z", NULL};
    EDGE_CLEANUP(agent_record_free)
    struct agent_record *record = make_record("id-1", "cam", "172.30.0.2", ports, 2, aliases);
    EDGE_CLEANUP(agent_record_free) struct agent_record *back = NULL;
    EDGE_CLEANUP(edge_free) char *text = NULL;
    EDGE_CLEANUP(edge_free) char *again = NULL;
    (void) state;

    record->pid = 4711;
    record->netns = 18446744073709551615ULL;
    record->attached = true;
    (void) snprintf(record->veth, sizeof record->veth, "veth01234567");
    (void) snprintf(record->mac, sizeof record->mac, "02:11:22:33:44:55");
    assert_int_equal(edge_json_parse("{\"ips\":[]}", 10, &record->result, NULL), 0);
    text = agent_record_text(record);
    back = read_back(text);
    again = agent_record_text(back);
    assert_string_equal(text, again);
    assert_true(back->attached && back->ruled && !back->going);
    assert_int_equal(back->nports, 2);
    assert_string_equal(back->ports[1].host_ip, "127.0.0.1");
    assert_string_equal(back->aliases[1], "y.z");
}

static void test_every_attempt_has_a_cni_id_of_its_own(void **state)
{
    EDGE_CLEANUP(agent_record_free)
    struct agent_record *one = make_record("id-1", "cam", NULL, NULL, 0, NULL);
    EDGE_CLEANUP(agent_record_free)
    struct agent_record *two = make_record("id-1", "cam", NULL, NULL, 0, NULL);
    (void) state;

    assert_string_not_equal(one->cni_id, two->cni_id);
    assert_memory_equal(one->cni_id, "id-1-", 5);
}

static void test_a_text_cut_anywhere_is_refused(void **state)
{
    EDGE_CLEANUP(agent_record_free)
    struct agent_record *record = make_record("id-1", "cam", NULL, ports, 2, NULL);
    EDGE_CLEANUP(edge_free) char *text = agent_record_text(record);
    (void) state;

    for (size_t len = 0; len < strlen(text); len++) {
        struct agent_record *back = NULL;

        assert_true(agent_record_parse(text, len, &back, NULL) < 0);
        assert_null(back);
    }
}

/* The text of a good record with @p from replaced. */
static char *altered(const char *from, const char *to)
{
    EDGE_CLEANUP(agent_record_free)
    struct agent_record *record = make_record("id-1", "cam", NULL, ports, 1, NULL);
    EDGE_CLEANUP(edge_free) char *text = agent_record_text(record);
    char *at = strstr(text, from);

    assert_non_null(at);
    return edge_format("%.*s%s%s", (int) (at - text), text, to, at + strlen(from));
}

static void test_a_foreign_or_altered_record_is_refused(void **state)
{
    static const char *const changes[][2] = {
        {"\"version\":1", "\"version\":2"},
        {"\"id\":\"id-1\"", "\"id\":\"../id-1\""},
        {"\"cniId\":\"id-1-", "\"cniId\":\"id-2-"},
        {"\"module\":\"cam\"", "\"module\":\"cam\\n6.6.6.6 bank\""},
        {"\"attached\":false", "\"attached\":true"},
        {"\"pid\":0", "\"pid\":-1"},
        {"\"netns\":\"0\"", "\"netns\":\"-1\""},
        {"\"netns\":\"0\"", "\"netns\":\"99999999999999999999\""},
        {"\"mac\":\"\"", "\"mac\":\"x\""},
        {"\"address\":\"\"", "\"address\":\"1.2.3.4 ; drop\""},
        {"\"veth\":\"\"", "\"veth\":\"../x\""},
        {"\"host\":8080", "\"host\":0"},
        {"\"host\":8080", "\"host\":65536"},
        {"\"container\":80", "\"container\":0"},
        {"\"protocol\":\"tcp\"", "\"protocol\":\"tcp . 1\""},
        {"\"aliases\":[]", "\"aliases\":[\"a b\"]"},
        {"\"aliases\":[]", "\"aliases\":[1]"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(changes); i++) {
        EDGE_CLEANUP(edge_free) char *text = altered(changes[i][0], changes[i][1]);
        struct agent_record *record = NULL;

        if (agent_record_parse(text, strlen(text), &record, NULL) == 0)
            fail_msg("accepted: %s", text);
    }
}

static void test_endpoints_that_cannot_be_are_refused_by_name(void **state)
{
    static const char *const bad_alias[] = {"a b", NULL};
    static const struct agent_endpoint_port no_port = {"", 1, 0, "tcp"};
    static const struct agent_endpoint_port no_protocol = {"", 1, 1, "icmp"};
    static const struct agent_endpoint_port six = {"fd00::1", 1, 1, "tcp"};
    static const struct agent_endpoint_port no_address = {"eth0", 1, 1, "tcp"};
    const struct {
        struct agent_endpoint endpoint;
        int rc;
        const char *reason;
    } bad[] = {
        {{.id = "a/b", .module = "m"}, EDGE_EINVALID, "container id"},
        {{.id = "a", .module = "m m"}, EDGE_EINVALID, "host name"},
        {{.id = "a", .module = "m", .mac = "zz"}, EDGE_EINVALID, "MAC"},
        {{.id = "a", .module = "m", .aliases = bad_alias}, EDGE_EINVALID, "alias"},
        {{.id = "a", .module = "m", .ports = &no_port, .nports = 1}, EDGE_EINVALID, "0/tcp"},
        {{.id = "a", .module = "m", .ports = &no_protocol, .nports = 1}, EDGE_EINVALID, "1/icmp"},
        {{.id = "a", .module = "m", .ports = &six, .nports = 1}, EDGE_EUNSUPPORTED, "IPv4"},
        {{.id = "a", .module = "m", .ports = &no_address, .nports = 1}, EDGE_EINVALID, "eth0"},
        {{.id = "a", .module = "m", .ports = &six, .nports = 10000}, EDGE_ELIMIT, "10000"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        struct agent_record *record = NULL;
        struct edge_err err = {0};

        assert_int_equal(agent_record_create(&bad[i].endpoint, &record, &err), bad[i].rc);
        assert_null(record);
        if (!strstr(err.text, bad[i].reason))
            fail_msg("%s", err.text);
    }
}

static void test_a_set_is_sorted_and_finds_what_it_holds(void **state)
{
    struct agent_record_set set = {0};
    struct agent_record *b = add_record(&set, "b", "m2", NULL, NULL, 0, NULL);
    struct agent_record *a = add_record(&set, "a", "m1", NULL, NULL, 0, NULL);
    (void) state;

    add_record(&set, "c", "m3", NULL, NULL, 0, NULL);
    assert_ptr_equal(set.items[0], a);
    assert_ptr_equal(agent_record_set_find(&set, "b"), b);
    assert_null(agent_record_set_find(&set, "d"));
    agent_record_set_drop(&set, b);
    assert_int_equal(set.len, 2);
    assert_null(agent_record_set_find(&set, "b"));
    agent_record_set_fini(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_reads_back_as_it_was_written),
        cmocka_unit_test(test_every_attempt_has_a_cni_id_of_its_own),
        cmocka_unit_test(test_a_text_cut_anywhere_is_refused),
        cmocka_unit_test(test_a_foreign_or_altered_record_is_refused),
        cmocka_unit_test(test_endpoints_that_cannot_be_are_refused_by_name),
        cmocka_unit_test(test_a_set_is_sorted_and_finds_what_it_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
