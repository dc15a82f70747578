/* $edgeHub's reported properties: what IoT Hub gets to see, and how often. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/iothub/twin.h"
#include "hub/core/report_make.h"
#include "tests/unit/hub/mock_core.h"
#include "tests/unit/test.h"

#define SELF "edge1/$edgeHub"

static int setup(void **state)
{
    *state = mock_open();
    return 0;
}

static int teardown(void **state)
{
    mock_close(*state);
    return 0;
}

static void take(struct mock *mock, const char *expected)
{
    struct mock_ask *ask = mock_asked(mock, MOCK_PATCH, SELF);

    if (expected)
        mock_same(ask->text, expected);
    mock_answer(ask, HUB_OK, NULL, 1);
}

static void the_first_report_clears_clients_of_an_earlier_start(void **state)
{
    struct mock *mock = *state;

    hub_report_client(mock->core.report, mock_connect(mock, "edge1/m", 0, false)->client);
    hub_report_status(mock->core.report, 200, "", 5);
    assert_int_equal(mock_unseen(mock, MOCK_PATCH, SELF), 0); /* offline */
    mock_online(mock, true);
    take(mock, "{\"schemaVersion\":\"1.0\",\"version\":{\"version\":\"9.8.7\",\"build\":\"\","
               "\"commit\":\"\"},\"lastDesiredVersion\":5,"
               "\"lastDesiredStatus\":{\"code\":200,\"description\":\"\"},\"clients\":null}");
    take(mock, "{\"clients\":{\"edge1/m\":{\"status\":\"Connected\","
               "\"lastConnectedTimeUtc\":\"2023-11-14T22:13:20.0000000Z\"}}}");
}

static void changes_are_merged_and_not_sent_too_often(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, "edge1/m", 0, false);
    struct mock_client *leaf = mock_connect(mock, "leaf", 0, false);
    int64_t begun;

    mock_online(mock, true);
    take(mock, NULL);
    begun = edge_now_ms();
    hub_report_client(mock->core.report, m->client);
    hub_report_client(mock->core.report, leaf->client);
    mock_disconnect(m);
    hub_report_client(mock->core.report, m->client);
    take(mock, "{\"clients\":{\"edge1/m\":{\"status\":\"Disconnected\","
               "\"lastConnectedTimeUtc\":\"2023-11-14T22:13:20.0000000Z\","
               "\"lastDisconnectedTimeUtc\":\"2023-11-14T22:13:21.0000000Z\"},"
               "\"leaf\":{\"status\":\"Connected\","
               "\"lastConnectedTimeUtc\":\"2023-11-14T22:13:20.0000000Z\"}}}");
    assert_true(edge_now_ms() - begun >= 900);
    mock_disconnect(leaf); /* devices are not shown when they are away */
    hub_report_client(mock->core.report, leaf->client);
    take(mock, "{\"clients\":{\"leaf\":null}}");
    mock_settle(mock);
    assert_int_equal(mock_unseen(mock, MOCK_PATCH, SELF), 0);
}

static void what_was_not_taken_is_sent_again(void **state)
{
    struct mock *mock = *state;

    mock_online(mock, true);
    mock_answer(mock_asked(mock, MOCK_PATCH, SELF), HUB_THROTTLED, NULL, 0);
    hub_report_status(mock->core.report, 400, "bad", 6);
    take(mock, "{\"schemaVersion\":\"1.0\",\"version\":{\"version\":\"9.8.7\",\"build\":\"\","
               "\"commit\":\"\"},\"lastDesiredVersion\":6,"
               "\"lastDesiredStatus\":{\"code\":400,\"description\":\"bad\"},\"clients\":null}");
}

static void an_outage_is_waited_out(void **state)
{
    struct mock *mock = *state;

    mock_online(mock, true);
    take(mock, NULL);
    take(mock, "{\"clients\":{}}");
    mock_online(mock, false);
    hub_report_status(mock->core.report, 200, "", 6);
    mock_settle(mock);
    assert_int_equal(mock_unseen(mock, MOCK_PATCH, SELF), 0);
    mock_online(mock, true);
    take(mock, "{\"lastDesiredVersion\":6,"
               "\"lastDesiredStatus\":{\"code\":200,\"description\":\"\"}}");
}

/* Pure */

static void names_are_encoded_as_iot_edge_does(void **state)
{
    struct hub_report_client client = {.name = "a.b/$c#%", .connected = true};
    const struct hub_report_facts facts = {.nclients = 1};
    EDGE_CLEANUP(edge_json_free) struct edge_json *report = hub_report_make(&facts, &client, false);

    (void) state;
    assert_true(edge_json_has(edge_json_get(report, "clients"), "a%2Eb/%24c%23%"));
}

static void too_many_clients_leave_out_who_went_first(void **state)
{
    enum { MANY = 1000 };
    struct hub_report_client *clients = calloc(MANY, sizeof *clients);
    const struct hub_report_facts facts = {.nclients = MANY, .code = 200, .description = ""};
    EDGE_CLEANUP(edge_json_free) struct edge_json *report = NULL;
    const struct edge_json *shown;
    struct edge_err err = {0};

    (void) state;
    assert_non_null(clients);
    for (unsigned i = 0; i < MANY; i++) {
        (void) snprintf(clients[i].name, sizeof clients[i].name, "edge1/m%u", i);
        clients[i].connected = i % 10 == 0;
        clients[i].connected_ns = 1 + i;
        clients[i].disconnected_ns = i % 10 == 0 ? 0 : MANY + i;
    }
    report = hub_report_make(&facts, clients, false);
    shown = edge_json_get(report, "clients");
    assert_in_range(edge_json_len(shown), 150, 400);
    assert_true(edge_json_has(shown, "edge1/m0")); /* connected: all of them */
    assert_true(edge_json_has(shown, "edge1/m990"));
    assert_true(edge_json_has(shown, "edge1/m999"));
    assert_false(edge_json_has(shown, "edge1/m1"));
    if (edge_twin_check(report, &edge_twin_limits_properties, &err) < 0)
        fail_msg("%s", err.text);
    free(clients);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(the_first_report_clears_clients_of_an_earlier_start),
        TEST(changes_are_merged_and_not_sent_too_often),
        TEST(what_was_not_taken_is_sent_again),
        TEST(an_outage_is_waited_out),
        cmocka_unit_test(names_are_encoded_as_iot_edge_does),
        cmocka_unit_test(too_many_clients_leave_out_who_went_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
