/* From a sender through routes to queues, and the ledger of that. */
#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/unit/hub/core_house.h"
#include "tests/unit/test.h"

static int setup(void **state)
{
    *state = house_open();
    return 0;
}

static int teardown(void **state)
{
    house_close(*state);
    return 0;
}

static void test_a_message_goes_to_every_sink_of_its_routes_once(void **state)
{
    struct house *house = *state;
    struct person sender = {0}, b = {.accepts = true};

    house_routes(house,
                 "{\"up\": \"FROM /messages/* INTO $upstream\","
                 " \"up again\": \"FROM /messages/modules/a/* INTO $upstream\","
                 " \"x\": \"FROM /messages/modules/a/outputs/o INTO "
                 "BrokeredEndpoint(\\\"/modules/b/inputs/x\\\")\","
                 " \"y\": \"FROM /messages/modules/a/outputs/o INTO "
                 "BrokeredEndpoint(\\\"/modules/b/inputs/y\\\")\","
                 " \"z\": \"FROM /messages/modules/a/outputs/p INTO "
                 "BrokeredEndpoint(\\\"/modules/b/inputs/z\\\")\"}",
                 0);
    person_open(house, &b, "b", false, 0);
    person_subscribe(&b, EDGE_FEATURE_INPUTS, 0);
    person_open(house, &sender, "a", false, 0);
    person_send(&sender, "o", "hello");
    house_until(house, &sender.sent, 1);
    house_until(house, &b.ngot, 2);
    house_until(house, &house->cloud.accepted, 1);
    house_settle(house);
    assert_int_equal(b.ngot, 2);
    assert_int_equal(house->cloud.nsends, 1);
    assert_string_equal(house->cloud.sends[0].who, "edge1/a");
    assert_string_equal(house->cloud.sends[0].body, "hello");
    assert_string_equal(house->cloud.sends[0].output, "o");
    assert_string_equal(b.got[0].from, "edge1/a");
    assert_string_equal(b.got[0].body, "hello");
    assert_int_equal(b.got[0].input[0] + b.got[1].input[0], 'x' + 'y');
    assert_int_equal(house_ledger(house, "up").delivered, 1);
    assert_int_equal(house_ledger(house, "up again").in, 0);
    assert_int_equal(house_ledger(house, "x").delivered, 1);
    assert_int_equal(house_ledger(house, "z").in, 0);
    house_balanced(house);
}

static void test_sources_tell_devices_modules_and_outputs_apart(void **state)
{
    struct house *house = *state;
    struct person leaf = {0}, plain = {0}, output = {0};

    house_routes(house,
                 "{\"all\": \"FROM /messages INTO $upstream\","
                 " \"modules\": {\"route\": \"FROM /messages/modules INTO $upstream\", "
                 "\"priority\": 5},"
                 " \"o\": {\"route\": \"FROM /messages/modules/a/outputs/o INTO $upstream\", "
                 "\"priority\": 1}}",
                 0);
    person_open(house, &leaf, "/leaf", false, 0);
    person_open(house, &plain, "a", false, 0);
    person_open(house, &output, "a2", false, 0);
    person_send(&leaf, "o", "1");
    person_send(&plain, NULL, "2");
    person_send(&plain, "o", "3");
    house_until(house, &house->cloud.accepted, 3);
    assert_int_equal(house_ledger(house, "all").in, 1);
    assert_int_equal(house_ledger(house, "modules").in, 1);
    assert_int_equal(house_ledger(house, "o").in, 1);
}

static void test_conditions_see_properties_and_the_senders_name(void **state)
{
    struct house *house = *state;
    struct person leaf = {0}, a = {0};

    house_routes(house,
                 "{\"leafs\": \"FROM /messages WHERE NOT IS_DEFINED($connectionModuleId) "
                 "AND starts_with($enqueuedTime, '20') "
                 "INTO $upstream\","
                 " \"o\": {\"route\": \"FROM /messages WHERE $outputName = 'o' AND "
                 "$connectionDeviceId = 'edge1' AND $body = 'x' OR $edgeHubOriginInterface = "
                 "'internal' AND $outputName = 'o' INTO $upstream\", \"priority\": 1}}",
                 0);
    person_open(house, &leaf, "/leaf", false, 0);
    person_open(house, &a, "a", false, 0);
    person_send(&leaf, NULL, "1");
    person_send(&a, "o", "2");
    person_send(&a, "p", "3");
    house_until(house, &a.sent, 2);
    house_until(house, &house->cloud.accepted, 2);
    assert_int_equal(house_ledger(house, "leafs").in, 1);
    assert_int_equal(house_ledger(house, "o").in, 1);
    assert_int_equal(house_ledger(house, "").dropped[HUB_DROP_NO_ROUTE], 1);
}

static void test_conditions_see_every_system_property(void **state)
{
    static const struct {
        const char *name;
        int which; /* what is not the message's own: -1 */
        const char *value;
    } all[] = {
        {"messageId", EDGE_SYS_MESSAGE_ID, "v0"},
        {"cid", EDGE_SYS_CORRELATION_ID, "v1"},
        {"to", EDGE_SYS_TO, "v2"},
        {"userId", EDGE_SYS_USER_ID, "v3"},
        {"ack", EDGE_SYS_ACK, "v4"},
        {"contentType", EDGE_SYS_CONTENT_TYPE, "v5"},
        {"contentEncoding", EDGE_SYS_CONTENT_ENCODING, "v6"},
        {"absolute-expiry-time", EDGE_SYS_EXPIRY, "v7"},
        {"creationTime", EDGE_SYS_CREATION_TIME, "v8"},
        {"messageSchema", EDGE_SYS_SCHEMA, "v9"},
        {"iothub-interface-id", EDGE_SYS_INTERFACE_ID, "v10"},
        {"dt-subject", EDGE_SYS_SUBJECT, "v11"},
        {"outputName", EDGE_SYS_OUTPUT, "v12"},
        {"OUTPUTNAME", EDGE_SYS_OUTPUT, "v12"},
        {"operation", -1, "op"},
        {"modelId", -1, "dtmi:a;1"},
        {"connectionDeviceId", -1, "edge1"},
        {"connectionModuleId", -1, "a"},
        {"edgeHubOriginInterface", -1, "internal"},
    };
    struct house *house = *state;
    struct person a = {.model_id = "dtmi:a;1"};
    struct edge_message message = {0};

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        if (all[i].which >= 0)
            assert_int_equal(
                edge_message_set_sys(&message, (enum edge_sys) all[i].which, all[i].value), 0);
    }
    assert_int_equal(edge_message_add(&message, "iothub-operation", "op"), 0);
    person_open(house, &a, "a", false, 0);
    for (unsigned i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        EDGE_CLEANUP(edge_free)
        char *route = edge_format("{\"r%u\": \"FROM /messages WHERE $%s = '%s' AND {$%s} = '%s' "
                                  "INTO $upstream\"}",
                                  i, all[i].name, all[i].value, all[i].name, all[i].value);
        EDGE_CLEANUP(edge_free) char *name = edge_format("r%u", i);

        house_routes(house, route, 0);
        person_send_message(&a, &message);
        house_until(house, &a.sent, i + 1);
        if (house_ledger(house, name).in != 1)
            fail_msg("not seen: $%s", all[i].name);
    }
    edge_message_fini(&message);
}

static void test_what_no_route_takes_is_acknowledged_and_counted(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1024 * 1024);
    struct house *house = *state;
    struct person a = {0};

    house_routes(house, "{}", 0);
    person_open(house, &a, "a", false, 0);
    person_send(&a, "o", "1");
    assert_int_equal(a.sent, 1);
    assert_int_equal(house_ledger(house, "").dropped[HUB_DROP_NO_ROUTE], 1);
    hub_core_metrics(house->core, &text);
    assert_non_null(
        strstr(text.data, ",reason=\"no_route\",from=\"edge1/a\",from_route_output=\"o\"} 1\n"));
    assert_non_null(strstr(text.data, ",route=\"\",state=\"dropped\",reason=\"no_route\"} 1\n"));
    house_balanced(house);
}

static void test_nothing_is_taken_before_there_are_routes(void **state)
{
    struct house *house = *state;
    struct person a = {0};

    person_open(house, &a, "a", false, 0);
    person_send(&a, "o", "1");
    assert_int_equal(a.refused, 1);
    assert_int_equal(a.last, HUB_UNAVAILABLE);
}

static void test_a_message_over_the_limit_is_refused(void **state)
{
    struct house *house = *state;
    char *large = calloc(1, EDGE_MESSAGE_MAX + 2);
    struct person a = {0};

    memset(large, 'x', EDGE_MESSAGE_MAX + 1);
    house_routes(house, "{\"up\": \"FROM /messages INTO $upstream\"}", 0);
    person_open(house, &a, "a", false, 0);
    person_send(&a, NULL, large);
    assert_int_equal(a.last, HUB_TOO_LARGE);
    large[EDGE_MESSAGE_MAX] = '\0';
    person_send(&a, NULL, large);
    house_until(house, &a.sent, 1);
    free(large);
}

static void test_a_full_store_says_so_and_takes_again_when_there_is_room(void **state)
{
    struct house *house = *state;
    char body[1000];
    struct person a = {0};
    unsigned n = 0;

    house->max_bytes = 50 * 1000;
    house_restart(house);
    house_routes(house, "{\"up\": \"FROM /messages INTO $upstream\"}", 0);
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    person_open(house, &a, "a", false, 0);
    for (; a.refused == 0 && n < 1000; n++)
        person_send(&a, NULL, body);
    assert_int_equal(a.last, HUB_THROTTLED);
    house_until(house, &a.sent, n - 1);
    house_online(house, true);
    house_until(house, &house->cloud.accepted, n - 1);
    house_settle(house);
    person_send(&a, NULL, "again");
    house_until(house, &a.sent, n);
    house_balanced(house);
}

static void test_a_message_expires_by_its_routes_time_to_live(void **state)
{
    struct house *house = *state;
    struct person a = {0};
    uint64_t expired = 0;

    house_routes(house,
                 "{\"up\": {\"route\": \"FROM /messages INTO $upstream\", \"timeToLiveSecs\": 1}}",
                 1000);
    house_online(house, false);
    person_open(house, &a, "a", false, 0);
    person_send(&a, NULL, "1");
    house_until(house, &a.sent, 1);
    for (int64_t until = edge_now_ms() + 10000; expired == 0 && edge_now_ms() < until;) {
        hub_store_expire(house->store);
        house_settle(house);
        expired = house_ledger(house, "up").expired;
    }
    assert_int_equal(expired, 1);
    house_online(house, true);
    house_settle(house);
    assert_int_equal(house->cloud.nsends, 0);
    house_balanced(house);
}

static void test_messages_of_a_route_that_goes_are_dropped_unless_somebody_takes_them(void **state)
{
    struct house *house = *state;
    struct person a = {0}, b = {0};

    house_routes(house,
                 "{\"b\": \"FROM /messages INTO BrokeredEndpoint(\\\"/modules/b/inputs/x\\\")\","
                 " \"c\": \"FROM /messages INTO BrokeredEndpoint(\\\"/modules/c/inputs/x\\\")\","
                 " \"up\": \"FROM /messages INTO $upstream\"}",
                 0);
    house_online(house, false);
    person_open(house, &b, "b", true, 0);
    person_subscribe(&b, EDGE_FEATURE_INPUTS, 0);
    person_close(&b);
    person_open(house, &a, "a", false, 0);
    person_send(&a, NULL, "1");
    house_until(house, &a.sent, 1);
    house_routes(house, "{}", 0);
    house_settle(house);
    assert_int_equal(house_ledger(house, "c").dropped[HUB_DROP_ROUTE], 1);
    person_open(house, &b, "b", true, HUB_RESUMED);
    house_until(house, &b.ngot, 1);
    person_settle(&b, 0, HUB_ACCEPTED);
    house_online(house, true);
    house_until(house, &house->cloud.accepted, 1);
    house_settle(house);
    assert_int_equal(house_ledger(house, "b").delivered, 1);
    house_balanced(house);
}

/* A minute has passed. @return was there anything to check? */
static bool check(struct house *house)
{
    bool checking;

    edge_timer_arm(house->core->minute, 0);
    house_settle(house);
    checking = house->core->checking;
    for (int64_t until = edge_now_ms() + 10000; house->core->checking && edge_now_ms() < until;)
        house_settle(house);
    assert_false(house->core->checking);
    return checking;
}

static void assert_health(struct house *house, const char *wrong)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf health = EDGE_BUF_INIT(1024);

    hub_core_health(house->core, &health);
    if (!strstr(health.data, wrong))
        fail_msg("%s is not in %s", wrong, health.data);
}

static void remove_segments(const char *dir)
{
    EDGE_CLEANUP(edge_free) char *pattern = edge_format("%s/segment-*.log", dir);
    glob_t found;

    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        assert_int_equal(unlink(found.gl_pathv[i]), 0);
    globfree(&found);
}

static void test_the_ledger_is_checked_each_minute(void **state)
{
    struct house *house = *state;
    struct person a = {0};

    house_routes(house, "{\"up\": \"FROM /messages INTO $upstream\"}", 0);
    house_online(house, false);
    person_open(house, &a, "a", false, 0);
    person_send(&a, NULL, "1");
    house_until(house, &a.sent, 1);
    house_settle(house);
    (void) check(house);
    assert_false(house->core->unbalanced);
    assert_health(house, "\"wrong\":[\"IoT Hub cannot be reached\"]");
    assert_false(check(house)); /* nothing was written since */
    person_send(&a, NULL, "2");
    house_until(house, &a.sent, 2);
    remove_segments(house->dir); /* behind its back */
    (void) check(house);
    assert_true(house->core->unbalanced);
    assert_health(house, "\"the ledger does not balance\"");
}

static void test_figures_of_queues_and_health(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1024 * 1024);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf health = EDGE_BUF_INIT(1024);
    struct house *house = *state;
    struct person a = {0};

    house_routes(house,
                 "{\"b\": {\"route\": \"FROM /messages INTO "
                 "BrokeredEndpoint(\\\"/modules/b/inputs/x\\\")\", \"priority\": 3},"
                 " \"up\": \"FROM /messages INTO $upstream\"}",
                 0);
    house_online(house, false);
    person_open(house, &a, "a", false, 0);
    person_send(&a, NULL, "1");
    person_send(&a, NULL, "2");
    house_until(house, &a.sent, 2);
    hub_core_metrics(house->core, &text);
    assert_non_null(strstr(text.data, ",endpoint=\"iothub\",priority=\"2000000000\"} 2\n"));
    assert_non_null(strstr(text.data, ",endpoint=\"edge1/b/x\",priority=\"3\"} 2\n"));
    assert_non_null(strstr(text.data, ",route=\"up\",state=\"pending\",reason=\"\"} 2\n"));
    assert_non_null(strstr(text.data, "edgehub_connected_clients{"));
    hub_core_health(house->core, &health);
    assert_non_null(strstr(health.data, "{\"connected\":1,\"upstream\":false,\"pending\":4,"));
    assert_non_null(strstr(health.data, "\"wrong\":[\"IoT Hub cannot be reached\"]}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_message_goes_to_every_sink_of_its_routes_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_sources_tell_devices_modules_and_outputs_apart, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_conditions_see_properties_and_the_senders_name, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_conditions_see_every_system_property, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_no_route_takes_is_acknowledged_and_counted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_taken_before_there_are_routes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_message_over_the_limit_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_full_store_says_so_and_takes_again_when_there_is_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_message_expires_by_its_routes_time_to_live, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_messages_of_a_route_that_goes_are_dropped_unless_somebody_takes_them, setup,
            teardown),
        cmocka_unit_test_setup_teardown(test_the_ledger_is_checked_each_minute, setup, teardown),
        cmocka_unit_test_setup_teardown(test_figures_of_queues_and_health, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
