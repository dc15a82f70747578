#include "tests/unit/agent/quotes.h"

#include <stdio.h>

#include "agent/cloud/twin.h"
#include "common/iothub/twin.h"

enum { S = 1000, HOUR = 3600 * S };

/* Both sides of the twin: what was asked, what was told, and a clock. */
struct world {
    struct agent_twin *twin;
    int64_t now;
    bool deaf; /* nothing can be sent */
    int gets;
    int patches;
    char rid[64];
    struct edge_json *patch; /* the last one sent */
    struct edge_json *desired;
    int64_t version;
    int told; /* desired properties handed over */
    int reopened;
    char why[256];
    char note[512];
    int notes;
    int answered;
};

static int publish(const char *topic, const char *payload, size_t len, void *arg)
{
    struct world *w = arg;
    const char *rid = strstr(topic, "?$rid=");

    if (w->deaf)
        return EDGE_EUNAVAILABLE;
    assert_non_null(rid);
    (void) snprintf(w->rid, sizeof w->rid, "%s", rid + 6);
    if (strncmp(topic, "$iothub/twin/GET/?", 18) == 0) {
        w->gets++;
        return 0;
    }
    assert_int_equal(strncmp(topic, "$iothub/twin/PATCH/properties/reported/?", 40), 0);
    w->patches++;
    w->patch = edge_json_free(w->patch);
    assert_int_equal(edge_json_parse(payload, len, &w->patch, NULL), 0);
    return 0;
}

static void on_desired(const struct edge_json *desired, int64_t version, void *arg)
{
    struct world *w = arg;

    edge_json_free(w->desired);
    w->desired = edge_json_copy(desired);
    w->version = version;
    w->told++;
}

static void on_answered(void *arg)
{
    ((struct world *) arg)->answered++;
}

static void on_reopen(const char *why, void *arg)
{
    struct world *w = arg;

    w->reopened++;
    (void) snprintf(w->why, sizeof w->why, "%s", why);
}

static void on_note(const char *text, void *arg)
{
    struct world *w = arg;

    w->notes++;
    (void) snprintf(w->note, sizeof w->note, "%s", text);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    const struct agent_twin_config config = {
        .ops = {publish, on_desired, on_answered, on_reopen, on_note}, .arg = w, .seed = 7};

    assert_non_null(w);
    w->now = 1000 * S;
    assert_int_equal(agent_twin_create(&config, &w->twin), 0);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    agent_twin_destroy(w->twin);
    edge_json_free(w->patch);
    edge_json_free(w->desired);
    free(w);
    return 0;
}

/* Everything due until @p ms from now happens at its time. */
static void pass(struct world *w, int64_t ms)
{
    int64_t end = w->now + ms;

    for (int i = 0; i < 1000; i++) {
        int64_t due;

        agent_twin_turn(w->twin, w->now);
        due = agent_twin_due(w->twin);
        if (due > end)
            break;
        if (due > w->now)
            w->now = due;
    }
    w->now = end;
}

static void answer(struct world *w, int status, int64_t version, const char *text)
{
    EDGE_CLEANUP(edge_free) char *body = quoted(text);
    char rid[64];

    (void) snprintf(rid, sizeof rid, "%s", w->rid);
    agent_twin_answer(w->twin, status, (struct edge_bytes){(const uint8_t *) rid, strlen(rid)},
                      version, (struct edge_bytes){(const uint8_t *) body, strlen(body)}, w->now);
    pass(w, 0);
}

static void patch(struct world *w, const char *text)
{
    EDGE_CLEANUP(edge_free) char *body = quoted(text);

    agent_twin_patch(w->twin, 0, (struct edge_bytes){(const uint8_t *) body, strlen(body)}, w->now);
    pass(w, 0);
}

static void up(struct world *w)
{
    agent_twin_up(w->twin, w->now);
    pass(w, 0);
}

static void report(struct world *w, const char *text)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *reported = json(text);

    agent_twin_report(w->twin, reported);
    pass(w, 0);
}

#define TWIN_5                                                                                     \
    "{'desired':{'a':1,'b':{'c':2},'$version':5,'$metadata':{}},"                                  \
    "'reported':{'x':1,'$version':3}}"

static void connect_at_5(struct world *w)
{
    up(w);
    assert_int_equal(w->gets, 1);
    answer(w, 200, 0, TWIN_5);
    assert_int_equal(w->told, 1);
}

static void assert_json(const struct edge_json *seen, const char *expected)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *want = json(expected);
    EDGE_CLEANUP(edge_free) char *a = edge_json_canonical(seen);
    EDGE_CLEANUP(edge_free) char *b = edge_json_canonical(want);

    assert_string_equal(a, b);
}

/* ---- desired ---- */

static void test_a_connection_begins_with_the_whole_twin(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    assert_int_equal(w->version, 5);
    assert_json(w->desired, "{'a':1,'b':{'c':2}}");
    assert_int_equal(w->answered, 1);
    assert_int_equal(agent_twin_due(w->twin), w->now + HOUR);
}

static void test_a_patch_that_follows_on_is_merged(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    patch(w, "{'a':null,'b':{'d':3},'$version':6}");
    assert_int_equal(w->version, 6);
    assert_json(w->desired, "{'b':{'c':2,'d':3}}");
    patch(w, "{'b':{'c':9},'$version':7}");
    assert_json(w->desired, "{'b':{'c':9,'d':3}}");
    assert_int_equal(w->gets, 1);
}

static void test_a_gap_leads_to_the_whole_twin(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    pass(w, 60 * S);
    patch(w, "{'a':9,'$version':8}");
    assert_int_equal(w->told, 1);
    pass(w, 3 * S);
    assert_int_equal(w->gets, 2);
    answer(w, 200, 0, "{'desired':{'a':9,'$version':8},'reported':{'$version':3}}");
    assert_int_equal(w->version, 8);
    assert_json(w->desired, "{'a':9}");
}

static void test_a_storm_of_gaps_is_one_request_in_ten_seconds(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    for (int i = 0; i < 100; i++) {
        patch(w, "{'a':9,'$version':80}");
        pass(w, 500);
        if (w->rid[0])
            answer(w, 200, 0, TWIN_5);
    }
    assert_in_range(w->gets, 4, 7);
    assert_int_equal(w->told, 1); /* all of them said the same */
}

static void test_what_is_told_twice_changes_nothing(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    patch(w, "{'a':7,'$version':5}");
    pass(w, 20 * S);
    assert_int_equal(w->told, 1);
    assert_int_equal(w->gets, 1);
}

static void test_a_patch_that_is_no_json_leads_to_the_whole_twin(void **state)
{
    static const char *const bad[] = {"", "{", "[]", "7", "null", "{'a':1"};
    struct world *w = *state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        int gets;

        if (i == 0)
            connect_at_5(w);
        pass(w, 60 * S);
        gets = w->gets;
        patch(w, bad[i]);
        pass(w, 3 * S);
        assert_int_equal(w->gets, gets + 1);
        answer(w, 200, 0, TWIN_5);
    }
    assert_int_equal(w->told, 1);
}

static void test_a_patch_while_the_twin_is_on_its_way_is_not_undone_by_it(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    pass(w, HOUR);
    assert_int_equal(w->gets, 2);
    patch(w, "{'a':6,'$version':6}");
    assert_json(w->desired, "{'a':6,'b':{'c':2}}");
    answer(w, 200, 0, TWIN_5); /* of the moment before the patch */
    assert_int_equal(w->version, 6);
    assert_json(w->desired, "{'a':6,'b':{'c':2}}");
    assert_int_equal(w->told, 2);
}

static void test_a_patch_before_the_first_twin_is_not_lost(void **state)
{
    struct world *w = *state;

    up(w);
    patch(w, "{'a':6,'$version':6}");
    assert_int_equal(w->told, 0);
    answer(w, 200, 0, TWIN_5);
    pass(w, 11 * S);
    assert_int_equal(w->gets, 2);
    answer(w, 200, 0, "{'desired':{'a':6,'$version':6},'reported':{'$version':3}}");
    assert_int_equal(w->version, 6);
}

static void test_versions_that_begin_anew_are_taken(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    agent_twin_down(w->twin);
    pass(w, 60 * S);
    up(w);
    answer(w, 200, 0, "{'desired':{'n':1,'$version':1},'reported':{'$version':1}}");
    assert_int_equal(w->version, 1);
    assert_json(w->desired, "{'n':1}");
}

static void test_the_twin_is_refreshed_every_hour_and_told_only_when_it_differs(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    for (int i = 0; i < 24; i++) {
        pass(w, HOUR);
        answer(w, 200, 0, TWIN_5);
    }
    assert_int_equal(w->gets, 25);
    assert_int_equal(w->told, 1);
}

static void test_a_link_that_flaps_pulls_once_in_thirty_seconds(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    for (int i = 0; i < 120; i++) {
        agent_twin_down(w->twin);
        pass(w, 500);
        up(w);
        if (w->gets > 1)
            answer(w, 200, 0, TWIN_5);
        pass(w, 500);
    }
    assert_in_range(w->gets, 3, 6);
}

static void test_a_silent_cloud_is_left_after_thirty_seconds(void **state)
{
    struct world *w = *state;

    up(w);
    pass(w, 29 * S);
    assert_int_equal(w->reopened, 0);
    pass(w, 2 * S);
    assert_int_equal(w->reopened, 1);
    assert_non_null(strstr(w->why, "did not answer a request for the twin in 30 s"));
    agent_twin_down(w->twin);
    assert_int_equal(agent_twin_due(w->twin), INT64_MAX);
    pass(w, 60 * S);
    assert_int_equal(w->gets, 1);
    up(w);
    answer(w, 200, 0, TWIN_5);
    assert_int_equal(w->told, 1);
}

static void test_a_twin_that_cannot_be_read_is_asked_for_three_times(void **state)
{
    static const struct {
        int status;
        const char *body;
    } bad[] = {{200, "{'desired':"},
               {200, "{'reported':{}}"},
               {200, "{'desired':{},'reported':{}}"},
               {200, "[]"},
               {429, "{'errorCode':429001}"},
               {503, ""},
               {404, "{'errorCode':404001}"}};
    struct world *w = *state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        int gets = w->gets;
        int reopened = w->reopened;

        up(w);
        for (int n = 0; n < 3; n++) {
            answer(w, bad[i].status, 0, bad[i].body);
            for (int s = 0; s < 40 && n < 2 && w->gets < gets + n + 2; s++)
                pass(w, S);
        }
        assert_int_equal(w->gets, gets + 3);
        assert_int_equal(w->reopened, reopened + 1);
        agent_twin_down(w->twin);
        pass(w, 60 * S);
    }
    assert_int_equal(w->told, 0);
    up(w);
    answer(w, 200, 0, TWIN_5);
    assert_int_equal(w->told, 1);
}

static void test_answers_to_nobodys_question_are_passed_over(void **state)
{
    struct world *w = *state;

    up(w);
    (void) snprintf(w->rid, sizeof w->rid, "other");
    answer(w, 200, 0, TWIN_5);
    assert_int_equal(w->told, 0);
    w->rid[0] = '\0';
    answer(w, 200, 0, TWIN_5);
    assert_int_equal(w->told, 0);
}

/* ---- reported ---- */

static void test_the_first_report_is_sent_at_once_as_the_least_patch(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    report(w, "{'x':1,'y':{'z':2}}");
    assert_int_equal(w->patches, 1);
    assert_json(w->patch, "{'y':{'z':2}}");
    assert_false(agent_twin_settled(w->twin));
    answer(w, 204, 4, "");
    assert_true(agent_twin_settled(w->twin));
    pass(w, 60 * S);
    assert_int_equal(w->patches, 1);
}

static void test_nothing_is_reported_before_the_twin_was_read(void **state)
{
    struct world *w = *state;

    report(w, "{'x':2}");
    up(w);
    pass(w, 10 * S);
    assert_int_equal(w->patches, 0);
    answer(w, 200, 0, TWIN_5);
    assert_int_equal(w->patches, 1);
    assert_json(w->patch, "{'x':2}");
}

static void test_what_the_cloud_has_already_is_not_sent(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    report(w, "{'x':1}");
    pass(w, HOUR / 2);
    assert_int_equal(w->patches, 0);
    assert_true(agent_twin_settled(w->twin));
}

static void test_bursts_are_one_patch_in_five_seconds(void **state)
{
    struct world *w = *state;
    char text[40];

    connect_at_5(w);
    for (int i = 0; i < 100; i++) { /* ten seconds */
        (void) snprintf(text, sizeof text, "{'x':1,'n':%d}", i);
        report(w, text);
        if (w->patches > 0)
            answer(w, 204, 0, "");
        pass(w, 100);
    }
    assert_in_range(w->patches, 2, 3);
    pass(w, 5 * S);
    answer(w, 204, 0, "");
    assert_json(w->patch, "{'n':99}");
}

static void test_what_is_gone_is_null(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    report(w, "{'modules':{'a':{'s':1},'b':{'s':1}}}");
    assert_json(w->patch, "{'x':null,'modules':{'a':{'s':1},'b':{'s':1}}}");
    answer(w, 204, 4, "");
    report(w, "{'modules':{'b':{'s':2}}}");
    pass(w, 5 * S);
    assert_json(w->patch, "{'modules':{'a':null,'b':{'s':2}}}");
}

static void test_a_section_that_is_no_object_is_written_in_full(void **state)
{
    struct world *w = *state;

    up(w);
    report(w, "{'x':1}");
    answer(w, 200, 0, "{'desired':{'$version':1},'reported':[1,2]}");
    assert_json(w->patch, "{'x':1}");
}

static void test_a_throttled_patch_is_sent_again_later_each_time(void **state)
{
    struct world *w = *state;
    int64_t before;
    int64_t gaps[3];

    connect_at_5(w);
    report(w, "{'x':2}");
    for (int i = 0; i < 3; i++) {
        int patches = w->patches;

        before = w->now;
        answer(w, 429, 0, "{'errorCode':429001}");
        while (w->patches == patches)
            pass(w, S);
        gaps[i] = w->now - before;
        assert_json(w->patch, "{'x':2}");
    }
    assert_in_range(gaps[0], 10 * S, 14 * S);
    assert_in_range(gaps[1], 20 * S, 26 * S);
    assert_in_range(gaps[2], 40 * S, 52 * S);
    assert_int_equal(w->notes, 1); /* said once */
    answer(w, 204, 0, "");
    assert_true(agent_twin_settled(w->twin));
    assert_int_equal(w->reopened, 0);
}

static void test_a_patch_without_an_answer_is_found_out_after_reconnecting(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    report(w, "{'x':2}");
    pass(w, 31 * S);
    assert_int_equal(w->reopened, 1);
    agent_twin_down(w->twin);
    report(w, "{'x':3}");
    up(w);
    assert_int_equal(w->patches, 1); /* what the cloud has is not known */
    pass(w, 30 * S);
    answer(w, 200, 0,
           "{'desired':{'a':1,'b':{'c':2},'$version':5},"
           "'reported':{'x':2,'$version':4}}");
    assert_json(w->patch, "{'x':3}");
    assert_int_equal(w->told, 1);
}

static void test_after_weeks_only_the_difference_is_sent(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    report(w, "{'x':1,'m':{'s':'running'}}");
    answer(w, 204, 4, "");
    agent_twin_down(w->twin);
    for (int i = 0; i < 50; i++) {
        report(w, i % 2 ? "{'x':1,'m':{'s':'running'}}" : "{'x':1,'m':{'s':'failed'}}");
        pass(w, 24 * HOUR);
    }
    report(w, "{'x':1,'m':{'s':'failed'}}");
    up(w);
    answer(w, 200, 0,
           "{'desired':{'$version':5},'reported':{'x':1,'m':{'s':'running'},"
           "'$version':4}}");
    assert_int_equal(w->patches, 2);
    assert_json(w->patch, "{'m':{'s':'failed'}}");
}

static void test_another_writer_is_noticed_by_the_version(void **state)
{
    struct world *w = *state;

    connect_at_5(w); /* reported version 3 */
    pass(w, 60 * S);
    report(w, "{'x':2}");
    answer(w, 204, 5, "");
    pass(w, 3 * S);
    assert_int_equal(w->gets, 2);
    answer(w, 200, 0,
           "{'desired':{'a':1,'b':{'c':2},'$version':5},"
           "'reported':{'x':2,'alien':1,'$version':5}}");
    pass(w, 5 * S);
    assert_json(w->patch, "{'alien':null}");
}

static void test_refused_reports_shrink_step_by_step_down_to_the_status(void **state)
{
    struct world *w = *state;

    connect_at_5(w);
    report(w, "{'lastDesiredVersion':5,'lastDesiredStatus':{'code':200,'description':'fine'},"
              "'modules':{'a':{'odd':1}}}");
    for (int i = 0; i < 3; i++) { /* whole, half, quarter */
        assert_non_null(edge_json_get(w->patch, "modules"));
        answer(w, 400, 0, "{'errorCode':400004}");
        pass(w, 5 * S);
    }
    assert_json(w->patch, "{'x':null}"); /* all keys away */
    answer(w, 204, 4, "");
    pass(w, 5 * S);
    assert_non_null(edge_json_get(w->patch, "modules"));
    answer(w, 413, 0, "");
    pass(w, 5 * S);
    assert_json(w->patch, "{'lastDesiredVersion':5,'lastDesiredStatus':{'code':200,"
                          "'description':'fine; IoT Hub refused the rest of the report'}}");
    assert_int_equal(w->notes, 4);
    answer(w, 400, 0, "");
    assert_int_equal(w->patches, 6);
    pass(w, 500 * S); /* hopeless: rarely */
    assert_int_equal(w->patches, 6);
    pass(w, 300 * S);
    assert_int_equal(w->patches, 7);
}

static void test_a_large_report_is_cut_to_what_iot_hub_takes(void **state)
{
    struct world *w = *state;
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1 << 20);
    int before;

    edge_buf_puts(&text, "{'lastDesiredStatus':{'code':200,'description':''},'modules':{");
    for (int i = 0; i < 30; i++)
        edge_buf_printf(&text,
                        "%s'm%d':{'runtimeStatus':'running','settings':{'createOptions':'%0*d'}}",
                        i ? "," : "", i, 2000, i);
    edge_buf_puts(&text, "}}");
    connect_at_5(w);
    report(w, text.data);
    assert_in_range(edge_twin_size(w->patch), 16 * 1024, 32 * 1024);
    answer(w, 413, 0, "");
    pass(w, 5 * S);
    assert_in_range(edge_twin_size(w->patch), 8 * 1024, 16 * 1024);
    answer(w, 204, 4, "");
    before = w->patches;
    report(w, text.data); /* the same again is nothing new */
    pass(w, 20 * S);
    assert_int_equal(w->patches, before);
}

static void test_what_cannot_be_sent_is_tried_again(void **state)
{
    struct world *w = *state;

    w->deaf = true;
    up(w);
    pass(w, 3 * S);
    w->deaf = false;
    pass(w, 3 * S);
    assert_int_equal(w->gets, 1);
    answer(w, 200, 0, TWIN_5);
    w->deaf = true;
    report(w, "{'x':2}");
    w->deaf = false;
    pass(w, 6 * S);
    assert_int_equal(w->patches, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_a_connection_begins_with_the_whole_twin),
        T(test_a_patch_that_follows_on_is_merged),
        T(test_a_gap_leads_to_the_whole_twin),
        T(test_a_storm_of_gaps_is_one_request_in_ten_seconds),
        T(test_what_is_told_twice_changes_nothing),
        T(test_a_patch_that_is_no_json_leads_to_the_whole_twin),
        T(test_a_patch_while_the_twin_is_on_its_way_is_not_undone_by_it),
        T(test_a_patch_before_the_first_twin_is_not_lost),
        T(test_versions_that_begin_anew_are_taken),
        T(test_the_twin_is_refreshed_every_hour_and_told_only_when_it_differs),
        T(test_a_link_that_flaps_pulls_once_in_thirty_seconds),
        T(test_a_silent_cloud_is_left_after_thirty_seconds),
        T(test_a_twin_that_cannot_be_read_is_asked_for_three_times),
        T(test_answers_to_nobodys_question_are_passed_over),
        T(test_the_first_report_is_sent_at_once_as_the_least_patch),
        T(test_nothing_is_reported_before_the_twin_was_read),
        T(test_what_the_cloud_has_already_is_not_sent),
        T(test_bursts_are_one_patch_in_five_seconds),
        T(test_what_is_gone_is_null),
        T(test_a_section_that_is_no_object_is_written_in_full),
        T(test_a_throttled_patch_is_sent_again_later_each_time),
        T(test_a_patch_without_an_answer_is_found_out_after_reconnecting),
        T(test_after_weeks_only_the_difference_is_sent),
        T(test_another_writer_is_noticed_by_the_version),
        T(test_refused_reports_shrink_step_by_step_down_to_the_status),
        T(test_a_large_report_is_cut_to_what_iot_hub_takes),
        T(test_what_cannot_be_sent_is_tried_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
