/* Inputs of modules: order, priorities, settling, coming and going. */
#include <stdio.h>

#include "tests/unit/hub/core_house.h"
#include "tests/unit/test.h"

static const char routes[] = "{\"low\": \"FROM /messages/modules/a/outputs/low INTO "
                             "BrokeredEndpoint(\\\"/modules/b/inputs/x\\\")\","
                             " \"high\": {\"route\": \"FROM /messages/modules/a/outputs/high INTO "
                             "BrokeredEndpoint(\\\"/modules/b/inputs/x\\\")\", \"priority\": 0},"
                             " \"y\": \"FROM /messages/modules/a/outputs/y INTO "
                             "BrokeredEndpoint(\\\"/modules/b/inputs/y\\\")\"}";

struct scene {
    struct house *house;
    struct person a, b; /* who sends, and who gets */
};

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof *s);

    s->house = house_open();
    house_routes(s->house, routes, 0);
    person_open(s->house, &s->a, "a", false, 0);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    house_close(s->house);
    free(s);
    return 0;
}

static void send_all(struct scene *s, const char *output, unsigned n)
{
    unsigned before = s->a.sent;
    char body[12];

    for (unsigned i = 0; i < n; i++) {
        (void) snprintf(body, sizeof body, "%u", i);
        person_send(&s->a, output, body);
    }
    house_until(s->house, &s->a.sent, before + n);
}

static void listen(struct scene *s)
{
    person_open(s->house, &s->b, "b", true, 0);
    person_subscribe(&s->b, EDGE_FEATURE_INPUTS, 0);
}

static void assert_body(const struct person *person, unsigned index, unsigned number)
{
    assert_true(index < person->ngot);
    assert_int_equal(strtoul(person->got[index].body, NULL, 10), number);
}

static void test_messages_come_in_their_order(void **state)
{
    struct scene *s = *state;

    s->b.accepts = true;
    listen(s);
    send_all(s, "low", 300);
    house_until(s->house, &s->b.ngot, 300);
    for (unsigned i = 0; i < 300; i++)
        assert_body(&s->b, i, i);
    house_settle(s->house);
    assert_int_equal(house_ledger(s->house, "low").delivered, 300);
    house_balanced(s->house);
}

static void test_nothing_comes_to_who_has_not_subscribed(void **state)
{
    struct scene *s = *state;

    person_open(s->house, &s->b, "b", true, 0);
    send_all(s, "low", 3);
    house_settle(s->house);
    assert_int_equal(s->b.ngot, 0);
    person_subscribe(&s->b, EDGE_FEATURE_INPUTS, 0);
    house_until(s->house, &s->b.ngot, 3);
}

static void test_the_first_priority_comes_first(void **state)
{
    struct scene *s = *state;

    send_all(s, "low", 5);
    send_all(s, "high", 5);
    listen(s);
    house_until(s->house, &s->b.ngot, 10);
    for (unsigned i = 0; i < 10; i++)
        assert_body(&s->b, i, i % 5);
    house_until(s->house, &s->b.ngot, 10);
    assert_int_equal(s->b.got[0].lock != s->b.got[5].lock, true);
    for (unsigned i = 0; i < 5; i++)
        person_settle(&s->b, i, HUB_ACCEPTED);
    house_settle(s->house);
    assert_int_equal(house_ledger(s->house, "high").delivered, 5);
    assert_int_equal(house_ledger(s->house, "low").delivered, 0);
}

static void test_inputs_of_one_priority_come_in_turns(void **state)
{
    struct scene *s = *state;

    send_all(s, "low", 10);
    send_all(s, "y", 10);
    listen(s);
    house_until(s->house, &s->b.ngot, 20);
    assert_true(s->b.got[0].input[0] != s->b.got[1].input[0]);
    assert_true(s->b.got[0].input[0] == s->b.got[2].input[0]);
}

static void test_a_window_bounds_what_is_under_way(void **state)
{
    struct scene *s = *state;

    listen(s);
    send_all(s, "low", 300);
    house_until(s->house, &s->b.ngot, 2);
    house_settle(s->house);
    assert_in_range(s->b.ngot, 2, 64); /* an input nobody settles cannot fill a client's hands */
    s->b.accepts = true;
    for (unsigned i = 0, n = s->b.ngot; i < n; i++)
        person_settle(&s->b, i, HUB_ACCEPTED);
    house_until(s->house, &s->b.ngot, 300);
}

static void test_a_paused_session_gets_nothing(void **state)
{
    struct scene *s = *state;

    s->b.pauses = true;
    listen(s);
    send_all(s, "low", 3);
    house_until(s->house, &s->b.ngot, 1);
    house_settle(s->house);
    assert_int_equal(s->b.ngot, 1);
    s->b.pauses = false;
    s->house->core->backend.ops->pause(s->b.session, false);
    assert_int_equal(s->b.ngot, 1); /* never from within a call */
    house_until(s->house, &s->b.ngot, 3);
}

static void test_what_is_not_settled_comes_again_to_the_next_session(void **state)
{
    struct scene *s = *state;

    listen(s);
    send_all(s, "low", 4);
    house_until(s->house, &s->b.ngot, 4);
    person_settle(&s->b, 0, HUB_ACCEPTED);
    person_close(&s->b);
    s->b.ngot = 0;
    person_open(s->house, &s->b, "b", true, HUB_RESUMED);
    house_until(s->house, &s->b.ngot, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_body(&s->b, i, i + 1);
        assert_int_equal(s->b.got[i].count, 1);
    }
    house_settle(s->house);
    assert_int_equal(s->b.ngot, 3);
}

static void test_rejected_is_dropped(void **state)
{
    struct scene *s = *state;

    listen(s);
    send_all(s, "low", 2);
    house_until(s->house, &s->b.ngot, 2);
    person_settle(&s->b, 0, HUB_REJECTED);
    person_settle(&s->b, 1, HUB_ACCEPTED);
    house_settle(s->house);
    assert_int_equal(s->b.ngot, 2);
    assert_int_equal(house_ledger(s->house, "low").dropped[HUB_DROP_REJECTED], 1);
    house_balanced(s->house);
}

static void test_released_comes_again_alone_and_counts(void **state)
{
    struct scene *s = *state;

    listen(s);
    send_all(s, "low", 4);
    house_until(s->house, &s->b.ngot, 4);
    person_settle(&s->b, 1, HUB_RELEASED);
    person_settle(&s->b, 0, HUB_ACCEPTED);
    person_settle(&s->b, 3, HUB_ACCEPTED);
    person_settle(&s->b, 2, HUB_MODIFIED);
    house_until(s->house, &s->b.ngot, 6);
    assert_body(&s->b, 4, 1);
    assert_body(&s->b, 5, 2);
    assert_int_equal(s->b.got[4].count, 1);
    person_settle(&s->b, 4, HUB_ACCEPTED);
    person_settle(&s->b, 5, HUB_ACCEPTED);
    house_settle(s->house);
    assert_int_equal(s->b.ngot, 6);
    assert_int_equal(house_ledger(s->house, "low").delivered, 4);
    house_balanced(s->house);
}

static void test_released_holds_up_no_other_input(void **state)
{
    struct scene *s = *state;

    listen(s);
    send_all(s, "low", 2);
    house_until(s->house, &s->b.ngot, 2);
    person_settle(&s->b, 0, HUB_RELEASED); /* the other one stays unsettled */
    send_all(s, "y", 3);
    house_until(s->house, &s->b.ngot, 5);
    assert_string_equal(s->b.got[4].input, "y");
}

static void test_a_lock_of_another_is_passed_on(void **state)
{
    struct scene *s = *state;

    listen(s);
    send_all(s, "low", 1);
    house_until(s->house, &s->b.ngot, 1);
    assert_false(hub_inputs_settle(s->b.session->client, 12345, HUB_ACCEPTED));
    assert_true(hub_inputs_settle(s->b.session->client, s->b.got[0].lock, HUB_ACCEPTED));
    assert_false(hub_inputs_settle(s->b.session->client, s->b.got[0].lock, HUB_ACCEPTED));
}

static void test_amqp_gets_what_it_never_settles_again_after_a_while(void **state)
{
    struct scene *s = *state;

    s->house->settings.ack_timeout_s = 1;
    house_restart(s->house);
    house_routes(s->house, routes, 0);
    person_open(s->house, &s->a, "a", false, 0);
    assert_int_equal(person_try(s->house, &s->b, "b", false, HUB_AMQP, INT64_MAX), 0);
    person_subscribe(&s->b, EDGE_FEATURE_INPUTS, 0);
    send_all(s, "low", 1);
    house_until(s->house, &s->b.ngot, 2);
    assert_int_equal(s->b.got[1].count, 1);
    person_settle(&s->b, 0, HUB_ACCEPTED); /* too late for this one */
    person_settle(&s->b, 1, HUB_ACCEPTED);
    house_settle(s->house);
    assert_int_equal(house_ledger(s->house, "low").delivered, 1);
    house_balanced(s->house);
}

static void test_messages_for_a_kept_session_survive_the_hub(void **state)
{
    struct scene *s = *state;

    listen(s);
    person_close(&s->b);
    send_all(s, "low", 20);
    house_restart(s->house);
    house_routes(s->house, routes, 0);
    s->b.accepts = true;
    person_open(s->house, &s->b, "b", true, HUB_RESUMED);
    house_until(s->house, &s->b.ngot, 20);
    for (unsigned i = 0; i < 20; i++)
        assert_body(&s->b, i, i);
}

static void test_messages_for_a_kept_session_survive_before_the_routes_come(void **state)
{
    struct scene *s = *state;

    listen(s);
    person_close(&s->b);
    send_all(s, "low", 3);
    house_restart(s->house);
    person_open(s->house, &s->b, "b", true, HUB_RESUMED);
    house_until(s->house, &s->b.ngot, 3);
    house_routes(s->house, routes, 0);
    for (unsigned i = 0; i < 3; i++)
        person_settle(&s->b, i, HUB_ACCEPTED);
    house_settle(s->house);
    assert_int_equal(house_ledger(s->house, "low").delivered, 3);
    assert_int_equal(s->b.ngot, 3);
}

/* What a client says when it is told may be anything. */
static void end_at_once(const struct edge_message *message, uint64_t lock, void *arg)
{
    struct person *person = arg;

    (void) message;
    (void) lock;
    person->ngot++;
    person_close(person);
}

static void test_a_client_may_go_while_it_is_told(void **state)
{
    struct scene *s = *state;

    listen(s);
    s->b.session->events.deliver = end_at_once;
    send_all(s, "low", 5);
    house_until(s->house, &s->b.ngot, 1);
    house_settle(s->house);
    assert_int_equal(s->b.ngot, 1);
    s->b.ngot = 0;
    s->b.accepts = true;
    person_open(s->house, &s->b, "b", true, HUB_RESUMED);
    house_until(s->house, &s->b.ngot, 5);
}

/* Routes from a's outputs o0 to o5 to b's inputs of the same names. */
static void six_inputs(struct scene *s)
{
    char json[2048] = "{";
    size_t len = 1;

    for (unsigned i = 0; i < 6; i++)
        len += (size_t) snprintf(json + len, sizeof json - len,
                                 "%s\"r%u\": \"FROM /messages/modules/a/outputs/o%u INTO "
                                 "BrokeredEndpoint(\\\"/modules/b/inputs/o%u\\\")\"",
                                 i > 0 ? "," : "", i, i, i);
    (void) snprintf(json + len, sizeof json - len, "}");
    house_routes(s->house, json, 0);
}

static void send_to_six(struct scene *s, unsigned unwanted, unsigned wanted)
{
    for (unsigned i = 0; i < 6; i++)
        send_all(s, (char[]){'o', (char) ('0' + i), '\0'}, i == 1 || i == 4 ? wanted : unwanted);
}

/* All that came since @p from is for 1 and 4, each in its order. */
static void assert_one_and_four(const struct person *b, unsigned from, unsigned each)
{
    unsigned next[6] = {0};

    for (unsigned i = from; i < b->ngot; i++) {
        unsigned input = (unsigned) (b->got[i].input[1] - '0');

        assert_true(input == 1 || input == 4);
        assert_body(b, i, next[input]++);
    }
    assert_int_equal(next[1], each);
    assert_int_equal(next[4], each);
}

static void test_unwanted_inputs_wait_and_starve_nobody(void **state)
{
    struct scene *s = *state;

    six_inputs(s);
    s->b.accepts = true;
    person_open(s->house, &s->b, "b", false, 0);
    assert_int_equal(person_want(&s->b, "o1", true), 1);
    assert_int_equal(person_want(&s->b, "o4", true), 2);
    assert_int_equal(person_want(&s->b, "o4", true), 2);
    person_subscribe(&s->b, EDGE_FEATURE_INPUTS, 0);
    send_to_six(s, 700, 200);
    house_until(s->house, &s->b.ngot, 400);
    house_settle(s->house);
    assert_one_and_four(&s->b, 0, 200);
    s->b.ngot = 0;
    s->b.accepts = false;
    assert_int_equal(person_want(&s->b, "o0", true), 3);
    assert_int_equal(person_want(&s->b, "o1", false), 2);
    person_subscribe(&s->b, 0, 0);
    send_all(s, "o1", 5);
    house_until(s->house, &s->b.ngot, 1);
    house_settle(s->house);
    for (unsigned i = 0; i < s->b.ngot; i++)
        assert_string_equal(s->b.got[i].input, "o0");
    assert_int_equal(house_ledger(s->house, "r0").pending, 700);
    assert_int_equal(house_ledger(s->house, "r1").pending, 5);
    assert_int_equal(house_ledger(s->house, "r5").pending, 700);
    house_balanced(s->house);
}

static void test_a_kept_session_remembers_its_inputs(void **state)
{
    struct scene *s = *state;

    six_inputs(s);
    s->b.accepts = true;
    person_open(s->house, &s->b, "b", true, 0);
    assert_int_equal(person_want(&s->b, "o1", true), 1);
    person_subscribe(&s->b, EDGE_FEATURE_INPUTS, 0);
    assert_int_equal(person_want(&s->b, "o4", true), 2);
    person_subscribe(&s->b, EDGE_FEATURE_INPUTS, 0); /* only the inputs have changed */
    person_close(&s->b);
    send_to_six(s, 300, 100);
    person_open(s->house, &s->b, "b", true, HUB_RESUMED);
    house_until(s->house, &s->b.ngot, 200);
    house_settle(s->house);
    assert_one_and_four(&s->b, 0, 100);

    house_restart(s->house);
    six_inputs(s);
    s->b.ngot = 0;
    person_open(s->house, &s->a, "a", false, 0);
    send_to_six(s, 10, 100);
    person_open(s->house, &s->b, "b", true, HUB_RESUMED);
    house_until(s->house, &s->b.ngot, 200);
    house_settle(s->house);
    assert_one_and_four(&s->b, 0, 100);
    s->b.ngot = 0;
    assert_int_equal(person_want(&s->b, HUB_EVERY_INPUT, true), 3);
    s->b.accepts = false;
    person_subscribe(&s->b, EDGE_FEATURE_INPUTS, 0);
    house_until(s->house, &s->b.ngot, 4 * 16);
    house_settle(s->house);
    assert_int_equal(s->b.ngot, 4 * 16);
}

static void test_inputs_are_forgotten_with_the_subscription(void **state)
{
    struct scene *s = *state;
    char name[8];

    six_inputs(s);
    person_open(s->house, &s->b, "b", true, 0);
    for (int i = 1; i <= 50; i++) {
        (void) snprintf(name, sizeof name, "o%d", i);
        assert_int_equal(person_want(&s->b, name, true), i);
    }
    assert_int_equal(person_want(&s->b, "more", true), EDGE_ELIMIT);
    person_subscribe(&s->b, EDGE_FEATURE_INPUTS, 0);
    person_subscribe(&s->b, 0, EDGE_FEATURE_INPUTS);
    person_subscribe(&s->b, EDGE_FEATURE_INPUTS, 0); /* as AMQP does: all of them */
    s->b.accepts = true;
    send_all(s, "o0", 3);
    house_until(s->house, &s->b.ngot, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_messages_come_in_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_comes_to_who_has_not_subscribed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_first_priority_comes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inputs_of_one_priority_come_in_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_window_bounds_what_is_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_paused_session_gets_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_settled_comes_again_to_the_next_session,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_rejected_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_released_comes_again_alone_and_counts, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_released_holds_up_no_other_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_lock_of_another_is_passed_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_amqp_gets_what_it_never_settles_again_after_a_while,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_messages_for_a_kept_session_survive_the_hub, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_messages_for_a_kept_session_survive_before_the_routes_come, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_client_may_go_while_it_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unwanted_inputs_wait_and_starve_nobody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_kept_session_remembers_its_inputs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inputs_are_forgotten_with_the_subscription, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
