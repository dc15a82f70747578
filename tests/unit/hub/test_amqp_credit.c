/* How much a client may send: with a backend that takes it, one that is full, one that is slow. */
#include "tests/unit/test.h"

#include <proton/connection.h>
#include <proton/link.h>

#include "common/base/clock.h"
#include "tests/unit/hub/amqp_house.h"

static pn_link_t *telemetry;

static const struct hub_amqp_message message = {.body = HUB_AMQP_BODY_DATA,
                                                .data = {(const uint8_t *) "x", 1}};

static int setup(void **state)
{
    (void) state;
    house_open((struct hub_amqp_options){0});
    amqp_client_open(&house.client);
    amqp_client_put_token(&house.client, "hub.test/devices/leaf", "token");
    telemetry = amqp_client_attach(&house.client, "/devices/leaf/messages/events", true, 0);
    client_saw("attached;");
    forget();
    return 0;
}

static void send_one(void)
{
    amqp_client_send(&house.client, telemetry, &message, false);
    amqp_client_pump(&house.client);
}

static int credit(void)
{
    amqp_client_pump(&house.client);
    return pn_link_credit(telemetry);
}

static void test_many_messages_are_settled_and_credit_comes_back(void **state)
{
    (void) state;
    for (int i = 0; i < 1000; i++) {
        if (pn_link_credit(telemetry) == 0)
            amqp_client_pump(&house.client);
        assert_true(pn_link_credit(telemetry) > 0);
        amqp_client_send(&house.client, telemetry, &message, false);
    }
    amqp_client_pump(&house.client);
    assert_int_equal(pn_link_unsettled(telemetry), 0);
}

static void test_what_waits_for_the_disk_is_bounded(void **state)
{
    int sent = 0;

    (void) state;
    house.fake.hold = true;
    for (; credit() > 0 && sent < FAKE_HELD; sent++)
        send_one();
    assert_int_equal(credit(), 200 - sent); /* none for what has no answer yet */
    while (house.fake.nheld > 0)
        fake_answer(&house.fake);
    assert_true(credit() > 100); /* it is kept up in steps */
}

static void test_throttled_telemetry_is_rejected_never_released(void **state)
{
    (void) state;
    house.fake.result = HUB_THROTTLED;
    send_one();
    client_saw("rejected com.microsoft:device-container-throttled;");
    assert_int_equal(house.stream->end, FAKE_OPEN);
}

static void wait_for_credit(void)
{
    for (int i = 0; i < 500 && credit() == 0; i++)
        fake_wait(house.loop, 20);
}

/* A full store: the credit it has is used up, then a message now and then, then all goes on. */
static void test_a_sender_that_is_refused_for_now_is_given_no_credit(void **state)
{
    int sent = 0;
    int64_t began;

    (void) state;
    house.fake.result = HUB_THROTTLED;
    for (; credit() > 0; sent++)
        send_one();
    assert_int_equal(sent, 200);
    wait_for_credit();
    assert_int_equal(credit(), 1);
    began = edge_now_ms();
    send_one(); /* refused again: a longer pause */
    wait_for_credit();
    assert_int_equal(credit(), 1);
    assert_in_range(edge_now_ms() - began, 490, 15000); /* half of a second for certain */
    house.fake.result = HUB_OK;
    forget();
    send_one();
    client_saw("accepted;");
    assert_int_equal(credit(), 200);
}

static void test_what_was_taken_before_says_nothing_about_now(void **state)
{
    int sent = 0;

    (void) state;
    house.fake.hold = true;
    send_one(); /* on its way to the disk */
    house.fake.hold = false;
    house.fake.result = HUB_THROTTLED;
    send_one();
    client_saw("rejected");
    house.fake.result = HUB_OK;
    fake_answer(&house.fake);
    client_saw("accepted;");
    house.fake.result = HUB_THROTTLED;
    for (; credit() > 0; sent++)
        send_one();
    assert_int_equal(sent, 198);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, house_close)
    const struct CMUnitTest tests[] = {
        TEST(test_many_messages_are_settled_and_credit_comes_back),
        TEST(test_what_waits_for_the_disk_is_bounded),
        TEST(test_throttled_telemetry_is_rejected_never_released),
        TEST(test_a_sender_that_is_refused_for_now_is_given_no_credit),
        TEST(test_what_was_taken_before_says_nothing_about_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
