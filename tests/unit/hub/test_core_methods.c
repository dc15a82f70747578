/* Direct methods: from IoT Hub, from modules, of $edgeHub itself. */
#include <stdio.h>
#include <stdlib.h>

#include "hub/core/methods.h"
#include "tests/unit/hub/mock_core.h"
#include "tests/unit/test.h"

#define M "edge1/m"

static const struct edge_identity caller = {"edge1", "caller"};
static const struct edge_identity target = {"edge1", "m"};

/** Answers to hub_core_invoke; they may come at the very end. */
static struct answer {
    unsigned count;
    enum hub_result result;
    int status;
    char why[700];
    char payload[200];
} answer, first, second, waits, refused;

static int setup(void **state)
{
    answer = first = second = waits = refused = (struct answer){0};
    *state = mock_open();
    mock_online(*state, true);
    return 0;
}

static int teardown(void **state)
{
    mock_close(*state);
    return 0;
}

static struct edge_bytes bytes(const char *text)
{
    return (struct edge_bytes){(const uint8_t *) text, strlen(text)};
}

static void on_done(enum hub_result result, const char *why, int status, struct edge_bytes payload,
                    void *arg)
{
    struct answer *to = arg;

    to->count++;
    to->result = result;
    to->status = status;
    (void) snprintf(to->why, sizeof to->why, "%s", why ? why : "");
    (void) snprintf(to->payload, sizeof to->payload, "%.*s", (int) payload.len,
                    payload.data ? (const char *) payload.data : "");
}

static void invoke(struct mock *mock, struct answer *to, unsigned connect_s, unsigned response_s)
{
    const struct hub_invocation invocation = {&caller,   &target,   "reboot", bytes("{\"d\":1}"),
                                              connect_s, response_s};

    hub_core_invoke(&mock->core, &invocation, on_done, to);
}

static void permit(struct mock *mock, const char *json)
{
    struct edge_json *permissions;

    assert_int_equal(edge_json_parse(json, strlen(json), &permissions, NULL), 0);
    hub_methods_permit(mock->core.methods, permissions);
}

/* From IoT Hub */

static void request_is_answered_by_the_client(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, EDGE_FEATURE_METHODS, false);
    struct mock_ask *ask;

    hub_methods_request(m->client, "r-1", "reboot", bytes("{\"d\":1}"));
    assert_string_equal(m->method, "reboot");
    assert_string_equal(m->payload, "{\"d\":1}");
    assert_true(strlen(m->rid) > 0);
    assert_int_equal(mock_unseen(mock, MOCK_REPLY, M), 0);
    assert_true(hub_methods_reply(m->session, m->rid, 207, bytes("[1]")));
    ask = mock_asked(mock, MOCK_REPLY, M);
    assert_string_equal(ask->rid, "r-1");
    assert_int_equal(ask->status, 207);
    assert_string_equal(ask->text, "[1]");
    assert_false(hub_methods_reply(m->session, m->rid, 200, bytes("2"))); /* once */
    assert_int_equal(mock_unseen(mock, MOCK_REPLY, M), 0);
    assert_null(m->client->calls);
}

static void payloads_that_are_no_json_become_null(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, EDGE_FEATURE_METHODS, false);

    hub_methods_request(m->client, "1", "a", bytes(""));
    assert_string_equal(m->payload, "null");
    assert_true(hub_methods_reply(m->session, m->rid, 200, bytes("")));
    assert_string_equal(mock_asked(mock, MOCK_REPLY, M)->text, "null");
    hub_methods_request(m->client, "2", "a", bytes("1"));
    assert_true(hub_methods_reply(m->session, m->rid, 200, bytes("{nonsense")));
    assert_string_equal(mock_asked(mock, MOCK_REPLY, M)->text, "null");
}

static void request_for_who_does_not_listen_is_not_found(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, 0, false);
    struct mock_ask *ask;

    hub_methods_request(m->client, "r-1", "reboot", bytes("null"));
    ask = mock_asked(mock, MOCK_REPLY, M);
    assert_int_equal(ask->status, 404);
    assert_non_null(strstr(ask->text, "errorCode"));
    assert_int_equal(m->nmethods, 0);
}

static void answers_of_another_client_count_for_nothing(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, EDGE_FEATURE_METHODS, false);
    struct mock_client *n = mock_connect(mock, "edge1/n", EDGE_FEATURE_METHODS, false);

    hub_methods_request(m->client, "1", "a", bytes("1"));
    assert_false(hub_methods_reply(n->session, m->rid, 200, bytes("1")));
    assert_false(hub_methods_reply(m->session, "1", 200, bytes("1")));
    assert_int_equal(mock_unseen(mock, MOCK_REPLY, M), 0);
}

static void too_many_requests_are_throttled(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, EDGE_FEATURE_METHODS, false);

    for (unsigned i = 0; i < HUB_CALLS_CLIENT_MAX; i++)
        hub_methods_request(m->client, "1", "a", bytes("1"));
    assert_int_equal(mock_unseen(mock, MOCK_REPLY, M), 0);
    hub_methods_request(m->client, "x", "a", bytes("1"));
    assert_int_equal(mock_asked(mock, MOCK_REPLY, M)->status, 429);
    assert_int_equal(m->nmethods, HUB_CALLS_CLIENT_MAX);
}

static void who_comes_back_to_a_kept_session_may_still_answer(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, EDGE_FEATURE_METHODS, true);
    char rid[41];

    hub_methods_request(m->client, "1", "a", bytes("1"));
    (void) strcpy(rid, m->rid);
    mock_disconnect(m);
    m = mock_connect(mock, M, EDGE_FEATURE_METHODS, true);
    assert_true(hub_methods_reply(m->session, rid, 200, bytes("1")));
    assert_int_equal(mock_asked(mock, MOCK_REPLY, M)->status, 200);
}

static void who_leaves_for_good_is_not_waited_for(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, EDGE_FEATURE_METHODS, false);

    hub_methods_request(m->client, "1", "a", bytes("1"));
    invoke(mock, &answer, 0, 30);
    mock_disconnect(m);
    assert_int_equal(mock_asked(mock, MOCK_REPLY, M)->status, 404);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.result, HUB_GONE);
}

/* $edgeHub itself */

static void own(struct mock *mock, const char *name, const char *payload, int status)
{
    struct hub_client *self = hub_client_need(&mock->core, &mock->self.who);

    hub_methods_request(self, "r", name, bytes(payload));
    assert_int_equal(mock_asked(mock, MOCK_REPLY, "edge1/$edgeHub")->status, status);
}

static void edge_hub_refreshes_identities(void **state)
{
    struct mock *mock = *state;

    own(mock, "RefreshDeviceScopeIdentityCache", "{\"deviceIds\":[\"leaf\",\"edge1/m\"]}", 200);
    assert_int_equal(mock->refreshed, 2);
    mock->refresh_result = HUB_NOT_FOUND; /* that is known now, too */
    own(mock, "RefreshDeviceScopeIdentityCache", "{\"deviceIds\":[\"leaf\"]}", 200);
    mock->refresh_result = HUB_UNAVAILABLE;
    own(mock, "RefreshDeviceScopeIdentityCache", "{\"deviceIds\":[\"leaf\"]}", 500);
}

static void edge_hub_refuses_what_it_does_not_know(void **state)
{
    static const char *const bad[] = {"",
                                      "null",
                                      "{}",
                                      "{\"deviceIds\":[]}",
                                      "{\"deviceIds\":\"d\"}",
                                      "{\"deviceIds\":[1]}",
                                      "{\"deviceIds\":[\"a/b/c\"]}"};
    struct mock *mock = *state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++)
        own(mock, "RefreshDeviceScopeIdentityCache", bad[i], 400);
    assert_int_equal(mock->refreshed, 0);
    own(mock, "ping", "", 200);
    own(mock, "reboot", "{}", 404);
}

/* From modules */

static void invocation_is_answered_by_the_client(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, EDGE_FEATURE_METHODS, false);

    invoke(mock, &answer, 0, 30);
    assert_string_equal(m->method, "reboot");
    assert_string_equal(m->payload, "{\"d\":1}");
    assert_true(hub_methods_reply(m->session, m->rid, 200, bytes("{\"ok\":true}")));
    assert_int_equal(answer.result, HUB_OK);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.payload, "{\"ok\":true}");
    assert_int_equal(mock_unseen(mock, MOCK_REPLY, M), 0);
}

static void invocation_of_who_is_not_here_is_not_found(void **state)
{
    struct mock *mock = *state;

    invoke(mock, &answer, 0, 30);
    assert_int_equal(answer.count, 0); /* never from within the call */
    mock_until(mock, &answer.count, 1);
    assert_int_equal(answer.result, HUB_NOT_FOUND);
    assert_string_equal(answer.why, "Client edge1/m not found");
}

static void invocation_waits_for_its_target_to_subscribe(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m;

    invoke(mock, &first, 20, 30);
    invoke(mock, &second, 20, 30);
    m = mock_connect(mock, M, 0, false);
    assert_int_equal(m->nmethods, 0);
    mock_subscribe(m, EDGE_FEATURE_METHODS);
    assert_int_equal(m->nmethods, 2);
    assert_string_equal(m->payload, "{\"d\":1}");
    assert_true(hub_methods_reply(m->session, m->rid, 200, bytes("2")));
    assert_int_equal(first.count, 0);
    assert_int_equal(second.count, 1); /* in the order they were called */
}

static void invocation_ends_when_its_target_does_not_come(void **state)
{

    invoke(*state, &answer, 1, 30);
    mock_until(*state, &answer.count, 1);
    assert_int_equal(answer.result, HUB_NOT_FOUND);
}

static void invocation_ends_without_an_answer_and_a_late_one_is_dropped(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, EDGE_FEATURE_METHODS, false);

    invoke(mock, &answer, 0, 1);
    mock_until(mock, &answer.count, 1);
    assert_int_equal(answer.result, HUB_TIMEOUT);
    assert_false(hub_methods_reply(m->session, m->rid, 200, bytes("2")));
    assert_int_equal(answer.count, 1);
}

static void invocation_without_permission_is_refused_and_says_by_what(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, EDGE_FEATURE_METHODS, false);

    permit(mock, "{\"other\":[\"m\"],\"caller\":[\"n\",\"edge2/m\"]}");
    invoke(mock, &answer, 0, 30);
    mock_until(mock, &answer.count, 1);
    assert_int_equal(answer.result, HUB_REFUSED);
    assert_non_null(strstr(answer.why, "directMethodPermissions"));
    assert_non_null(strstr(answer.why, "edge1/caller"));
    assert_int_equal(m->nmethods, 0);
}

static void permissions_name_modules_devices_and_everybody(void **state)
{
    static const char *const enough[] = {"{\"caller\":[\"m\"]}",
                                         "{\"edge1/caller\":[\"x\",\"edge1/m\"]}",
                                         "{\"*\":[\"m\"]}", "{\"caller\":[\"*\"]}"};
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, EDGE_FEATURE_METHODS, false);

    for (unsigned i = 0; i < EDGE_ARRAY_LEN(enough); i++) {
        permit(mock, enough[i]);
        invoke(mock, &answer, 0, 30);
        assert_int_equal(m->nmethods, i + 1);
    }
    hub_methods_permit(mock->core.methods, NULL);
    invoke(mock, &answer, 0, 30);
    assert_int_equal(m->nmethods, EDGE_ARRAY_LEN(enough) + 1);
}

static void everybody_hears_when_the_hub_ends(void **state)
{
    struct mock *mock = *state;

    invoke(mock, &waits, 20, 30);
    invoke(mock, &refused, 0, 30);
    mock_restart(mock);
    assert_int_equal(waits.count, 1);
    assert_int_equal(waits.result, HUB_GONE);
    assert_int_equal(refused.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(request_is_answered_by_the_client),
        TEST(payloads_that_are_no_json_become_null),
        TEST(request_for_who_does_not_listen_is_not_found),
        TEST(answers_of_another_client_count_for_nothing),
        TEST(too_many_requests_are_throttled),
        TEST(who_comes_back_to_a_kept_session_may_still_answer),
        TEST(who_leaves_for_good_is_not_waited_for),
        TEST(edge_hub_refreshes_identities),
        TEST(edge_hub_refuses_what_it_does_not_know),
        TEST(invocation_is_answered_by_the_client),
        TEST(invocation_of_who_is_not_here_is_not_found),
        TEST(invocation_waits_for_its_target_to_subscribe),
        TEST(invocation_ends_when_its_target_does_not_come),
        TEST(invocation_ends_without_an_answer_and_a_late_one_is_dropped),
        TEST(invocation_without_permission_is_refused_and_says_by_what),
        TEST(permissions_name_modules_devices_and_everybody),
        TEST(everybody_hears_when_the_hub_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
