/* IoT Hub over MQTT: one connection for each identity, towards a head with a fake backend. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "tests/unit/hub/line_site.h"

#define C2D     EDGE_FEATURE_C2D
#define DESIRED EDGE_FEATURE_DESIRED
#define METHODS EDGE_FEATURE_METHODS

#define CLIENT "EdgeHub/" EDGE_VERSION

static void begin(void)
{
    site_open(0, 0);
    site_wait("up;");
}

/* Connections. */

static void test_the_hub_itself_comes_first(void **state)
{
    (void) state;
    site_open(0, 0);
    site_want(&site_leaf, DESIRED); /* nobody is there yet */
    site_wait_asked("auth edge1/$edgeHub token1;is " CLIENT "||;open clean;");
    site_wait("up;");
    site_wait_asked("auth leaf token2;is sdk/1 " CLIENT "||leaf;edge1;open clean;");
    site_wait("ready leaf 8;");
}

static void test_what_a_client_is_is_passed_on(void **state)
{
    (void) state;
    site.model_id = "dtmi:a;1";
    site_open(0, 0);
    site_wait("up;");
    site_want(&site_leaf, DESIRED);
    site_wait_asked("|dtmi:a;1|leaf;edge1;");
}

static void test_messages_reach_iot_hub_in_order(void **state)
{
    (void) state;
    begin();
    site_send(&site_leaf, "1");
    site_send(&site_leaf, "2");
    site_send(&site_module, "3");
    site_wait_asked("send 1 $.mid=m 1 k&=v=1;send 2 $.mid=m 1 k&=v=1;");
    site_wait("sent 1 0;sent 2 0;");
    site_send(&site_self, "4");
    site_wait("sent 4 0;");
    assert_int_equal(hub_mqtt_clients(site.mqtt), 3);
}

static bool all_sent(void)
{
    return site.notes.data && strstr(site.notes.data, "sent 99 0;");
}

static void test_a_window_is_refilled_as_messages_are_acknowledged(void **state)
{
    char body[8];

    (void) state;
    begin();
    site.fake.hold = false;
    for (unsigned i = 0; i < 100; i++) {
        (void) snprintf(body, sizeof body, "%u", i);
        site_send(&site_leaf, body);
    }
    site_run(all_sent);
    for (unsigned i = 0; i < 100; i++) {
        (void) snprintf(site.until, sizeof site.until, "sent %u 0;", i);
        site_wait(site.until);
    }
}

static void test_more_than_can_wait_is_for_later(void **state)
{
    (void) state;
    begin();
    site.deafness = true;
    for (unsigned i = 0; i < 257; i++)
        site_send(&site_leaf, "x");
    site_wait("sent x 9;");
}

static void test_without_a_connection_messages_come_back(void **state)
{
    (void) state;
    site.token_rc = EDGE_EUNAVAILABLE;
    site_open(0, 0);
    site_send(&site_leaf, "1");
    site_twin_get(&site_leaf);
    site_twin_patch(&site_leaf, "{}");
    site_wait("sent 1 9;twin 9 ;patched 9 0;");
    site_wait("down;");
    site.token_rc = 0;
    site_wait("up;");
}

static bool nobody(void)
{
    return site.fake.nheld == 0;
}
static bool somebody(void)
{
    return site.fake.nheld >= 1;
}
static bool two_held(void)
{
    return site.fake.nheld >= 2;
}

static void test_a_lost_connection_fails_what_is_under_way(void **state)
{
    (void) state;
    begin();
    site_want(&site_leaf, DESIRED);
    site_wait("ready leaf 8;");
    site.fake.hold = true;
    site_send(&site_leaf, "1");
    site_send(&site_leaf, "2");
    site_run(two_held);
    fake_close(fake_session(&site.fake, "leaf"), HUB_UNAVAILABLE);
    site_wait("sent 1 9;sent 2 9;");
    site.fake.hold = false;
    while (!nobody())
        fake_answer(&site.fake);
    site_wait("ready leaf 8;"); /* by itself */
    site_send(&site_leaf, "3");
    site_wait("sent 3 0;");
}

static void test_when_the_hub_itself_is_lost_all_are(void **state)
{
    (void) state;
    begin();
    site_want(&site_leaf, DESIRED | METHODS);
    site_wait("ready leaf 24;");
    site_listen(false);
    site_wait("down;");
    site_send(&site_leaf, "1");
    site_wait("sent 1 9;");
    site_listen(true);
    site_wait("up;");
    site_wait("ready leaf 24;");
}

static void test_a_silent_peer_is_noticed_when_an_answer_is_owed(void **state)
{
    (void) state;
    site_open(150, 0);
    site_wait("up;");
    site_want(&site_leaf, DESIRED);
    site_wait("ready leaf 8;");
    site.fake.hold = true;
    site_send(&site_leaf, "1");
    site_wait("sent 1 9;");
    site.fake.hold = false;
    while (!nobody())
        fake_answer(&site.fake);
    site_wait("ready leaf 8;");
}

static void test_who_does_not_answer_is_not_there(void **state)
{
    (void) state;
    site.deafness = true;
    site_open(50, 0);
    site_wait("down;"); /* no CONNACK */
    site.deafness = false;
    site_wait("up;");
}

static void test_a_deaf_peer_is_noticed_by_keep_alive(void **state)
{
    (void) state;
    site.deafness = site.greets = true;
    site_open(50, 2000);
    site_wait("up;");
    site.deafness = false;
    site_wait("down;"); /* nothing was asked of it */
    site_wait("up;");
}

static bool two_seconds(void)
{
    static int64_t end;

    if (end == 0)
        end = edge_now_ms() + 2000;
    return edge_now_ms() >= end;
}

/* Without that, its own keep-alive of 20 s would tell. */
static void test_a_lost_line_makes_the_hub_look_at_its_own(void **state)
{
    (void) state;
    site.deafness = site.greets = true;
    site_open(100, 0);
    site_wait("up;");
    site_send(&site_leaf, "1");
    site_wait("sent 1 9;");
    site_wait("down;");
}

/* The head drops who is silent for one and a half times his keep-alive, which is a second here. */
static void test_keep_alive_keeps_an_idle_connection(void **state)
{
    (void) state;
    site_open(0, 2000);
    site_wait("up;");
    site_run(two_seconds);
    assert_int_equal(site.accepted, 1);
    assert_int_equal(hub_mqtt_clients(site.mqtt), 1);
}

static bool eight_held(void)
{
    return site.fake.nheld == 8;
}

static void test_only_so_many_connections_are_opened_at_once(void **state)
{
    struct edge_identity who = {"leaf", ""};
    char text[EDGE_ID_MAX + 16];

    (void) state;
    begin();
    site.fake.hold = true;
    for (int i = 0; i < 20; i++) {
        who.device[4] = (char) ('a' + i);
        site_want(&who, DESIRED);
    }
    site_run(eight_held);
    site_send(&site_self, "x"); /* the others would have come by then */
    site_wait_asked("send x");
    assert_int_equal(site.accepted, 9);
    site.fake.hold = false;
    while (site.fake.nheld > 0)
        fake_answer(&site.fake);
    (void) snprintf(text, sizeof text, "ready %s 8;", who.device);
    site_wait(text);
    assert_int_equal(site.accepted, 21);
}

static void test_who_is_not_needed_is_let_go(void **state)
{
    (void) state;
    begin();
    site_want(&site_leaf, DESIRED);
    site_wait("ready leaf 8;");
    site_want(&site_leaf, 0);
    site_wait_asked("sub 0 8;");
    site_send(&site_leaf, "1"); /* for a while it stays */
    site_wait("sent 1 0;");
    assert_int_equal(site.accepted, 2);
    site_wait_asked("close;");
    site_send(&site_leaf, "2"); /* and comes back */
    site_wait("sent 2 0;");
    assert_int_equal(site.accepted, 3);
}

static void test_an_identity_that_is_refused_has_its_own_pause(void **state)
{
    (void) state;
    begin();
    site.fake.granted = HUB_REFUSED;
    site_send(&site_leaf, "1");
    site_wait("refused leaf 2;");
    site_wait("sent 1 2;");
    site_send(&site_leaf, "2");
    site_wait("sent 2 2;");
    site.fake.granted = HUB_OK;
    site_send(&site_self, "3"); /* nobody else is touched */
    site_wait("sent 3 0;");
}

static void test_who_is_not_in_scope_is_not_spoken_for(void **state)
{
    (void) state;
    begin();
    site.scoped = false;
    site_send(&site_leaf, "1");
    site_wait("refused leaf 3;");
    site_wait("sent 1 3;");
}

static void test_a_hub_that_is_refused_is_not_connected(void **state)
{
    (void) state;
    site.fake.granted = HUB_REFUSED;
    site_open(0, 0);
    site_wait("down;");
    site.fake.granted = HUB_OK;
    site_wait("up;");
}

static bool renewed(void)
{
    return site.notes.data && strstr(site.notes.data, "ready leaf 8;") &&
           strstr(site.notes.data, "sent 2 0;");
}

/* A token of two seconds is renewed after one and a half, and nobody notices. */
static void test_tokens_are_renewed_by_a_new_connection(void **state)
{
    (void) state;
    site.token_s = 2;
    begin();
    site_want(&site_leaf, DESIRED);
    site_wait("ready leaf 8;");
    site_wait_asked("auth leaf token2;");
    site.fake.hold = true;
    site_send(&site_leaf, "1");
    site_run(somebody);
    site.token_s = 3600;
    site.fake.hold = false;
    site_wait_asked("auth edge1/$edgeHub token"); /* not the leaf: it waits for its PUBACK */
    site_send(&site_leaf, "2");
    while (!nobody())
        fake_answer(&site.fake);
    site_run(renewed);
    assert_non_null(strstr(site.notes.data, "sent 1 0;"));
    assert_null(strstr(site.notes.data, "down"));
}

/* Twins. */

static void test_a_twin_is_read(void **state)
{
    (void) state;
    begin();
    site_twin_get(&site_module);
    site_twin_get(&site_module);
    site_wait_asked("sub 4 0;twin;twin;");
    site_wait("twin 0 {\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}};twin 0 {");
}

static void test_reported_properties_are_written(void **state)
{
    (void) state;
    begin();
    site_twin_patch(&site_self, "{\"a\":1}");
    site_wait_asked("patch {\"a\":1};");
    site_wait("patched 0 2;");
}

static void test_refusals_of_a_twin_are_told(void **state)
{
    static const enum hub_result results[] = {HUB_THROTTLED,   HUB_BAD,     HUB_TOO_LARGE,
                                              HUB_UNAVAILABLE, HUB_TIMEOUT, HUB_FAILED,
                                              HUB_NOT_FOUND,   HUB_QUOTA};
    char text[32];

    (void) state;
    begin();
    site_twin_get(&site_leaf);
    site_wait("twin 0 ");
    for (size_t i = 0; i < EDGE_ARRAY_LEN(results); i++) {
        site.fake.result = results[i];
        site_twin_get(&site_leaf);
        site_twin_patch(&site_leaf, "{}");
        (void) snprintf(text, sizeof text, "twin %d ;patched %d 0;", (int) results[i],
                        (int) results[i]);
        site_wait(text);
    }
}

static void test_a_twin_request_without_an_answer_ends(void **state)
{
    (void) state;
    site_open(100, 0);
    site_wait("up;");
    site_twin_get(&site_leaf);
    site_wait("twin 0 ");
    site.fake.hold = true;
    site_twin_get(&site_leaf);
    site_wait("twin 10 ;");
    site_wait("down;"); /* nor is our own request answered */
    site.fake.hold = false;
    while (!nobody()) /* too late for anybody */
        fake_answer(&site.fake);
    site_wait("up;");
    site_twin_get(&site_leaf);
    site_wait("twin 0 ");
    assert_null(strstr(site.notes.data ? site.notes.data : "", "twin"));
}

/* Pings are answered. */
static void test_who_takes_messages_and_says_nothing_is_not_there(void **state)
{
    (void) state;
    site_open(100, 0);
    site_wait("up;");
    site_twin_get(&site_self);
    site_wait("twin 0 ");
    site.fake.hold = true;
    site_send(&site_leaf, "1");
    site_wait("sent 1 9;");
    site_wait("down;");
    site.fake.hold = false;
    while (!nobody())
        fake_answer(&site.fake);
    site_wait("up;");
    site_send(&site_leaf, "2");
    site_wait("sent 2 0;");
}

/* What IoT Hub sends. */

static void test_desired_properties_and_methods_come(void **state)
{
    struct hub_session *session;

    (void) state;
    begin();
    site_want(&site_module, DESIRED | METHODS | C2D); /* modules have no C2D */
    site_wait("ready edge1/modA 24;");
    session = fake_session(&site.fake, "edge1/modA");
    session->events.desired("{\"a\":1,\"$version\":7}", 20, 7, session->arg);
    session->events.method("r1", "do it/now", (struct edge_bytes){(const uint8_t *) "[1]", 3},
                           session->arg);
    site_wait("desired edge1/modA {\"a\":1,\"$version\":7};");
    site_wait("method edge1/modA r1 do it/now [1];");
    site_reply(&site_module, "r1", 202, "{}");
    site_wait_asked("reply r1 202 {};");
}

static void test_what_is_not_wanted_any_more_is_unsubscribed(void **state)
{
    (void) state;
    begin();
    site_want(&site_leaf, DESIRED | METHODS);
    site_wait("ready leaf 24;");
    site_want(&site_leaf, METHODS);
    site_wait_asked("sub 0 8;");
    site_wait("ready leaf 16;");
    site_want(&site_leaf, METHODS); /* each wish is answered */
    site_wait("ready leaf 16;");
}

static void test_a_message_is_completed_when_it_is_settled(void **state)
{
    (void) state;
    begin();
    site_want(&site_leaf, C2D);
    site_wait("ready leaf 1;");
    site_wait_asked("auth leaf token2;is sdk/1 " CLIENT "||leaf;edge1;open keep;");
    site_deliver("leaf", "hello", 5);
    site_wait("c2d leaf hello mid=c1 a b=c;");
    site_send(&site_leaf, "between");
    site_wait("sent between 0;");
    assert_null(strstr(site.fake.notes.data, "settle"));
    site_settle(&site_leaf, site.lock, HUB_ACCEPTED);
    site_wait_asked("settle 5 0;");
}

static void test_messages_are_completed_in_their_order(void **state)
{
    uint64_t first;

    (void) state;
    begin();
    site_want(&site_leaf, C2D);
    site_wait("ready leaf 1;");
    site_deliver("leaf", "a", 1);
    site_wait("c2d leaf a");
    first = site.lock;
    site_deliver("leaf", "b", 2);
    site_wait("c2d leaf b");
    site_settle(&site_leaf, site.lock, HUB_ACCEPTED);
    site_send(&site_leaf, "between");
    site_wait("sent between 0;");
    assert_null(strstr(site.fake.notes.data, "settle"));
    site_settle(&site_leaf, first, HUB_REJECTED); /* MQTT knows no other end */
    site_wait_asked("settle 1 0;settle 2 0;");
}

static void test_a_message_nobody_settles_does_not_hold_up_others(void **state)
{
    (void) state;
    begin();
    site_want(&site_leaf, C2D);
    site_wait("ready leaf 1;");
    site_wait_asked("open keep;");
    site_deliver("leaf", "a", 1);
    site_wait("c2d leaf a");
    site_deliver("leaf", "b", 2);
    site_wait("c2d leaf b");
    site_settle(&site_leaf, site.lock, HUB_ACCEPTED);
    site_wait_asked("settle 2 0;");
    site_wait_asked("open keep;"); /* for the other to come again */
    assert_null(strstr(site.fake.notes.data, "settle"));
}

static void test_who_comes_back_gets_what_was_released(void **state)
{
    (void) state;
    begin();
    site_want(&site_leaf, C2D);
    site_wait("ready leaf 1;");
    site_wait_asked("open keep;");
    site_deliver("leaf", "a", 1);
    site_wait("c2d leaf a");
    site_settle(&site_leaf, site.lock, HUB_RELEASED); /* its client has gone */
    site_want(&site_leaf, 0);
    site_wait_asked("sub 0 1;");
    site_send(&site_leaf, "between");
    site_wait("sent between 0;");
    assert_int_equal(site.accepted, 2);
    site_want(&site_leaf, C2D);
    site_wait_asked("open keep;");
    site_wait("ready leaf 1;");
    assert_int_equal(site.accepted, 3);
}

static void test_what_is_not_settled_is_not_completed(void **state)
{
    uint64_t old;

    (void) state;
    begin();
    site_want(&site_leaf, C2D);
    site_wait("ready leaf 1;");
    site_deliver("leaf", "a", 1);
    site_wait("c2d leaf a");
    old = site.lock;
    fake_close(fake_session(&site.fake, "leaf"), HUB_UNAVAILABLE);
    site_wait("ready leaf 1;");
    site_settle(&site_leaf, old, HUB_ACCEPTED); /* void */
    site_deliver("leaf", "a", 2);
    site_wait("c2d leaf a");
    site_settle(&site_leaf, site.lock, HUB_RELEASED);
    site_send(&site_leaf, "between");
    site_wait("sent between 0;");
    assert_null(strstr(site.fake.notes.data, "settle"));
    site_wait_asked("open keep;"); /* a new connection, for it to come again */
    assert_null(strstr(site.fake.notes.data, "settle"));
}

static void test_a_wish_for_messages_makes_a_session_that_is_kept(void **state)
{
    (void) state;
    begin();
    site_want(&site_leaf, DESIRED);
    site_wait("ready leaf 8;");
    site_wait_asked("leaf;edge1;open clean;");
    site_want(&site_leaf, DESIRED | C2D);
    site_wait_asked("leaf;edge1;open keep;");
    site_wait("ready leaf 9;");
    fake_close(fake_session(&site.fake, "leaf"), HUB_UNAVAILABLE);
    site_wait("ready leaf 9;");
    site_want(&site_leaf, C2D);
    site_wait_asked("sub 0 8;");
}

/* The end. */

static void test_the_end_answers_everybody(void **state)
{
    (void) state;
    begin();
    site.fake.hold = true;
    site_send(&site_self, "1");
    site_run(somebody);
    site_send(&site_leaf, "2");
    site_twin_get(&site_self);
    site.cloud = hub_cloud_close(site.cloud);
    site_wait("sent 1 11;");
    site_wait("twin 11 ;");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_hub_itself_comes_first),
        TEST(test_what_a_client_is_is_passed_on),
        TEST(test_messages_reach_iot_hub_in_order),
        TEST(test_a_window_is_refilled_as_messages_are_acknowledged),
        TEST(test_more_than_can_wait_is_for_later),
        TEST(test_without_a_connection_messages_come_back),
        TEST(test_a_lost_connection_fails_what_is_under_way),
        TEST(test_when_the_hub_itself_is_lost_all_are),
        TEST(test_a_silent_peer_is_noticed_when_an_answer_is_owed),
        TEST(test_who_does_not_answer_is_not_there),
        TEST(test_a_deaf_peer_is_noticed_by_keep_alive),
        TEST(test_a_lost_line_makes_the_hub_look_at_its_own),
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
        TEST(test_who_takes_messages_and_says_nothing_is_not_there),
        TEST(test_desired_properties_and_methods_come),
        TEST(test_what_is_not_wanted_any_more_is_unsubscribed),
        TEST(test_a_message_is_completed_when_it_is_settled),
        TEST(test_messages_are_completed_in_their_order),
        TEST(test_a_message_nobody_settles_does_not_hold_up_others),
        TEST(test_who_comes_back_gets_what_was_released),
        TEST(test_what_is_not_settled_is_not_completed),
        TEST(test_a_wish_for_messages_makes_a_session_that_is_kept),
        TEST(test_the_end_answers_everybody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
