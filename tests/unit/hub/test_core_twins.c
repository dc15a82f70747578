/* Twins: what clients get, what IoT Hub is sent, over outages and restarts. */
#include <stdio.h>

#include "common/base/clock.h"
#include "hub/core/twins.h"
#include "tests/unit/hub/mock_core.h"
#include "tests/unit/test.h"

#define M "edge1/m"
#define TOO_DEEP                                                                                   \
    "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"i\":{\"j\":{\"k\":{\"l\":1"        \
    "}}}}}}}}}}}}"
#define WHOLE                                                                                      \
    "{\"desired\":{\"a\":1,\"b\":{\"c\":2},\"$version\":5,\"$metadata\":{\"x\":{}}},"              \
    "\"reported\":{\"r\":1,\"$version\":7,\"$metadata\":{}}}"

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

/* A client that has got its twin. */
static struct mock_client *informed(struct mock *mock, const char *whole)
{
    struct mock_client *m;

    mock_online(mock, true);
    m = mock_connect(mock, M, EDGE_FEATURE_DESIRED, false);
    mock_get(m);
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK, whole, 0);
    mock_until(mock, &m->answers, 1);
    assert_int_equal(m->result, HUB_OK);
    return m;
}

static void get_asks_iot_hub_and_leaves_metadata_out(void **state)
{
    struct mock_client *m = informed(*state, WHOLE);

    mock_same(m->text, "{\"desired\":{\"a\":1,\"b\":{\"c\":2},\"$version\":5},"
                       "\"reported\":{\"r\":1,\"$version\":7}}");
    assert_int_equal(m->ndesired, 0);
}

static void get_of_an_unknown_twin_offline_is_unavailable(void **state)
{
    struct mock_client *m = mock_connect(*state, M, 0, false);

    mock_get(m);
    mock_until(*state, &m->answers, 1);
    assert_int_equal(m->result, HUB_UNAVAILABLE);
    assert_string_equal(m->text, "");
}

/* Reported offline does not make an unknown twin known. */
static void get_after_a_patch_of_an_unknown_twin_is_unavailable(void **state)
{
    struct mock_client *m = mock_connect(*state, M, 0, false);

    mock_patch(m, "{\"x\":1}");
    mock_until(*state, &m->answers, 1);
    assert_int_equal(m->result, HUB_OK);
    mock_get(m);
    mock_until(*state, &m->answers, 2);
    assert_int_equal(m->result, HUB_UNAVAILABLE);
}

static void get_when_iot_hub_fails_or_is_away_gives_what_is_stored(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);

    mock_get(m);
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_TIMEOUT, NULL, 0);
    mock_until(mock, &m->answers, 2);
    assert_int_equal(m->result, HUB_OK);
    mock_restart(mock);
    m = mock_connect(mock, M, 0, false);
    mock_get(m);
    mock_until(mock, &m->answers, 1);
    assert_int_equal(m->result, HUB_OK);
    mock_same(m->text, "{\"desired\":{\"a\":1,\"b\":{\"c\":2},\"$version\":5},"
                       "\"reported\":{\"r\":1,\"$version\":7}}");
}

static void get_of_nonsense_from_iot_hub_is_no_twin(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m;

    mock_online(mock, true);
    m = mock_connect(mock, M, 0, false);
    for (unsigned i = 0; i < 3; i++) {
        static const char *const bad[] = {"", "{\"desired\":{}}", "[1]"};

        mock_get(m);
        mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK, bad[i], 0);
        mock_until(mock, &m->answers, i + 1);
        assert_int_equal(m->result, HUB_UNAVAILABLE);
    }
}

static void stored_twins_are_sealed(void **state)
{
    struct mock *mock = *state;
    const char *text;

    (void) informed(mock, WHOLE);
    text = edge_map_get(&mock->documents, "twin/" M);
    assert_non_null(text);
    assert_null(strstr(text, "desired"));
}

static void patch_is_pushed_at_once_and_then_merged(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);
    struct mock_ask *ask;
    int64_t begun;

    mock_patch(m, "{\"r\":2,\"n\":{\"a\":1}}");
    ask = mock_asked(mock, MOCK_PATCH, M);
    begun = edge_now_ms();
    mock_same(ask->text, "{\"r\":2,\"n\":{\"a\":1}}");
    mock_until(mock, &m->answers, 2);
    assert_int_equal(m->result, HUB_OK);
    assert_int_equal(m->version, 8);
    mock_answer(ask, HUB_OK, NULL, 8);
    mock_patch(m, "{\"n\":{\"b\":2}}");
    mock_patch(m, "{\"n\":{\"a\":null},\"r\":3}");
    ask = mock_asked(mock, MOCK_PATCH, M);
    assert_true(edge_now_ms() - begun >= 900); /* reported_sync_s */
    mock_same(ask->text, "{\"n\":{\"b\":2,\"a\":null},\"r\":3}");
    mock_answer(ask, HUB_OK, NULL, 9);
    mock_settle(mock);
    assert_int_equal(mock_unseen(mock, MOCK_PATCH, M), 0);
}

static void patch_against_the_rules_is_bad_and_changes_nothing(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{\"a\":",
        "{\"o#k\":1}",
        "{\"x.y\":null}",
        "{\"a\":[0,null]}",
        "{\"a\":-4503599627370497}",
        TOO_DEEP,
    };
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);
    unsigned writes = mock->writes;

    for (unsigned i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        mock_patch(m, bad[i]);
        mock_until(mock, &m->answers, i + 2);
        assert_int_equal(m->result, HUB_BAD);
        assert_true(strlen(m->why) > 0);
    }
    assert_int_equal(mock->writes, writes);
    assert_int_equal(mock->nrouted, 0);
    assert_int_equal(mock_unseen(mock, MOCK_PATCH, M), 0);
}

static void patch_that_cannot_be_written_fails(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, 0, false);

    mock->broken = true;
    mock_patch(m, "{\"x\":1}");
    mock_until(mock, &m->answers, 1);
    assert_int_equal(m->result, HUB_FAILED);
}

static void patch_is_answered_gone_when_its_session_has_ended(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, 0, false);

    mock_patch(m, "{\"x\":1}");
    mock_get(m);
    mock_disconnect(m);
    mock_until(mock, &m->answers, 2);
    assert_int_equal(m->result, HUB_GONE);
}

static void patch_makes_a_message_for_routes(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, 0, false);

    mock_patch(m, "{\"x\":1}");
    mock_until(mock, &mock->nrouted, 1);
    assert_string_equal(mock->routed, "/twinChangeNotifications {\"x\":1}");
    assert_string_equal(mock->routed_sender, "m");
}

/* Offline, over a restart; a client that is not there is pushed for as well. */
static void pending_patches_outlive_outages_and_restarts(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);
    struct mock_ask *ask;

    mock_online(mock, false);
    mock_patch(m, "{\"r\":null,\"s\":1}");
    mock_patch(m, "{\"t\":2}");
    mock_until(mock, &m->answers, 3);
    mock_get(m);
    mock_until(mock, &m->answers, 4);
    mock_same(m->text, "{\"desired\":{\"a\":1,\"b\":{\"c\":2},\"$version\":5},"
                       "\"reported\":{\"s\":1,\"t\":2,\"$version\":9}}");
    mock_restart(mock);
    mock_online(mock, true);
    ask = mock_asked(mock, MOCK_PATCH, M);
    mock_same(ask->text, "{\"r\":null,\"s\":1,\"t\":2}");
    mock_answer(ask, HUB_UNAVAILABLE, NULL, 0);
    mock_online(mock, false);
    mock_online(mock, true);
    ask = mock_asked(mock, MOCK_PATCH, M);
    mock_same(ask->text, "{\"r\":null,\"s\":1,\"t\":2}");
    mock_answer(ask, HUB_OK, NULL, 8);
    mock_restart(mock);
    mock_online(mock, true);
    assert_int_equal(mock_unseen(mock, MOCK_PATCH, M), 0);
}

/* While one is under way the next waits, and what could not be sent goes with it. */
static void patch_that_failed_is_merged_with_later_ones(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);
    struct mock_ask *ask;

    mock_patch(m, "{\"s\":1}");
    ask = mock_asked(mock, MOCK_PATCH, M);
    mock_patch(m, "{\"s\":2,\"t\":1}");
    mock_until(mock, &m->answers, 3);
    mock_answer(ask, HUB_TIMEOUT, NULL, 0);
    mock_online(mock, false);
    mock_online(mock, true);
    ask = mock_asked(mock, MOCK_PATCH, M);
    mock_same(ask->text, "{\"s\":2,\"t\":1}");
}

/* Who reports on and on is tried no more often for that, and does not wait longer afterwards. */
static void patches_meanwhile_do_not_shorten_the_pause(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);

    mock_patch(m, "{\"s\":0}");
    mock_answer(mock_asked(mock, MOCK_PATCH, M), HUB_THROTTLED, NULL, 0);
    mock_patch(m, "{\"s\":1}");
    mock_until(mock, &m->answers, 3);
    assert_true(m->client->twin->push_at - edge_now_ms() > (HUB_TWIN_RETRY_S - 1) * 1000);
    assert_int_equal(m->client->twin->failures, 1);
}

/* A request that succeeds says that IoT Hub is well again. */
static void a_patch_that_failed_goes_with_the_next_success(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);

    mock_patch(m, "{\"s\":1}");
    mock_answer(mock_asked(mock, MOCK_PATCH, M), HUB_THROTTLED, NULL, 0);
    m->client->twin->failures = 6; /* minutes */
    hub_twin_put_off(m->client->twin);
    mock_get(m);
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK, WHOLE, 0);
    mock_same(mock_asked(mock, MOCK_PATCH, M)->text, "{\"s\":1}");
}

/* {"o":null} and {"o":{"b":1}} are not {"o":{"b":1}}: o would keep what it had. */
static void patches_that_are_not_one_are_sent_in_turn(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, 0, false);
    struct mock_ask *ask;

    mock_patch(m, "{\"o\":null}");
    mock_patch(m, "{\"o\":{\"b\":1}}");
    mock_until(mock, &m->answers, 2);
    mock_online(mock, true);
    ask = mock_asked(mock, MOCK_PATCH, M);
    mock_same(ask->text, "{\"o\":null}");
    mock_answer(ask, HUB_OK, NULL, 1);
    ask = mock_asked(mock, MOCK_PATCH, M);
    mock_same(ask->text, "{\"o\":{\"b\":1}}");
}

static void patch_refused_by_iot_hub_is_dropped(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);

    mock_patch(m, "{\"s\":1}");
    mock_answer(mock_asked(mock, MOCK_PATCH, M), HUB_BAD, NULL, 0);
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK, WHOLE, 0); /* how it is */
    mock_settle(mock);
    mock_online(mock, false);
    mock_get(m);
    mock_until(mock, &m->answers, 3);
    mock_same(m->text, "{\"desired\":{\"a\":1,\"b\":{\"c\":2},\"$version\":5},"
                       "\"reported\":{\"r\":1,\"$version\":7}}");
    mock_online(mock, true);
    assert_int_equal(mock_unseen(mock, MOCK_PATCH, M), 0);
}

/* A whole twin does not undo what IoT Hub has not heard yet. */
static void a_twin_goes_with_its_identity(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);

    mock_online(mock, false);
    mock_patch(m, "{\"r\":9}");
    mock_until(mock, &m->answers, 2);
    assert_non_null(edge_map_get(&mock->documents, "twin/" M));
    mock_disconnect(m);
    hub_twins_forget(&mock->core, &(struct edge_identity){"edge1", "m"});
    assert_null(edge_map_get(&mock->documents, "twin/" M));
    mock_online(mock, true);
    mock_settle(mock);
    assert_int_equal(mock_unseen(mock, MOCK_PATCH, M), 0);
}

static void pending_stays_over_what_iot_hub_says(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);

    mock_online(mock, false);
    mock_patch(m, "{\"r\":9}");
    mock_until(mock, &m->answers, 2);
    mock_online(mock, true);
    mock_answer(mock_asked(mock, MOCK_PATCH, M), HUB_THROTTLED, NULL, 0);
    mock_get(m);
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK, WHOLE, 0);
    mock_until(mock, &m->answers, 3);
    assert_non_null(strstr(m->text, "\"r\":9"));
}

static void too_much_pending_is_refused(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, 0, false);
    unsigned n = 0;
    char patch[1100];

    do { /* names that are deleted count, too */
        (void) snprintf(patch, sizeof patch, "{\"%01000u\":null}", n);
        mock_patch(m, patch);
        mock_until(mock, &m->answers, ++n);
        assert_true(n < 1000);
    } while (m->result == HUB_OK);
    assert_int_equal(m->result, HUB_BAD);
    assert_true(n > 100);
}

/* Structure is nothing to IoT Hub's own measure. */
static void a_section_of_brackets_is_limited(void **state)
{
    enum { BRACKETS = 60 * 1000 };
    struct mock *mock = *state;
    struct mock_client *m = mock_connect(mock, M, 0, false);
    EDGE_CLEANUP(edge_free) char *patch = malloc(3 * BRACKETS + 20);
    unsigned writes;

    assert_non_null(patch);
    (void) strcpy(patch, "{\"a\":[{}");
    for (unsigned i = 0; i < BRACKETS; i++)
        memcpy(patch + 8 + 3 * i, ",{}", 4);
    (void) strcat(patch, "]}");
    writes = mock->writes;
    mock_patch(m, patch);
    mock_until(mock, &m->answers, 1);
    assert_int_equal(m->result, HUB_BAD);
    assert_int_equal(mock->writes, writes);
}

/* Desired properties */

static void desired_patch_goes_to_who_listens(void **state)
{
    struct mock_client *m = informed(*state, WHOLE);

    mock_desired(m, "{\"a\":null,\"b\":{\"d\":1},\"$version\":6}");
    assert_int_equal(m->ndesired, 1);
    mock_same(m->desired[0], "{\"a\":null,\"b\":{\"d\":1},\"$version\":6}");
    assert_int_equal(m->version, 6);
}

static void desired_gap_is_closed_by_the_whole_twin(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);

    mock_desired(m, "{\"z\":1,\"$version\":8}");
    assert_int_equal(m->ndesired, 0);
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK,
                "{\"desired\":{\"b\":{\"c\":2},\"z\":1,\"$version\":8},"
                "\"reported\":{\"$version\":7}}",
                0);
    assert_int_equal(m->ndesired, 1);
    mock_same(m->desired[0], "{\"a\":null,\"z\":1,\"$version\":8}");
}

/* What is heard while the answer is under way is newer than what the answer says. */
static void desired_patch_overtakes_the_whole_twin(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);
    struct mock_ask *ask;

    mock_get(m);
    ask = mock_asked(mock, MOCK_GET, M);
    mock_desired(m, "{\"a\":2,\"$version\":6}");
    assert_int_equal(m->ndesired, 1);
    mock_answer(ask, HUB_OK, WHOLE, 0);
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK,
                "{\"desired\":{\"a\":2,\"b\":{\"c\":2},\"$version\":6},"
                "\"reported\":{\"$version\":7}}",
                0);
    mock_until(mock, &m->answers, 2);
    mock_same(m->text, "{\"desired\":{\"a\":2,\"b\":{\"c\":2},\"$version\":6},"
                       "\"reported\":{\"$version\":7}}");
    assert_int_equal(m->ndesired, 1); /* nothing old meanwhile */
}

static void a_gap_seen_while_the_twin_is_read_is_closed(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);
    struct mock_ask *ask;

    mock_get(m);
    ask = mock_asked(mock, MOCK_GET, M);
    mock_desired(m, "{\"a\":3,\"$version\":7}");
    mock_answer(ask, HUB_OK, WHOLE, 0);
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK,
                "{\"desired\":{\"a\":3,\"$version\":7},\"reported\":{\"$version\":7}}", 0);
    mock_until(mock, &m->answers, 2);
    mock_same(m->text, "{\"desired\":{\"a\":3,\"$version\":7},\"reported\":{\"$version\":7}}");
}

/* The answer may have been read before the subscription was in place. */
static void a_subscription_in_place_while_the_twin_is_read_is_not_forgotten(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m;
    struct mock_ask *ask;

    mock->core.options.settings.twin_sync_s = 1;
    mock_online(mock, true);
    m = mock_connect(mock, M, EDGE_FEATURE_DESIRED, false);
    mock_get(m);
    ask = mock_asked(mock, MOCK_GET, M);
    hub_twins_ready(m->client);
    mock_answer(ask, HUB_OK, WHOLE, 0);
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK,
                "{\"desired\":{\"a\":9,\"b\":{\"c\":2},\"$version\":6},"
                "\"reported\":{\"$version\":7}}",
                0);
    assert_int_equal(m->ndesired, 1);
    mock_same(m->desired[0], "{\"a\":9,\"$version\":6}");
}

static void desired_that_is_old_or_unreadable_tells_nothing_twice(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);

    mock_desired(m, "{\"a\":1,\"$version\":5}");
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK, WHOLE, 0);
    mock_desired(m, "nonsense");
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK, WHOLE, 0);
    mock_settle(mock);
    assert_int_equal(m->ndesired, 0);
}

/* It never asked: patches as they come. */
static void desired_patch_of_a_twin_never_seen_is_passed_on(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m;

    mock_online(mock, true);
    m = mock_connect(mock, M, EDGE_FEATURE_DESIRED, false);
    mock_desired(m, "{\"z\":1,\"$version\":8}");
    assert_int_equal(m->ndesired, 1);
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK,
                "{\"desired\":{\"z\":2,\"$version\":9},\"reported\":{\"$version\":1}}", 0);
    mock_desired(m, "{\"z\":2,\"$version\":9}"); /* already in the twin, not yet told */
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK,
                "{\"desired\":{\"z\":2,\"$version\":9},\"reported\":{\"$version\":1}}", 0);
    mock_desired(m, "{\"z\":3,\"$version\":10}");
    assert_int_equal(m->ndesired, 3);
    mock_same(m->desired[2], "{\"z\":3,\"$version\":10}");
}

/* A module that was away, over a restart of the hub as well, hears what it missed; exactly that. */
static void what_was_missed_is_told_when_it_comes_back(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);

    mock_disconnect(m);
    mock_desired(m, "{\"a\":2,\"$version\":6}");
    mock_desired(m, "{\"b\":null,\"$version\":7}");
    mock_restart(mock);
    m = mock_connect(mock, M, EDGE_FEATURE_DESIRED, true);
    assert_int_equal(m->ndesired, 1);
    mock_same(m->desired[0], "{\"a\":2,\"b\":null,\"$version\":7}");
    mock_disconnect(m);
    m = mock_connect(mock, M, EDGE_FEATURE_DESIRED, true);
    assert_int_equal(m->ndesired, 0);
}

static void what_was_missed_is_fetched_when_iot_hub_is_back(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);

    mock_restart(mock);
    mock_online(mock, true);
    m = mock_connect(mock, M, EDGE_FEATURE_DESIRED, true);
    hub_twins_ready(m->client);
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK,
                "{\"desired\":{\"a\":1,\"b\":{\"c\":3},\"$version\":6},"
                "\"reported\":{\"$version\":7}}",
                0);
    assert_int_equal(m->ndesired, 1);
    mock_same(m->desired[0], "{\"b\":{\"c\":3},\"$version\":6}");
    hub_twins_ready(m->client); /* not so soon again */
    mock_settle(mock);
    assert_int_equal(mock_unseen(mock, MOCK_GET, M), 0);
}

static void first_subscription_tells_nothing(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m;

    mock_online(mock, true);
    m = mock_connect(mock, M, EDGE_FEATURE_DESIRED, false);
    hub_twins_ready(m->client);
    mock_answer(mock_asked(mock, MOCK_GET, M), HUB_OK, WHOLE, 0);
    mock_settle(mock);
    assert_int_equal(m->ndesired, 0);
}

/* More twins than are kept in memory, all of them still right. */
static void many_twins_are_read_back_from_disk(void **state)
{
    enum { MANY = 300 };
    struct mock *mock = *state;
    struct mock_client *m;
    char name[64];
    char twin[200];

    mock->settings.twin_sync_s = 1;
    mock_online(mock, true);
    for (unsigned i = 0; i < MANY; i++) {
        mock->nclients = 0;
        (void) snprintf(name, sizeof name, "edge1/m%u", i);
        (void) snprintf(twin, sizeof twin,
                        "{\"desired\":{\"n\":%u,\"$version\":1},\"reported\":{\"$version\":1}}", i);
        m = mock_connect(mock, name, 0, false);
        mock_get(m);
        mock_answer(mock_asked(mock, MOCK_GET, name), HUB_OK, twin, 0);
        mock_until(mock, &m->answers, 1);
        mock_disconnect(m);
    }
    assert_true(mock->core.twins->loaded < MANY);
    mock_online(mock, false);
    for (unsigned i = 0; i < MANY; i += 37) {
        mock->nclients = 0;
        (void) snprintf(name, sizeof name, "edge1/m%u", i);
        (void) snprintf(twin, sizeof twin, "\"n\":%u,", i);
        m = mock_connect(mock, name, 0, false);
        mock_get(m);
        mock_until(mock, &m->answers, 1);
        assert_int_equal(m->result, HUB_OK);
        assert_non_null(strstr(m->text, twin));
        mock_disconnect(m);
    }
}

/* A disk that cannot be read is asked again later and later, not without end. */
static void a_twin_that_cannot_be_read_is_not_read_all_the_time(void **state)
{
    struct mock *mock = *state;
    struct mock_client *m = informed(mock, WHOLE);

    mock_online(mock, false);
    mock_patch(m, "{\"r\":9}");
    mock_until(mock, &m->answers, 2);
    mock_restart(mock);
    mock->unreadable = true;
    mock->reads = 0;
    mock_online(mock, true);
    mock_until(mock, &mock->reads, 1);
    for (int i = 0; i < 20; i++)
        mock_settle(mock);
    assert_int_equal(mock->reads, 1);
    mock->unreadable = false;
    mock_online(mock, false);
    mock_online(mock, true); /* and then everything is tried at once */
    mock_same(mock_asked(mock, MOCK_PATCH, M)->text, "{\"r\":9}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(get_asks_iot_hub_and_leaves_metadata_out),
        TEST(get_of_an_unknown_twin_offline_is_unavailable),
        TEST(get_after_a_patch_of_an_unknown_twin_is_unavailable),
        TEST(get_when_iot_hub_fails_or_is_away_gives_what_is_stored),
        TEST(get_of_nonsense_from_iot_hub_is_no_twin),
        TEST(stored_twins_are_sealed),
        TEST(patch_is_pushed_at_once_and_then_merged),
        TEST(patch_against_the_rules_is_bad_and_changes_nothing),
        TEST(patch_that_cannot_be_written_fails),
        TEST(patch_is_answered_gone_when_its_session_has_ended),
        TEST(patch_makes_a_message_for_routes),
        TEST(pending_patches_outlive_outages_and_restarts),
        TEST(patch_that_failed_is_merged_with_later_ones),
        TEST(patches_meanwhile_do_not_shorten_the_pause),
        TEST(a_patch_that_failed_goes_with_the_next_success),
        TEST(patches_that_are_not_one_are_sent_in_turn),
        TEST(patch_refused_by_iot_hub_is_dropped),
        TEST(a_twin_goes_with_its_identity),
        TEST(pending_stays_over_what_iot_hub_says),
        TEST(too_much_pending_is_refused),
        TEST(a_section_of_brackets_is_limited),
        TEST(desired_patch_goes_to_who_listens),
        TEST(desired_gap_is_closed_by_the_whole_twin),
        TEST(desired_patch_overtakes_the_whole_twin),
        TEST(a_gap_seen_while_the_twin_is_read_is_closed),
        TEST(a_subscription_in_place_while_the_twin_is_read_is_not_forgotten),
        TEST(desired_that_is_old_or_unreadable_tells_nothing_twice),
        TEST(desired_patch_of_a_twin_never_seen_is_passed_on),
        TEST(what_was_missed_is_told_when_it_comes_back),
        TEST(what_was_missed_is_fetched_when_iot_hub_is_back),
        TEST(first_subscription_tells_nothing),
        TEST(many_twins_are_read_back_from_disk),
        TEST(a_twin_that_cannot_be_read_is_not_read_all_the_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
