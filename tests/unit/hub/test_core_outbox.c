/* The way to IoT Hub: order, outages, senders that hold up nobody. */
#include <stdio.h>

#include "tests/unit/hub/core_house.h"
#include "tests/unit/test.h"

static const char routes[] =
    "{\"up\": \"FROM /messages INTO $upstream\","
    " \"high\": {\"route\": \"FROM /messages/modules/a/outputs/high INTO $upstream\", "
    "\"priority\": 0}}";

struct scene {
    struct house *house;
    struct house_cloud *cloud;
    struct person a, b;
};

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof *s);

    s->house = house_open();
    s->cloud = &s->house->cloud;
    house_routes(s->house, routes, 0);
    person_open(s->house, &s->a, "a", false, 0);
    person_open(s->house, &s->b, "b", false, 0);
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

static void send_all(struct scene *s, struct person *person, const char *output, unsigned first,
                     unsigned n)
{
    unsigned before = person->sent;
    char body[12];

    for (unsigned i = first; i < first + n; i++) {
        (void) snprintf(body, sizeof body, "%u", i);
        person_send(person, output, body);
    }
    house_until(s->house, &person->sent, before + n);
}

/* Of what IoT Hub has accepted of a sender: 0, 1, 2, … @p n of them, in order, each once. */
static void assert_in_order(const struct scene *s, const char *who, unsigned n)
{
    unsigned next = 0;

    for (unsigned i = 0; i < s->cloud->answered; i++) {
        const struct house_send *send = &s->cloud->sends[i];

        if (!send->accepted || strcmp(send->who, who) != 0)
            continue;
        assert_int_equal(strtoul(send->body, NULL, 10), next);
        next++;
    }
    assert_int_equal(next, n);
}

static void test_messages_arrive_in_order_and_leave_the_disk(void **state)
{
    struct scene *s = *state;

    send_all(s, &s->a, NULL, 0, 500);
    house_until(s->house, &s->cloud->accepted, 500);
    assert_in_order(s, "edge1/a", 500);
    house_settle(s->house);
    assert_int_equal(house_ledger(s->house, "up").delivered, 500);
    house_balanced(s->house);
}

static void test_so_many_of_a_sender_are_under_way(void **state)
{
    struct scene *s = *state;

    s->cloud->hold = true;
    send_all(s, &s->a, NULL, 0, 200);
    house_settle(s->house);
    assert_int_equal(s->cloud->nsends, 64);
    send_all(s, &s->b, NULL, 0, 1);
    house_settle(s->house);
    assert_int_equal(s->cloud->nsends, 65);
    s->cloud->hold = false;
    house_answer(s->house);
    house_until(s->house, &s->cloud->accepted, 201);
    assert_in_order(s, "edge1/a", 200);
}

static void test_the_first_priority_goes_first(void **state)
{
    struct scene *s = *state;

    house_online(s->house, false);
    send_all(s, &s->a, NULL, 0, 3);
    send_all(s, &s->a, "high", 0, 3);
    house_online(s->house, true);
    house_until(s->house, &s->cloud->accepted, 6);
    for (unsigned i = 0; i < 6; i++)
        assert_string_equal(s->cloud->sends[i].output, i < 3 ? "high" : "");
}

static void test_an_outage_loses_and_reorders_nothing(void **state)
{
    struct scene *s = *state;

    s->cloud->hold = true;
    send_all(s, &s->a, NULL, 0, 100);
    house_settle(s->house);
    house_online(s->house, false);
    s->cloud->result = HUB_UNAVAILABLE;
    house_answer(s->house);
    s->cloud->hold = false;
    send_all(s, &s->a, NULL, 100, 50);
    house_settle(s->house);
    assert_int_equal(s->cloud->nsends, 64); /* nothing is tried while it cannot be reached */
    s->cloud->result = HUB_OK;
    house_online(s->house, true);
    house_until(s->house, &s->cloud->accepted, 150);
    assert_in_order(s, "edge1/a", 150);
    house_settle(s->house);
    house_balanced(s->house);
}

static void test_what_was_not_told_before_an_outage_is_sent_again(void **state)
{
    struct scene *s = *state;

    s->cloud->hold = true;
    send_all(s, &s->a, NULL, 0, 10);
    house_settle(s->house);
    house_online(s->house, false);
    house_online(s->house, true); /* the answers of before are still owed */
    s->cloud->result = HUB_TIMEOUT;
    house_answer(s->house);
    s->cloud->result = HUB_OK;
    s->cloud->hold = false;
    house_until(s->house, &s->cloud->accepted, 10);
    assert_in_order(s, "edge1/a", 10);
}

static void test_a_refused_sender_holds_up_no_other(void **state)
{
    static const enum hub_result results[] = {HUB_REFUSED, HUB_NOT_FOUND, HUB_FAILED};
    struct scene *s = *state;

    s->cloud->bad_sender = "edge1/a";
    for (unsigned i = 0; i < EDGE_ARRAY_LEN(results); i++) {
        s->cloud->bad_result = results[i];
        send_all(s, &s->a, NULL, i, 1);
        send_all(s, &s->b, NULL, i * 100, 100);
        house_until(s->house, &s->cloud->accepted, (i + 1) * 100);
    }
    assert_in_order(s, "edge1/b", 300);
    assert_int_equal(house_ledger(s->house, "up").pending, 3);
}

static void test_a_sender_that_failed_is_tried_again(void **state)
{
    struct scene *s = *state;

    s->cloud->bad_sender = "edge1/a";
    s->cloud->bad_result = HUB_FAILED;
    send_all(s, &s->a, NULL, 0, 5);
    house_until(s->house, &s->cloud->answered, 5);
    s->cloud->bad_sender = NULL;
    house_until(s->house, &s->cloud->accepted, 5);
    assert_in_order(s, "edge1/a", 5);
}

static void test_throttled_pauses_all(void **state)
{
    struct scene *s = *state;
    unsigned sends;

    s->cloud->result = HUB_THROTTLED;
    send_all(s, &s->a, NULL, 0, 1);
    house_until(s->house, &s->cloud->answered, 1);
    s->cloud->result = HUB_OK;
    sends = s->cloud->nsends;
    send_all(s, &s->b, NULL, 0, 1);
    house_settle(s->house);
    assert_int_equal(s->cloud->nsends, sends);
    house_until(s->house, &s->cloud->accepted, 2);
}

static void test_a_bad_message_is_dropped_and_the_next_one_goes(void **state)
{
    struct scene *s = *state;

    s->cloud->result = HUB_BAD;
    send_all(s, &s->a, NULL, 0, 1);
    house_until(s->house, &s->cloud->answered, 1);
    s->cloud->result = HUB_TOO_LARGE;
    send_all(s, &s->a, NULL, 0, 1);
    house_until(s->house, &s->cloud->answered, 2);
    s->cloud->result = HUB_OK;
    send_all(s, &s->a, NULL, 0, 1);
    house_until(s->house, &s->cloud->accepted, 1);
    house_settle(s->house);
    assert_int_equal(house_ledger(s->house, "up").dropped[HUB_DROP_REJECTED], 2);
    assert_int_equal(house_ledger(s->house, "up").delivered, 1);
    house_balanced(s->house);
}

static void test_messages_flow_after_their_sender_has_gone(void **state)
{
    struct scene *s = *state;

    house_online(s->house, false);
    send_all(s, &s->a, NULL, 0, 10);
    person_close(&s->a);
    house_online(s->house, true);
    house_until(s->house, &s->cloud->accepted, 10);
    assert_in_order(s, "edge1/a", 10);
}

static void test_messages_survive_the_hub(void **state)
{
    struct scene *s = *state;

    house_online(s->house, false);
    send_all(s, &s->a, NULL, 0, 300);
    send_all(s, &s->a, "high", 0, 1);
    house_restart(s->house);
    house_online(s->house, true);
    house_until(s->house, &s->cloud->accepted, 301);
    assert_string_equal(s->cloud->sends[0].output, "high");
    s->cloud->sends[0].accepted = false; /* it is not counted in */
    assert_in_order(s, "edge1/a", 300);
    house_settle(s->house);
    house_balanced(s->house);
}

static void test_all_senders_share_a_window_and_none_starves(void **state)
{
    enum { SENDERS = 40, EACH = 100 };
    struct scene *s = *state;
    struct person *many = calloc(SENDERS, sizeof *many);
    char name[12];

    s->cloud->hold = true;
    for (unsigned i = 0; i < SENDERS; i++) {
        (void) snprintf(name, sizeof name, "m%u", i);
        person_open(s->house, &many[i], name, false, 0);
        send_all(s, &many[i], NULL, 0, EACH);
    }
    house_settle(s->house);
    assert_int_equal(s->cloud->nsends, 1024);
    s->cloud->hold = false;
    house_answer(s->house);
    house_until(s->house, &s->cloud->accepted, SENDERS * EACH);
    for (unsigned i = 0; i < SENDERS; i++) {
        (void) snprintf(name, sizeof name, "edge1/m%u", i);
        assert_in_order(s, name, EACH);
        person_close(&many[i]);
    }
    free(many);
}

static void test_an_empty_sender_is_forgotten_after_minutes(void **state)
{
    struct scene *s = *state;
    const struct edge_identity who = {"edge1", "a"};
    struct hub_client *client;

    send_all(s, &s->a, NULL, 0, 1);
    house_until(s->house, &s->cloud->accepted, 1);
    person_close(&s->a);
    house_settle(s->house);
    client = hub_client_find(s->house->core, &who);
    assert_non_null(client);
    hub_outbox_tick(client);
    assert_non_null(hub_client_find(s->house->core, &who));
    hub_outbox_tick(client);
    assert_null(hub_client_find(s->house->core, &who));
    person_open(s->house, &s->a, "a", false, 0);
    send_all(s, &s->a, NULL, 0, 1);
    house_until(s->house, &s->cloud->accepted, 2);
}

static void test_metrics_tell_of_what_was_sent(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1024 * 1024);
    struct scene *s = *state;

    send_all(s, &s->a, "high", 0, 2);
    house_until(s->house, &s->cloud->accepted, 2);
    hub_core_metrics(s->house->core, &text);
    assert_non_null(strstr(text.data,
                           ",from=\"edge1/a\",to=\"upstream\",from_route_output=\"high\","
                           "to_route_input=\"\",priority=\"0\"} 2\n"));
    assert_non_null(strstr(text.data, "edgehub_message_send_duration_seconds_count{"));
    assert_non_null(strstr(text.data, ",route_output=\"high\",id=\"edge1/a\"} 2\n"));
}

static void on_drained(void *arg)
{
    ++*(unsigned *) arg;
}

static void test_what_is_under_way_at_the_end_is_not_sent_twice(void **state)
{
    struct scene *s = *state;
    unsigned drained = 0;

    s->cloud->hold = true;
    send_all(s, &s->a, NULL, 0, 100);
    house_until(s->house, &s->cloud->nsends, 64);
    hub_core_drain(s->house->core, 60 * 1000, on_drained, &drained);
    assert_int_equal(s->a.closed, 1);
    assert_int_equal(s->a.why, HUB_UNAVAILABLE);
    house_settle(s->house);
    assert_int_equal(drained, 0);
    s->cloud->hold = false;
    house_answer(s->house);
    house_until(s->house, &drained, 1);
    assert_int_equal(s->cloud->nsends, 64); /* nothing new was sent meanwhile */
    assert_int_equal(person_try(s->house, &s->b, "b", false, HUB_MQTT, INT64_MAX),
                     EDGE_EUNAVAILABLE);
    house_restart(s->house);
    assert_int_equal(house_ledger(s->house, "up").pending, 36);
    house_balanced(s->house);
}

static void test_an_end_does_not_wait_for_long(void **state)
{
    struct scene *s = *state;
    unsigned drained = 0;

    s->cloud->hold = true;
    send_all(s, &s->a, NULL, 0, 3);
    house_until(s->house, &s->cloud->nsends, 3);
    hub_core_drain(s->house->core, 50, on_drained, &drained);
    house_until(s->house, &drained, 1);
    house_restart(s->house);
    house_routes(s->house, routes, 0);
    house_online(s->house, true);
    house_until(s->house, &s->cloud->nsends, 3);
    assert_in_order(s, "edge1/a", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_messages_arrive_in_order_and_leave_the_disk, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_so_many_of_a_sender_are_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_first_priority_goes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_outage_loses_and_reorders_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_not_told_before_an_outage_is_sent_again,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_refused_sender_holds_up_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_sender_that_failed_is_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_throttled_pauses_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_bad_message_is_dropped_and_the_next_one_goes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_messages_flow_after_their_sender_has_gone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_messages_survive_the_hub, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_senders_share_a_window_and_none_starves, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_empty_sender_is_forgotten_after_minutes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_metrics_tell_of_what_was_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_under_way_at_the_end_is_not_sent_twice, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_end_does_not_wait_for_long, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
