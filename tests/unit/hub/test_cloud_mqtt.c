/* IoT Hub over MQTT: one connection for each identity, towards a head with a fake backend. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "tests/unit/hub/line_house.h"

#define C2D     EDGE_FEATURE_C2D
#define DESIRED EDGE_FEATURE_DESIRED
#define METHODS EDGE_FEATURE_METHODS

#define CLIENT "EdgeHub/" EDGE_VERSION

static void begin(void)
{
    cloud_open(0, 0);
    cloud_wait("up;");
}

/* Connections. */

static void test_the_hub_itself_comes_first(void **state)
{
    (void) state;
    cloud_open(0, 0);
    cloud_want(&cloud_leaf, DESIRED); /* nobody is there yet */
    cloud_wait_asked("auth edge1/$edgeHub token1;is " CLIENT "||;open clean;");
    cloud_wait("up;");
    cloud_wait_asked("auth leaf token2;is sdk/1 " CLIENT "||leaf;edge1;open clean;");
    cloud_wait("ready leaf 8;");
}

static void test_messages_reach_iot_hub_in_order(void **state)
{
    (void) state;
    begin();
    cloud_send(&cloud_leaf, "1");
    cloud_send(&cloud_leaf, "2");
    cloud_send(&cloud_module, "3");
    cloud_wait_asked("send 1 $.mid=m 1 k&=v=1;send 2 $.mid=m 1 k&=v=1;");
    cloud_wait("sent 1 0;sent 2 0;");
    cloud_send(&cloud_self, "4");
    cloud_wait("sent 4 0;");
    assert_int_equal(hub_mqtt_clients(cloud.mqtt), 3);
}

static bool all_sent(void)
{
    return cloud.notes.data && strstr(cloud.notes.data, "sent 99 0;");
}

static void test_a_window_is_refilled_as_messages_are_acknowledged(void **state)
{
    char body[8];

    (void) state;
    begin();
    cloud.fake.hold = false;
    for (unsigned i = 0; i < 100; i++) {
        (void) snprintf(body, sizeof body, "%u", i);
        cloud_send(&cloud_leaf, body);
    }
    cloud_run(all_sent);
    for (unsigned i = 0; i < 100; i++) {
        (void) snprintf(cloud.until, sizeof cloud.until, "sent %u 0;", i);
        cloud_wait(cloud.until);
    }
}

static void test_more_than_can_wait_is_for_later(void **state)
{
    (void) state;
    begin();
    cloud.deafness = true;
    for (unsigned i = 0; i < 257; i++)
        cloud_send(&cloud_leaf, "x");
    cloud_wait("sent x 9;");
}

static void test_without_a_connection_messages_come_back(void **state)
{
    (void) state;
    cloud.token_rc = EDGE_EUNAVAILABLE;
    cloud_open(0, 0);
    cloud_send(&cloud_leaf, "1");
    cloud_twin_get(&cloud_leaf);
    cloud_twin_patch(&cloud_leaf, "{}");
    cloud_wait("sent 1 9;twin 9 ;patched 9 0;");
    cloud_wait("down;");
    cloud.token_rc = 0;
    cloud_wait("up;");
}

static bool nobody(void)
{
    return cloud.fake.nheld == 0;
}
static bool somebody(void)
{
    return cloud.fake.nheld >= 1;
}
static bool two_held(void)
{
    return cloud.fake.nheld >= 2;
}

static void test_a_lost_connection_fails_what_is_under_way(void **state)
{
    (void) state;
    begin();
    cloud_want(&cloud_leaf, DESIRED);
    cloud_wait("ready leaf 8;");
    cloud.fake.hold = true;
    cloud_send(&cloud_leaf, "1");
    cloud_send(&cloud_leaf, "2");
    cloud_run(two_held);
    fake_close(fake_session(&cloud.fake, "leaf"), HUB_UNAVAILABLE);
    cloud_wait("sent 1 9;sent 2 9;");
    cloud.fake.hold = false;
    while (!nobody())
        fake_answer(&cloud.fake);
    cloud_wait("ready leaf 8;"); /* by itself */
    cloud_send(&cloud_leaf, "3");
    cloud_wait("sent 3 0;");
}

static void test_when_the_hub_itself_is_lost_all_are(void **state)
{
    (void) state;
    begin();
    cloud_want(&cloud_leaf, DESIRED | METHODS);
    cloud_wait("ready leaf 24;");
    cloud_listen(false);
    cloud_wait("down;");
    cloud_send(&cloud_leaf, "1");
    cloud_wait("sent 1 9;");
    cloud_listen(true);
    cloud_wait("up;");
    cloud_wait("ready leaf 24;");
}

static void test_a_silent_peer_is_noticed_when_an_answer_is_owed(void **state)
{
    (void) state;
    cloud_open(150, 0);
    cloud_wait("up;");
    cloud_want(&cloud_leaf, DESIRED);
    cloud_wait("ready leaf 8;");
    cloud.fake.hold = true;
    cloud_send(&cloud_leaf, "1");
    cloud_wait("sent 1 9;");
    cloud.fake.hold = false;
    while (!nobody())
        fake_answer(&cloud.fake);
    cloud_wait("ready leaf 8;");
}

static void test_who_does_not_answer_is_not_there(void **state)
{
    (void) state;
    cloud.deafness = true;
    cloud_open(50, 0);
    cloud_wait("down;"); /* no CONNACK */
    cloud.deafness = false;
    cloud_wait("up;");
}

static void test_a_deaf_peer_is_noticed_by_keep_alive(void **state)
{
    (void) state;
    cloud.deafness = cloud.greets = true;
    cloud_open(50, 2000);
    cloud_wait("up;");
    cloud.deafness = false;
    cloud_wait("down;"); /* nothing was asked of it */
    cloud_wait("up;");
}

static bool two_seconds(void)
{
    static int64_t end;

    if (end == 0)
        end = edge_now_ms() + 2000;
    return edge_now_ms() >= end;
}

/* The head drops who is silent for one and a half times his keep-alive, which is a second here. */
static void test_keep_alive_keeps_an_idle_connection(void **state)
{
    (void) state;
    cloud_open(0, 2000);
    cloud_wait("up;");
    cloud_run(two_seconds);
    assert_int_equal(cloud.accepted, 1);
    assert_int_equal(hub_mqtt_clients(cloud.mqtt), 1);
}

static bool eight_held(void)
{
    return cloud.fake.nheld == 8;
}

static void test_only_so_many_connections_are_opened_at_once(void **state)
{
    struct edge_identity who = {"leaf", ""};
    char text[EDGE_ID_MAX + 16];

    (void) state;
    begin();
    cloud.fake.hold = true;
    for (int i = 0; i < 20; i++) {
        who.device[4] = (char) ('a' + i);
        cloud_want(&who, DESIRED);
    }
    cloud_run(eight_held);
    cloud_send(&cloud_self, "x"); /* the others would have come by then */
    cloud_wait_asked("send x");
    assert_int_equal(cloud.accepted, 9);
    cloud.fake.hold = false;
    while (cloud.fake.nheld > 0)
        fake_answer(&cloud.fake);
    (void) snprintf(text, sizeof text, "ready %s 8;", who.device);
    cloud_wait(text);
    assert_int_equal(cloud.accepted, 21);
}

static void test_who_is_not_needed_is_let_go(void **state)
{
    (void) state;
    begin();
    cloud_want(&cloud_leaf, DESIRED);
    cloud_wait("ready leaf 8;");
    cloud_want(&cloud_leaf, 0);
    cloud_wait_asked("sub 0 8;");
    cloud_send(&cloud_leaf, "1"); /* for a while it stays */
    cloud_wait("sent 1 0;");
    assert_int_equal(cloud.accepted, 2);
    cloud_wait_asked("close;");
    cloud_send(&cloud_leaf, "2"); /* and comes back */
    cloud_wait("sent 2 0;");
    assert_int_equal(cloud.accepted, 3);
}

static void test_an_identity_that_is_refused_has_its_own_pause(void **state)
{
    (void) state;
    begin();
    cloud.fake.granted = HUB_REFUSED;
    cloud_send(&cloud_leaf, "1");
    cloud_wait("refused leaf 2;");
    cloud_wait("sent 1 2;");
    cloud_send(&cloud_leaf, "2");
    cloud_wait("sent 2 2;");
    cloud.fake.granted = HUB_OK;
    cloud_send(&cloud_self, "3"); /* nobody else is touched */
    cloud_wait("sent 3 0;");
}

static void test_who_is_not_in_scope_is_not_spoken_for(void **state)
{
    (void) state;
    begin();
    cloud.scoped = false;
    cloud_send(&cloud_leaf, "1");
    cloud_wait("refused leaf 3;");
    cloud_wait("sent 1 3;");
}

static void test_a_hub_that_is_refused_is_not_connected(void **state)
{
    (void) state;
    cloud.fake.granted = HUB_REFUSED;
    cloud_open(0, 0);
    cloud_wait("down;");
    cloud.fake.granted = HUB_OK;
    cloud_wait("up;");
}

static bool renewed(void)
{
    return cloud.notes.data && strstr(cloud.notes.data, "ready leaf 8;") &&
           strstr(cloud.notes.data, "sent 2 0;");
}

/* A token of two seconds is renewed after one and a half, and nobody notices. */
static void test_tokens_are_renewed_by_a_new_connection(void **state)
{
    (void) state;
    cloud.token_s = 2;
    begin();
    cloud_want(&cloud_leaf, DESIRED);
    cloud_wait("ready leaf 8;");
    cloud_wait_asked("auth leaf token2;");
    cloud.fake.hold = true;
    cloud_send(&cloud_leaf, "1");
    cloud_run(somebody);
    cloud.token_s = 3600;
    cloud.fake.hold = false;
    cloud_wait_asked("auth edge1/$edgeHub token"); /* not the leaf: it waits for its PUBACK */
    cloud_send(&cloud_leaf, "2");
    while (!nobody())
        fake_answer(&cloud.fake);
    cloud_run(renewed);
    assert_non_null(strstr(cloud.notes.data, "sent 1 0;"));
    assert_null(strstr(cloud.notes.data, "down"));
}

/* Twins. */

static void test_a_twin_is_read(void **state)
{
    (void) state;
    begin();
    cloud_twin_get(&cloud_module);
    cloud_twin_get(&cloud_module);
    cloud_wait_asked("sub 4 0;twin;twin;");
    cloud_wait("twin 0 {\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}};twin 0 {");
}

static void test_reported_properties_are_written(void **state)
{
    (void) state;
    begin();
    cloud_twin_patch(&cloud_self, "{\"a\":1}");
    cloud_wait_asked("patch {\"a\":1};");
    cloud_wait("patched 0 2;");
}

static void test_refusals_of_a_twin_are_told(void **state)
{
    static const enum hub_result results[] = {HUB_THROTTLED,   HUB_BAD,     HUB_TOO_LARGE,
                                              HUB_UNAVAILABLE, HUB_TIMEOUT, HUB_FAILED,
                                              HUB_NOT_FOUND,   HUB_QUOTA};
    char text[32];

    (void) state;
    begin();
    cloud_twin_get(&cloud_leaf);
    cloud_wait("twin 0 ");
    for (size_t i = 0; i < EDGE_ARRAY_LEN(results); i++) {
        cloud.fake.result = results[i];
        cloud_twin_get(&cloud_leaf);
        cloud_twin_patch(&cloud_leaf, "{}");
        (void) snprintf(text, sizeof text, "twin %d ;patched %d 0;", (int) results[i],
                        (int) results[i]);
        cloud_wait(text);
    }
}

static void test_a_twin_request_without_an_answer_ends(void **state)
{
    (void) state;
    cloud_open(100, 0);
    cloud_wait("up;");
    cloud_twin_get(&cloud_leaf);
    cloud_wait("twin 0 ");
    cloud.fake.hold = true;
    cloud_twin_get(&cloud_leaf);
    cloud_wait("twin 10 ;");
    cloud_run(somebody);
    cloud.fake.hold = false;
    fake_answer(&cloud.fake); /* too late for anybody */
    cloud_twin_get(&cloud_leaf);
    cloud_wait("twin 0 ");
    assert_null(strstr(cloud.notes.data ? cloud.notes.data : "", "twin"));
}

/* What IoT Hub sends. */

static void test_desired_properties_and_methods_come(void **state)
{
    struct hub_session *session;

    (void) state;
    begin();
    cloud_want(&cloud_module, DESIRED | METHODS | C2D); /* modules have no C2D */
    cloud_wait("ready edge1/modA 24;");
    session = fake_session(&cloud.fake, "edge1/modA");
    session->events.desired("{\"a\":1,\"$version\":7}", 20, 7, session->arg);
    session->events.method("r1", "do it/now", (struct edge_bytes){(const uint8_t *) "[1]", 3},
                           session->arg);
    cloud_wait("desired edge1/modA {\"a\":1,\"$version\":7};");
    cloud_wait("method edge1/modA r1 do it/now [1];");
    cloud_reply(&cloud_module, "r1", 202, "{}");
    cloud_wait_asked("reply r1 202 {};");
}

static void test_what_is_not_wanted_any_more_is_unsubscribed(void **state)
{
    (void) state;
    begin();
    cloud_want(&cloud_leaf, DESIRED | METHODS);
    cloud_wait("ready leaf 24;");
    cloud_want(&cloud_leaf, METHODS);
    cloud_wait_asked("sub 0 8;");
    cloud_wait("ready leaf 16;");
    cloud_want(&cloud_leaf, METHODS); /* each wish is answered */
    cloud_wait("ready leaf 16;");
}

static void test_a_message_is_completed_when_it_is_settled(void **state)
{
    (void) state;
    begin();
    cloud_want(&cloud_leaf, C2D);
    cloud_wait("ready leaf 1;");
    cloud_wait_asked("auth leaf token2;is sdk/1 " CLIENT "||leaf;edge1;open keep;");
    cloud_deliver("leaf", "hello", 5);
    cloud_wait("c2d leaf hello mid=c1 a b=c;");
    cloud_send(&cloud_leaf, "between");
    cloud_wait("sent between 0;");
    assert_null(strstr(cloud.fake.notes.data, "settle"));
    cloud_settle(&cloud_leaf, cloud.lock, HUB_ACCEPTED);
    cloud_wait_asked("settle 5 0;");
}

static void test_messages_are_completed_in_their_order(void **state)
{
    uint64_t first;

    (void) state;
    begin();
    cloud_want(&cloud_leaf, C2D);
    cloud_wait("ready leaf 1;");
    cloud_deliver("leaf", "a", 1);
    cloud_wait("c2d leaf a");
    first = cloud.lock;
    cloud_deliver("leaf", "b", 2);
    cloud_wait("c2d leaf b");
    cloud_settle(&cloud_leaf, cloud.lock, HUB_ACCEPTED);
    cloud_send(&cloud_leaf, "between");
    cloud_wait("sent between 0;");
    assert_null(strstr(cloud.fake.notes.data, "settle"));
    cloud_settle(&cloud_leaf, first, HUB_REJECTED); /* MQTT knows no other end */
    cloud_wait_asked("settle 1 0;settle 2 0;");
}

static void test_what_is_not_settled_is_not_completed(void **state)
{
    uint64_t old;

    (void) state;
    begin();
    cloud_want(&cloud_leaf, C2D);
    cloud_wait("ready leaf 1;");
    cloud_deliver("leaf", "a", 1);
    cloud_wait("c2d leaf a");
    old = cloud.lock;
    fake_close(fake_session(&cloud.fake, "leaf"), HUB_UNAVAILABLE);
    cloud_wait("ready leaf 1;");
    cloud_settle(&cloud_leaf, old, HUB_ACCEPTED); /* void */
    cloud_deliver("leaf", "a", 2);
    cloud_wait("c2d leaf a");
    cloud_settle(&cloud_leaf, cloud.lock, HUB_RELEASED);
    cloud_send(&cloud_leaf, "between");
    cloud_wait("sent between 0;");
    assert_null(strstr(cloud.fake.notes.data, "settle"));
    cloud_wait_asked("open keep;"); /* a new connection, for it to come again */
    assert_null(strstr(cloud.fake.notes.data, "settle"));
}

static void test_a_wish_for_messages_makes_a_session_that_is_kept(void **state)
{
    (void) state;
    begin();
    cloud_want(&cloud_leaf, DESIRED);
    cloud_wait("ready leaf 8;");
    cloud_wait_asked("leaf;edge1;open clean;");
    cloud_want(&cloud_leaf, DESIRED | C2D);
    cloud_wait_asked("leaf;edge1;open keep;");
    cloud_wait("ready leaf 9;");
    fake_close(fake_session(&cloud.fake, "leaf"), HUB_UNAVAILABLE);
    cloud_wait("ready leaf 9;");
    cloud_want(&cloud_leaf, C2D);
    cloud_wait_asked("sub 0 8;");
}

/* The end. */

static void test_the_end_answers_everybody(void **state)
{
    (void) state;
    begin();
    cloud.fake.hold = true;
    cloud_send(&cloud_self, "1");
    cloud_run(somebody);
    cloud_send(&cloud_leaf, "2");
    cloud_twin_get(&cloud_self);
    hub_cloud_mqtt.close(cloud.lines);
    cloud.lines = NULL;
    cloud_wait("sent 1 11;");
    cloud_wait("twin 11 ;");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, cloud_setup, cloud_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_hub_itself_comes_first),
        TEST(test_messages_reach_iot_hub_in_order),
        TEST(test_a_window_is_refilled_as_messages_are_acknowledged),
        TEST(test_more_than_can_wait_is_for_later),
        TEST(test_without_a_connection_messages_come_back),
        TEST(test_a_lost_connection_fails_what_is_under_way),
        TEST(test_when_the_hub_itself_is_lost_all_are),
        TEST(test_a_silent_peer_is_noticed_when_an_answer_is_owed),
        TEST(test_who_does_not_answer_is_not_there),
        TEST(test_a_deaf_peer_is_noticed_by_keep_alive),
        TEST(test_keep_alive_keeps_an_idle_connection),
        TEST(test_only_so_many_connections_are_opened_at_once),
        TEST(test_who_is_not_needed_is_let_go),
        TEST(test_an_identity_that_is_refused_has_its_own_pause),
        TEST(test_who_is_not_in_scope_is_not_spoken_for),
        TEST(test_a_hub_that_is_refused_is_not_connected),
        TEST(test_tokens_are_renewed_by_a_new_connection),
        TEST(test_a_twin_is_read),
        TEST(test_reported_properties_are_written),
        TEST(test_refusals_of_a_twin_are_told),
        TEST(test_a_twin_request_without_an_answer_ends),
        TEST(test_desired_properties_and_methods_come),
        TEST(test_what_is_not_wanted_any_more_is_unsubscribed),
        TEST(test_a_message_is_completed_when_it_is_settled),
        TEST(test_messages_are_completed_in_their_order),
        TEST(test_what_is_not_settled_is_not_completed),
        TEST(test_a_wish_for_messages_makes_a_session_that_is_kept),
        TEST(test_the_end_answers_everybody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
