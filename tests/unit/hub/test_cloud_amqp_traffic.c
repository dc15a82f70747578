/* What goes over the one connection to IoT Hub and comes from it: messages, twins, methods. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "tests/unit/hub/line_site.h"

#define C2D     EDGE_FEATURE_C2D
#define DESIRED EDGE_FEATURE_DESIRED
#define METHODS EDGE_FEATURE_METHODS

static void begin(void)
{
    site_open(0, 0);
    site_wait("up;");
}

static bool nothing_noted(const char *text)
{
    return !site.notes.data || !strstr(site.notes.data, text);
}
static bool not_asked(const char *text)
{
    return !site.fake.notes.data || !strstr(site.fake.notes.data, text);
}

static bool one_held(void)
{
    return site.fake.nheld == 1;
}

static void answer_all(void)
{
    site.fake.hold = false;
    while (site.fake.nheld > 0)
        fake_answer(&site.fake);
}

static void test_messages_reach_iot_hub_in_order(void **state)
{
    (void) state;
    begin();
    site_send(&site_leaf, "1");
    site_send(&site_leaf, "2");
    site_send(&site_leaf, "3");
    site_wait_asked("send 1 $.mid=m 1 k&=v=1;send 2 $.mid=m 1 k&=v=1;send 3 $.mid=m 1 k&=v=1;");
    site_wait("sent 1 0;sent 2 0;sent 3 0;");
    site_send(&site_self, "4");
    site_send(&site_module, "5");
    site_wait_asked("send 4");
    site_wait("sent 5 0;");
}

enum { MANY = 250 };

static unsigned round_no;

static bool all_sent(void)
{
    char text[32];

    for (unsigned i = 0; i < MANY; i++) {
        (void) snprintf(text, sizeof text, "sent %u 0;", MANY * round_no + i);
        if (nothing_noted(text))
            return false;
    }
    return true;
}

/* The head gives 200 credits, and new ones as messages are settled. */
static void test_more_messages_than_credit(void **state)
{
    char body[16];

    (void) state;
    begin();
    for (round_no = 0; round_no < 5; round_no++) {
        for (unsigned i = 0; i < MANY; i++) {
            (void) snprintf(body, sizeof body, "%u", MANY * round_no + i);
            site_send(&site_leaf, body);
        }
        site_run(all_sent);
    }
    site_wait_asked("send 0 ");
    for (unsigned i = 1; i < 5 * MANY; i++) {
        (void) snprintf(body, sizeof body, "send %u ", i);
        site_wait_asked(body);
    }
}

static bool many_held(void)
{
    return site.fake.nheld == FAKE_HELD;
}

static void test_many_are_under_way_at_once(void **state)
{
    char body[16];

    (void) state;
    begin();
    site_send(&site_leaf, "first");
    site_wait("sent first 0;");
    site.fake.hold = true;
    for (unsigned i = 0; i < FAKE_HELD; i++) {
        (void) snprintf(body, sizeof body, "%u", i);
        site_send(&site_leaf, body);
    }
    site_run(many_held);
    assert_true(nothing_noted("sent"));
    answer_all();
    site_wait("sent 0 0;sent 1 0;sent 2 0;");
    site_wait("sent 127 0;");
}

static void test_more_than_can_wait_is_for_later(void **state)
{
    (void) state;
    begin();
    for (unsigned i = 0; i < 256; i++)
        site_send(&site_leaf, "x");
    site_send(&site_leaf, "one more");
    site_wait("sent one more 9;");
}

static void test_rejections_are_told_as_results(void **state)
{
    static const struct {
        enum hub_result asked, told;
    } results[] = {
        {HUB_OK, HUB_OK},
        {HUB_BAD, HUB_BAD},
        {HUB_REFUSED, HUB_REFUSED},
        {HUB_TOO_LARGE, HUB_TOO_LARGE},
        {HUB_QUOTA, HUB_THROTTLED},
        {HUB_THROTTLED, HUB_THROTTLED},
        {HUB_FAILED, HUB_FAILED},
        {HUB_TIMEOUT, HUB_TIMEOUT},
        {HUB_NOT_FOUND, HUB_NOT_FOUND},
    };
    char text[32];

    (void) state;
    begin();
    for (size_t i = 0; i < EDGE_ARRAY_LEN(results); i++) {
        site.fake.result = results[i].asked;
        site_send(&site_leaf, "x");
        (void) snprintf(text, sizeof text, "sent x %d;", (int) results[i].told);
        site_wait(text);
    }
    site.fake.result = HUB_OK;
    site_send(&site_leaf, "y"); /* the link lives */
    site_wait("sent y 0;");
    assert_int_equal(site.accepted, 1);
}

static void test_a_message_is_not_overtaken(void **state)
{
    char body[16];

    (void) state;
    begin();
    site_send(&site_leaf, "first");
    site_wait("sent first 0;");
    site.fake.hold = true;
    for (unsigned i = 0; i < FAKE_HELD; i++) {
        (void) snprintf(body, sizeof body, "%u", i);
        site_send(&site_leaf, body);
    }
    site_run(many_held);
    site.fake.result = HUB_THROTTLED;
    fake_answer(&site.fake);
    site_wait("sent 0 7;");
    site_send(&site_leaf, "after"); /* the core has heard of it */
    site.fake.result = HUB_OK;
    answer_all();
    site_wait("sent 1 0;");
    site_wait("sent after 0;");
}

static void on_big(enum hub_result result, const char *why, void *arg)
{
    (void) why;
    *(enum hub_result *) arg = result;
}

static void test_too_large_is_never(void **state)
{
    static const uint8_t body[EDGE_MESSAGE_MAX + 1];
    struct edge_message m = {.body = (uint8_t *) body, .len = sizeof body};
    enum hub_result result = HUB_OK;

    (void) state;
    begin();
    site.up->ops->send(site.up->self, &site_leaf, &m, on_big, &result);
    site_send(&site_leaf, "small");
    site_wait("sent small 0;");
    assert_int_equal(result, HUB_TOO_LARGE);
}

/* What was taken at the door says where it comes from by now. */
static void test_the_largest_message_goes(void **state)
{
    static const uint8_t body[EDGE_MESSAGE_MAX];
    struct edge_message m = {.body = (uint8_t *) body, .len = sizeof body};
    enum hub_result result = HUB_FAILED;

    (void) state;
    m.sys[EDGE_SYS_ORIGIN_DEVICE] = (char *) "leaf";
    begin();
    site.up->ops->send(site.up->self, &site_leaf, &m, on_big, &result);
    site_send(&site_leaf, "small");
    site_wait("sent small 0;");
    assert_int_equal(result, HUB_OK);
}

static void test_a_message_without_an_answer_ends(void **state)
{
    (void) state;
    site_open(150, 0);
    site_wait("up;");
    site_send(&site_leaf, "0");
    site_wait("sent 0 0;");
    site.fake.hold = true;
    site_send(&site_leaf, "1");
    site_send(&site_leaf, "2");
    site_wait("sent 1 10;sent 2 9;");
    site.fake.hold = false;
    site.fake.result = HUB_OK;
    site_wait_asked("auth edge1/$edgeHub token2;"); /* is anybody there? */
    answer_all();
}

/* Twins. */

static void test_a_twin_is_read(void **state)
{
    (void) state;
    begin();
    site_twin_get(&site_module);
    site_twin_get(&site_module);
    site_wait_asked("twin;twin;");
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
    site_open(150, 0);
    site_wait("up;");
    site_twin_get(&site_leaf);
    site_wait("twin 0 ");
    site.fake.hold = true;
    site_twin_get(&site_leaf);
    site_wait("twin 10 ;");
    answer_all(); /* too late for anybody */
    site_twin_get(&site_leaf);
    site_wait("twin 0 ");
    assert_true(nothing_noted("twin"));
}

/* And its links are not kept for it. */
static void test_who_has_asked_in_vain_is_let_go(void **state)
{
    (void) state;
    site_open(1000, 0);
    site_wait("up;");
    site_send(&site_leaf, "1");
    site_wait("sent 1 0;");
    site.fake.hold = true;
    site_twin_get(&site_leaf);
    site_run(one_held);
    site.fake.hold = false; /* IoT Hub is there, and has forgotten this one */
    site_wait("twin 10 ;");
    site_wait_asked("close;");
    assert_int_equal(site.accepted, 1);
    answer_all();
}

static void test_desired_properties_that_cannot_be_watched_are_tried_again(void **state)
{
    (void) state;
    begin();
    site.fake.result = HUB_UNAVAILABLE;
    site_want(&site_leaf, DESIRED);
    site_wait_asked("sub 8 0;");
    site_wait_asked("sub 8 0;");
    assert_true(nothing_noted("ready leaf"));
    site.fake.result = HUB_OK;
    site_wait("ready leaf 8;");
}

/* What IoT Hub sends. */

static void test_desired_properties_and_methods_come(void **state)
{
    struct hub_session *session;

    (void) state;
    begin();
    site_want(&site_module, DESIRED | METHODS);
    site_wait("ready edge1/modA 24;");
    session = fake_session(&site.fake, "edge1/modA");
    session->events.desired("{\"a\":1,\"$version\":7}", 20, 7, session->arg);
    session->events.method("3e5c5e3a-0a1b-4c2d-9e8f-001122334455", "do it/now",
                           (struct edge_bytes){(const uint8_t *) "[1]", 3}, session->arg);
    session->events.method("r2", "two", (struct edge_bytes){(const uint8_t *) "2", 1},
                           session->arg);
    site_wait("desired edge1/modA {\"a\":1,\"$version\":7};");
    site_wait("method edge1/modA 3e5c5e3a-0a1b-4c2d-9e8f-001122334455 do it/now [1];");
    site_wait("method edge1/modA r2 two 2;");
    site_reply(&site_module, "3e5c5e3a-0a1b-4c2d-9e8f-001122334455", 202, "{}");
    site_reply(&site_module, "r2", 404, "");
    site_wait_asked("reply 3e5c5e3a-0a1b-4c2d-9e8f-001122334455 202 {};reply r2 404 ;");
}

static void test_what_is_not_wanted_any_more_does_not_come(void **state)
{
    struct hub_session *session;

    (void) state;
    begin();
    site_want(&site_leaf, DESIRED | METHODS);
    site_wait("ready leaf 24;");
    site_want(&site_leaf, METHODS);
    site_wait("ready leaf 16;");
    session = fake_session(&site.fake, "leaf");
    session->events.desired("{}", 2, 7, session->arg);
    session->events.method("r1", "m", (struct edge_bytes){(const uint8_t *) "1", 1}, session->arg);
    site_wait("method leaf r1 m 1;");
    site_twin_get(&site_leaf); /* behind the patch */
    site_wait("twin 0 ");
    assert_true(nothing_noted("desired leaf"));
    site_want(&site_leaf, METHODS); /* each wish is answered */
    site_wait("ready leaf 16;");
}

static void test_a_message_is_completed_when_it_is_settled(void **state)
{
    static const struct {
        enum hub_outcome outcome;
        const char *settled;
    } outcomes[] = {{HUB_ACCEPTED, "settle 5 0;"},
                    {HUB_REJECTED, "settle 6 1;"},
                    {HUB_RELEASED, "settle 7 2;"},
                    {HUB_MODIFIED, "settle 8 3;"}};

    (void) state;
    begin();
    site_want(&site_leaf, C2D);
    site_wait("ready leaf 1;");
    for (unsigned i = 0; i < EDGE_ARRAY_LEN(outcomes); i++) {
        site_deliver("leaf", "hello", 5 + i);
        site_wait("c2d leaf hello mid=c1 a b=c;");
        site_settle(&site_leaf, site.lock + 1, HUB_ACCEPTED); /* nobody's */
        site_send(&site_leaf, "between");
        site_wait("sent between 0;");
        assert_true(not_asked("settle"));
        site_settle(&site_leaf, site.lock, outcomes[i].outcome);
        site_wait_asked(outcomes[i].settled);
    }
}

static bool paused(void)
{
    return fake_session(&site.fake, "leaf")->paused;
}
static bool unpaused(void)
{
    return !paused();
}

static void test_only_so_many_messages_come_unsettled(void **state)
{
    unsigned n = 0;
    uint64_t first = 0;

    (void) state;
    begin();
    site_want(&site_leaf, C2D);
    site_wait("ready leaf 1;");
    site_run(unpaused);
    for (; n < 100 && unpaused(); n++) {
        site_deliver("leaf", "x", n + 1);
        site_wait("c2d leaf x");
        first = first ? first : site.lock;
    }
    assert_int_equal(n, 16);
    for (unsigned i = 0; i < 9; i++)
        site_settle(&site_leaf, first + i, HUB_ACCEPTED);
    site_run(unpaused);
}

static void test_locks_end_with_the_connection(void **state)
{
    uint64_t old;

    (void) state;
    begin();
    site_want(&site_leaf, C2D);
    site_wait("ready leaf 1;");
    site_deliver("leaf", "a", 1);
    site_wait("c2d leaf a");
    old = site.lock;
    site_listen(false);
    site_wait("down;");
    site_listen(true);
    site_wait("ready leaf 1;");
    edge_buf_consume(&site.fake.notes, site.fake.notes.len);
    site_settle(&site_leaf, old, HUB_ACCEPTED); /* void */
    site_deliver("leaf", "a", 2);
    site_wait("c2d leaf a");
    site_settle(&site_leaf, site.lock, HUB_ACCEPTED);
    site_wait_asked("settle ");
    assert_memory_equal(site.fake.notes.data, "2 0;", 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, site_setup_amqp, site_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_messages_reach_iot_hub_in_order),
        TEST(test_more_messages_than_credit),
        TEST(test_many_are_under_way_at_once),
        TEST(test_more_than_can_wait_is_for_later),
        TEST(test_rejections_are_told_as_results),
        TEST(test_a_message_is_not_overtaken),
        TEST(test_too_large_is_never),
        TEST(test_the_largest_message_goes),
        TEST(test_a_message_without_an_answer_ends),
        TEST(test_a_twin_is_read),
        TEST(test_reported_properties_are_written),
        TEST(test_refusals_of_a_twin_are_told),
        TEST(test_a_twin_request_without_an_answer_ends),
        TEST(test_who_has_asked_in_vain_is_let_go),
        TEST(test_desired_properties_that_cannot_be_watched_are_tried_again),
        TEST(test_desired_properties_and_methods_come),
        TEST(test_what_is_not_wanted_any_more_does_not_come),
        TEST(test_a_message_is_completed_when_it_is_settled),
        TEST(test_only_so_many_messages_come_unsettled),
        TEST(test_locks_end_with_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
