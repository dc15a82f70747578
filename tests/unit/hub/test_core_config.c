/* $edgeHub's own twin: what is put in force, refused, kept. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/core/config_read.h"
#include "hub/core/seal.h"
#include "tests/unit/hub/mock_core.h"
#include "tests/unit/test.h"

#define SELF "edge1/$edgeHub"
#define GOOD                                                                                       \
    "{\"schemaVersion\":\"1.1\",\"routes\":{\"up\":\"FROM /messages/* INTO $upstream\"},"          \
    "\"storeAndForwardConfiguration\":{\"timeToLiveSecs\":7200}"

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

/* The whole twin, as IoT Hub answers. @p desired  without its last brace */
static void answer_twin(struct mock *mock, const char *desired, int version)
{
    EDGE_CLEANUP(edge_free)
    char *twin = edge_format("{\"desired\":%s,\"$metadata\":{},\"$version\":%d},"
                             "\"reported\":{\"$version\":1}}",
                             desired, version);

    mock_answer(mock_asked(mock, MOCK_GET, SELF), HUB_OK, twin, 0);
    mock_settle(mock);
}

/* What the next report of it says of how the configuration was taken; only what has changed is in
 * it. */
static void reported(struct mock *mock, int code, int version, const char *description)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *patch = NULL;
    const struct edge_json *status = NULL;
    const char *text;

    while (!status) {
        struct mock_ask *ask = mock_asked(mock, MOCK_PATCH, SELF);

        edge_json_free(patch);
        assert_int_equal(edge_json_parse(ask->text, strlen(ask->text), &patch, NULL), 0);
        status = edge_json_get(patch, "lastDesiredStatus");
        mock_answer(ask, HUB_OK, NULL, 1);
    }
    text = edge_json_str(edge_json_get(status, "description"), "?");
    assert_int_equal(edge_json_int(edge_json_get(status, "code"), code), code);
    assert_int_equal(edge_json_int(edge_json_get(patch, "lastDesiredVersion"), -1), version);
    if (!strstr(text, description))
        fail_msg("%s is not in %s", description, text);
}

static void the_twin_is_put_in_force_reported_and_kept_sealed(void **state)
{
    struct mock *mock = *state;
    const char *text;

    mock_online(mock, true);
    assert_int_equal(mock_asked(mock, MOCK_WANT, SELF)->features,
                     EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS);
    assert_int_equal(mock->configured, 0);
    mock_asked(mock, MOCK_PATCH, SELF)->seen = true; /* before anything is known */
    answer_twin(mock, GOOD, 5);
    assert_int_equal(mock->configured, 1);
    assert_int_equal(mock->nroutes, 1);
    assert_int_equal(mock->ttl_s, 7200);
    assert_int_equal(mock->max_bytes, 0);
    text = edge_map_get(&mock->documents, "config/desired");
    assert_non_null(text);
    assert_null(strstr(text, "routes"));
}

static void all_members_are_read(void **state)
{
    struct mock *mock = *state;

    mock_online(mock, true);
    answer_twin(mock,
                "{\"schemaVersion\":\"1.2\",\"routes\":{\"a\":{\"route\":\"FROM /* INTO "
                "$upstream\",\"priority\":0,\"timeToLiveSecs\":60},\"b\":\"\"},"
                "\"storeAndForwardConfiguration\":{\"timeToLiveSecs\":-1,\"storeLimits\":{"
                "\"maxSizeBytes\":1000000,\"policy\":\"dropOldest\"}},\"mqttBroker\":{},"
                "\"directMethodPermissions\":{\"a\":[\"b\",\"*\"]}",
                1);
    assert_int_equal(mock->configured, 1);
    assert_int_equal(mock->nroutes, 1);
    assert_int_equal(mock->ttl_s, 0);
    assert_int_equal(mock->max_bytes, 1000000);
    assert_int_equal(mock->policy, HUB_STORE_DROP_OLDEST);
}

static void a_twin_nobody_has_written_yet_is_a_configuration(void **state)
{
    struct mock *mock = *state;

    mock_online(mock, true);
    answer_twin(mock, "{\"x\":1", 1);
    assert_int_equal(mock->configured, 1);
    assert_int_equal(mock->nroutes, 0);
    assert_int_equal(mock->ttl_s, HUB_TTL_DEFAULT_S);
}

static void a_bad_set_is_refused_as_a_whole_and_the_old_one_stays(void **state)
{
    static const char *const bad[][2] = {
        {"{\"schemaVersion\":\"1.1\",\"routes\":{\"ok\":\"FROM /* INTO $upstream\",\"no\":\"FROM "
         "/* WHERE temp > 3 INTO $upstream\"}",
         "no"},
        {"{\"routes\":{}", "schemaVersion"},
        {"{\"schemaVersion\":\"2.0\",\"routes\":{}", "2.0"},
        {"{\"schemaVersion\":\"1.1\",\"routes\":[]", "routes"},
        {GOOD ",\"directMethodPermissions\":{\"a\":\"b\"}", "directMethodPermissions"},
        {"{\"schemaVersion\":\"1.1\",\"routes\":{},\"storeAndForwardConfiguration\":{"
         "\"timeToLiveSecs\":\"soon\"}",
         "timeToLiveSecs"},
        {"{\"schemaVersion\":\"1.1\",\"routes\":{},\"storeAndForwardConfiguration\":{"
         "\"storeLimits\":{\"maxSizeBytes\":0}}",
         "maxSizeBytes"},
        {"{\"schemaVersion\":\"1.1\",\"routes\":{},\"storeAndForwardConfiguration\":{"
         "\"storeLimits\":{\"policy\":\"x\"}}",
         "policy"},
    };
    struct mock *mock = *state;

    mock->core.options.settings.reported_sync_s = 0;
    mock_online(mock, true);
    answer_twin(mock, GOOD, 1);
    reported(mock, 200, 1, "");
    for (int i = 0; i < (int) EDGE_ARRAY_LEN(bad); i++) {
        hub_config_online(&mock->core);
        answer_twin(mock, bad[i][0], 2 + i);
        reported(mock, 400, 2 + i, bad[i][1]);
        assert_int_equal(mock->routes_set, 1);
    }
    mock_restart(mock); /* what is kept is the last good one */
    mock_settle(mock);
    assert_int_equal(mock->routes_set, 2);
    assert_int_equal(mock->nroutes, 1);
    assert_int_equal(mock->configured, 2);
}

static void a_bad_set_says_where_and_clients_wait_for_a_good_one(void **state)
{
    struct mock *mock = *state;

    mock->core.options.settings.reported_sync_s = 0;
    mock_online(mock, true);
    answer_twin(mock, "{\"schemaVersion\":\"1.1\",\"routes\":{\"r\":\"FORM /* INTO $upstream\"}",
                3);
    assert_int_equal(mock->configured, 0);
    reported(mock, 400, 3, "Error while parsing desired properties - ");
    hub_config_desired(&mock->core,
                       "{\"routes\":{\"r\":\"FROM /* INTO $upstream\"},\"$version\":4}",
                       strlen("{\"routes\":{\"r\":\"FROM /* INTO $upstream\"},\"$version\":4}"));
    assert_int_equal(mock->configured, 1);
    assert_int_equal(mock->nroutes, 1);
}

static void patch(struct mock *mock, const char *text)
{
    hub_config_desired(&mock->core, text, strlen(text));
    mock_settle(mock);
}

static void the_next_patch_is_merged_any_other_asks_for_the_twin(void **state)
{
    struct mock *mock = *state;

    mock_online(mock, true);
    answer_twin(mock, GOOD, 5);
    patch(mock, "{\"routes\":{\"up\":null,\"a\":\"FROM /* INTO $upstream\",\"b\":\"FROM /* INTO "
                "$upstream\"},\"storeAndForwardConfiguration\":{\"timeToLiveSecs\":1},"
                "\"$version\":6}");
    assert_int_equal(mock->nroutes, 2);
    assert_int_equal(mock->ttl_s, 1);
    assert_int_equal(mock_unseen(mock, MOCK_GET, SELF), 0);
    patch(mock, "{\"routes\":{\"a\":null},\"$version\":8}");
    assert_int_equal(mock->nroutes, 2);
    patch(mock, "nonsense"); /* while the twin is on its way: asked for once more */
    answer_twin(mock, GOOD, 8);
    assert_int_equal(mock->nroutes, 1);
    answer_twin(mock, GOOD, 8);
    assert_int_equal(mock->routes_set, 3); /* the same again changes nothing */
    assert_int_equal(mock->configured, 1);
}

static void the_kept_one_is_in_force_at_once_without_iot_hub(void **state)
{
    struct mock *mock = *state;

    mock_online(mock, true);
    answer_twin(mock, GOOD, 5);
    mock_restart(mock);
    assert_int_equal(mock->configured, 1);
    mock_settle(mock);
    assert_int_equal(mock->configured, 2);
    assert_int_equal(mock->nroutes, 1);
    patch(mock, "{\"routes\":{\"up\":null},\"$version\":6}"); /* on top of it */
    assert_int_equal(mock->nroutes, 0);
}

static void an_unreadable_kept_one_is_no_configuration(void **state)
{
    struct mock *mock = *state;

    mock_online(mock, true);
    answer_twin(mock, GOOD, 5);
    free(edge_map_remove(&mock->documents, "config/desired"));
    assert_int_equal(edge_map_set(&mock->documents, "config/desired", strdup("{\"x\":1}")), 0);
    mock_restart(mock);
    mock_settle(mock);
    assert_int_equal(mock->configured, 1);
}

/* It was good once, for another version of the hub. */
static void a_kept_one_that_is_refused_now_is_not_reported_as_good(void **state)
{
    struct mock *mock = *state;

    mock->core.options.settings.reported_sync_s = 0;
    assert_int_equal(hub_document_set(&mock->core, "config", "desired",
                                      "{\"schemaVersion\":\"2.0\",\"routes\":{},\"$version\":5}",
                                      NULL, NULL),
                     0);
    mock_restart(mock);
    mock_settle(mock);
    mock->core.options.settings.reported_sync_s = 0;
    mock_online(mock, true);
    answer_twin(mock, "{\"schemaVersion\":\"2.0\",\"routes\":{}", 5);
    reported(mock, 400, 5, "2.0");
    hub_config_online(&mock->core); /* the same twin once more */
    answer_twin(mock, "{\"schemaVersion\":\"2.0\",\"routes\":{}", 5);
    while (mock_unseen(mock, MOCK_PATCH, SELF) > 0) {
        struct mock_ask *ask = mock_asked(mock, MOCK_PATCH, SELF);

        if (strstr(ask->text, "\"code\":200"))
            fail_msg("%s", ask->text);
        mock_answer(ask, HUB_OK, NULL, 1);
        mock_settle(mock);
    }
    assert_int_equal(mock->configured, 0);
}

/* Without a word of IoT Hub's: a patch may have been lost. */
static void the_twin_is_read_again_after_a_while(void **state)
{
    struct mock *mock = *state;

    mock->core.options.settings.config_refresh_s = 1;
    mock_online(mock, true);
    answer_twin(mock, GOOD, 5);
    answer_twin(mock, "{\"schemaVersion\":\"1.1\",\"routes\":{}", 6);
    assert_int_equal(mock->nroutes, 0);
    answer_twin(mock, GOOD, 7);
    assert_int_equal(mock->nroutes, 1);
}

static void a_twin_that_cannot_be_read_is_asked_for_again(void **state)
{
    struct mock *mock = *state;

    mock_online(mock, true);
    mock_answer(mock_asked(mock, MOCK_GET, SELF), HUB_OK, "{\"reported\":{}}", 0);
    assert_int_equal(mock->configured, 0);
    answer_twin(mock, GOOD, 5); /* after 5 s */
    assert_int_equal(mock->configured, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(the_twin_is_put_in_force_reported_and_kept_sealed),
        TEST(all_members_are_read),
        TEST(a_twin_nobody_has_written_yet_is_a_configuration),
        TEST(a_bad_set_is_refused_as_a_whole_and_the_old_one_stays),
        TEST(a_bad_set_says_where_and_clients_wait_for_a_good_one),
        TEST(the_next_patch_is_merged_any_other_asks_for_the_twin),
        TEST(the_kept_one_is_in_force_at_once_without_iot_hub),
        TEST(an_unreadable_kept_one_is_no_configuration),
        TEST(a_kept_one_that_is_refused_now_is_not_reported_as_good),
        TEST(the_twin_is_read_again_after_a_while),
        TEST(a_twin_that_cannot_be_read_is_asked_for_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
