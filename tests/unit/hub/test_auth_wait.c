/* A first start: whoever comes before the list of all is in waits for it. */
#include "tests/unit/hub/auth_house.h"

static void answer_all(void)
{
    while (w.nopen > 0)
        tell_first();
}

/* Its page lets it in; the rest of the list need not be there. */
static void test_who_is_listed_comes_in_with_its_page(void **state)
{
    (void) state;

    begin("edge/$edgeHub", "hub"); /* of the first page */
    begin("d", "key1");            /* of the second */
    begin("d/m", "m1");
    assert_int_equal(w.granted, 0);
    tell_first();
    assert_int_equal(w.granted, 1);
    tell_first();
    assert_int_equal(w.granted, 3);
    assert_int_equal(w.grant.result, HUB_OK);
    assert_int_equal(w.pages, 3);
    answer_all();
    assert_int_equal(w.ones, 0);
}

static void test_a_wrong_key_is_told_at_the_end(void **state)
{
    (void) state;

    begin("d", "guess");
    tell_first();
    tell_first();
    assert_int_equal(w.granted, 0); /* the list may go on with what proves it */
    while (w.pages < PAGES)
        tell_first();
    tell_first(); /* the last page; then it is asked for alone */
    assert_int_equal(w.granted, 0);
    assert_int_equal(w.ones, 1);
    tell_first();
    assert_int_equal(w.granted, 1);
    assert_int_equal(w.grant.result, HUB_REFUSED);
}

/* It is newer than the list. */
static void test_who_is_not_listed_is_asked_for_alone(void **state)
{
    (void) state;

    begin("new", "new");
    begin("ghost", "x");
    tell_first();
    drop("edge");
    add("new", "bmV3"); /* in its place, on a page that has been read */
    while (w.ones < 2)
        tell_first();
    assert_int_equal(w.granted, 0);
    tell_first();
    assert_int_equal(w.grant.result, HUB_OK);
    tell_first();
    assert_int_equal(w.granted, 2);
    assert_int_equal(w.grant.result, HUB_REFUSED);
}

static void test_a_crowd_waits_and_asks_nothing(void **state)
{
    (void) state;

    for (int i = 0; i < 1000; i++)
        begin("d", "key1");
    assert_int_equal(w.granted, 0);
    answer_all();
    assert_int_equal(w.granted, 1000);
    assert_int_equal(w.grant.result, HUB_OK);
    assert_int_equal(w.ones, 0);
}

/* The first ones wait; whoever is too many is told to come later. */
static void test_the_crowd_is_bounded(void **state)
{
    unsigned late;
    (void) state;

    for (int i = 0; i < 5000; i++)
        begin("d", "key1");
    late = w.granted;
    assert_true(late >= 2000 && late < 4500);
    assert_int_equal(w.grant.result, HUB_UNAVAILABLE);
    answer_all();
    assert_int_equal(w.granted, 5000);
    assert_int_equal(w.grant.result, HUB_OK);
}

static void test_no_list_comes(void **state)
{
    (void) state;

    begin("d", "key1");
    w.open[0]->status = 0;
    tell_first();
    assert_int_equal(w.granted, 1);
    assert_int_equal(w.grant.result, HUB_UNAVAILABLE);
    assert_int_equal(w.ones, 0);
}

static bool one_is_granted(void)
{
    return w.granted == 1;
}

/* Whom IoT Hub does not answer is not kept for ever; this takes ten seconds. */
static void test_an_answer_is_not_waited_for_for_ever(void **state)
{
    (void) state;

    answer_all();
    begin("d", "guess");
    assert_int_equal(w.ones, 1);
    run_until(one_is_granted);
    assert_int_equal(w.grant.result, HUB_REFUSED);
    assert_non_null(strstr(w.grant.reason, "signature is wrong"));
    begin("d", "guess"); /* the question is open still, and an answer may come */
    assert_int_equal(w.ones, 1);
    add("d", "Z3Vlc3M=");
    w.silent = false;
    answer_all();
    assert_int_equal(w.granted, 2);
}

static void test_who_waits_for_the_list_is_told_at_the_end(void **state)
{
    (void) state;

    begin("d", "key1");
    close_auth();
    assert_int_equal(w.granted, 1);
    assert_int_equal(w.grant.result, HUB_GONE);
    answer_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define EMPTY(test) cmocka_unit_test_setup_teardown(test, set_up_empty, tear_down)
        EMPTY(test_who_is_listed_comes_in_with_its_page),
        EMPTY(test_a_wrong_key_is_told_at_the_end),
        EMPTY(test_who_is_not_listed_is_asked_for_alone),
        EMPTY(test_a_crowd_waits_and_asks_nothing),
        EMPTY(test_the_crowd_is_bounded),
        EMPTY(test_no_list_comes),
        EMPTY(test_an_answer_is_not_waited_for_for_ever),
        EMPTY(test_who_waits_for_the_list_is_told_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
