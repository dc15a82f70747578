/* Who may come in, by what is known and by what the cloud says when it is asked. */
#include "tests/unit/hub/auth_house.h"

#include "common/base/clock.h"

static void test_who_is_in_the_scope_comes_in(void **state)
{
    (void) state;

    assert_int_equal(w.pages, CLOUD_MAX / PAGE);
    assert_int_equal(come("d", "key1"), HUB_OK);
    assert_true(w.grant.until_s >= edge_wall_ns() / 1000000000 + 350);
    assert_int_equal(come("d/m", "m1"), HUB_OK);
    assert_int_equal(come("edge/$edgeHub", "hub"), HUB_OK);
    assert_int_equal(w.ones, 0);
    assert_int_equal(again("d"), HUB_OK);
    assert_int_equal(again("edge"), HUB_REFUSED); /* it has never come */
}

static void test_a_wrong_key_is_asked_about_once(void **state)
{
    (void) state;

    assert_int_equal(come("d", "guess"), HUB_REFUSED);
    assert_non_null(strstr(w.grant.reason, "signature is wrong"));
    assert_int_equal(w.ones, 1);
    for (int i = 0; i < 20; i++)
        assert_int_equal(come("d", "guess"), HUB_REFUSED);
    assert_int_equal(w.ones, 1);
    assert_int_equal(come("d", "key1"), HUB_OK);
}

static void test_a_key_that_was_rotated_serves_at_once(void **state)
{
    (void) state;

    assert_int_equal(come("d", "key1"), HUB_OK);
    add("d", "a2V5Mg==");
    assert_int_equal(come("d", "key2"), HUB_OK);
    assert_string_equal(w.changed, "d "); /* who had come by the old one */
    assert_int_equal(again("d"), HUB_OK);
    assert_int_equal(come("d", "key1"), HUB_REFUSED);
}

static int64_t time_ms;
static bool it_is_time(void)
{
    return edge_now_ms() >= time_ms;
}
static void let_pass(int64_t ms)
{
    time_ms = edge_now_ms() + ms;
    run_until(it_is_time);
}

/* Who was asked about a moment ago is asked about once more, a little later. */
static void test_a_key_rotated_soon_after_a_question_serves(void **state)
{
    (void) state;

    close_auth();
    w.delay_s = 12;
    open_auth();
    assert_int_equal(refresh(NULL), HUB_OK);
    add("new", "a2V5MQ==");
    assert_int_equal(come("new", "key1"), HUB_OK);
    assert_int_equal(w.ones, 1);
    add("new", "a2V5Mg==");
    assert_int_equal(come("new", "key2"), HUB_REFUSED); /* whoever guesses comes so soon */
    assert_int_equal(w.ones, 1);
    let_pass(1100);
    assert_int_equal(come("new", "key1"), HUB_OK); /* what is known costs no question */
    assert_int_equal(come("new", "key2"), HUB_OK);
    assert_int_equal(w.ones, 2);
    let_pass(1100);
    for (int i = 0; i < 20; i++)
        assert_int_equal(come("new", "guess"), HUB_REFUSED);
    assert_int_equal(w.ones, 2); /* and not again before its time */
}

static void test_who_is_new_waits_for_the_cloud(void **state)
{
    (void) state;

    add("new", "bmV3");
    add("new/n", "bjE=");
    w.awaited = 5;
    for (int i = 0; i < 5; i++)
        begin("new/n", "n1");
    assert_int_equal(w.granted, 0);
    run_until(all_granted);
    assert_int_equal(w.grant.result, HUB_OK);
    assert_int_equal(w.ones, 1);
    assert_int_equal(come("new", "new"), HUB_OK); /* it came along */
    assert_int_equal(w.ones, 1);
}

static void test_who_is_nobody_is_asked_about_once(void **state)
{
    (void) state;

    assert_int_equal(come("ghost", "x"), HUB_REFUSED);
    assert_int_equal(come("ghost", "x"), HUB_REFUSED);
    assert_int_equal(w.ones, 1);
}

/* A crowd of names costs no more than a bounded number of questions. */
static void test_a_crowd_of_strangers(void **state)
{
    (void) state;

    for (int i = 0; i < 3000; i++) {
        EDGE_CLEANUP(edge_free) char *name = edge_format("ghost%d", i);

        assert_int_not_equal(come(name, "x"), HUB_OK);
    }
    assert_true(w.ones >= 50 && w.ones < 300);
    assert_int_equal(w.grant.result, HUB_UNAVAILABLE);
    assert_int_equal(come("d", "key1"), HUB_OK);
}

static void test_with_no_cloud_what_is_known_decides(void **state)
{
    (void) state;

    w.status = 0;
    assert_int_equal(come("d", "key1"), HUB_OK);
    assert_int_equal(come("ghost", "x"), HUB_UNAVAILABLE);
    assert_int_equal(w.ones, 1);
    assert_int_equal(come("ghost", "x"), HUB_UNAVAILABLE); /* not asked again so soon */
    assert_int_equal(w.ones, 1);
    assert_int_equal(come("d", "guess"), HUB_REFUSED);
    w.status = 200;
    hub_auth_online(w.auth);
    assert_int_equal(come("ghost", "x"), HUB_REFUSED);
    assert_int_equal(w.ones, 2);
}

static void test_for_whom_we_speak(void **state)
{
    const struct edge_identity d = who_is("d"), m = who_is("d/m"), ghost = who_is("ghost");
    const struct edge_identity self = who_is("edge/$edgeHub");
    (void) state;

    assert_string_equal(hub_auth_chain(w.auth, &d), "d;edge");
    assert_string_equal(hub_auth_chain(w.auth, &m), "d/m;edge");
    assert_string_equal(hub_auth_chain(w.auth, &self), "edge/$edgeHub;edge");
    assert_null(hub_auth_chain(w.auth, &ghost));
}

static void test_nested_edges_are_refused(void **state)
{
    struct hub_claim claim = {.who = who_is("d"), .auth_chain = "d;child"};
    (void) state;

    hub_auth_check(w.auth, &claim, on_grant, NULL);
    assert_int_equal(w.grant.result, HUB_REFUSED);
    assert_non_null(strstr(w.grant.reason, "nested"));
    claim.auth_chain = "d;edge";
    hub_auth_check(w.auth, &claim, on_grant, NULL);
    assert_non_null(strstr(w.grant.reason, "nested"));
    claim.auth_chain = "d";
    hub_auth_check(w.auth, &claim, on_grant, NULL);
    assert_string_equal(w.grant.reason, "neither a token nor a certificate was shown");
}

static void test_who_waits_is_told_at_the_end(void **state)
{
    (void) state;

    w.silent = true;
    begin("ghost", "x");
    hub_auth_refresh(w.auth, NULL, on_refreshed, NULL);
    assert_int_equal(w.granted + w.refreshed, 0);
    close_auth();
    assert_int_equal(w.granted, 1);
    assert_int_equal(w.grant.result, HUB_GONE);
    assert_int_equal(w.refreshed, 1);
    assert_int_equal(w.refresh, HUB_GONE);
    while (w.nopen > 0)
        tell(w.open[--w.nopen]); /* the source ends after us */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define IN_HOUSE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        IN_HOUSE(test_who_is_in_the_scope_comes_in),
        IN_HOUSE(test_a_wrong_key_is_asked_about_once),
        IN_HOUSE(test_a_key_that_was_rotated_serves_at_once),
        IN_HOUSE(test_a_key_rotated_soon_after_a_question_serves),
        IN_HOUSE(test_who_is_new_waits_for_the_cloud),
        IN_HOUSE(test_who_is_nobody_is_asked_about_once),
        IN_HOUSE(test_a_crowd_of_strangers),
        IN_HOUSE(test_with_no_cloud_what_is_known_decides),
        IN_HOUSE(test_for_whom_we_speak),
        IN_HOUSE(test_nested_edges_are_refused),
        IN_HOUSE(test_who_waits_is_told_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
