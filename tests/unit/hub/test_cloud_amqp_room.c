/* Limits of the one connection to IoT Hub: what was put off goes on when there is room again. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "tests/unit/hub/line_site.h"

#define DESIRED EDGE_FEATURE_DESIRED
#define METHODS EDGE_FEATURE_METHODS

enum {
    BIG = 250 * 1024,
    FLYING = 4 * 1024 * 1024 / BIG, /* so many are under way at once */
    REPLY = 200 * 1000,
    REPLIES = 64,
};

static void begin(void)
{
    site_open(0, 0);
    site_wait("up;");
}

static int64_t time_ms;
static bool it_is_time(void)
{
    return edge_now_ms() >= time_ms;
}
static void run_for(int64_t ms)
{
    time_ms = edge_now_ms() + ms;
    site_run(it_is_time);
}

static char *text_of(size_t len)
{
    char *text = malloc(len + 1);

    assert_non_null(text);
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

/* Its answers. */
static unsigned nsent, nfailed;
static void on_big(enum hub_result result, const char *why, void *arg)
{
    (void) why;
    (void) arg;
    if (result == HUB_OK)
        nsent++;
    else
        nfailed++;
}

static void send_sized(const struct edge_identity *who, size_t len)
{
    char *body = text_of(len);
    struct edge_message m = {.body = (uint8_t *) body, .len = len};

    site.up->ops->send(site.up->self, who, &m, on_big, NULL);
    free(body);
}

static bool connection_is_full(void)
{
    return site.fake.nheld >= FLYING;
}
static void fill_the_connection(unsigned n)
{
    nsent = nfailed = 0;
    site_send(&site_leaf, "first");
    site_wait("sent first 0;");
    site.fake.hold = true;
    for (unsigned i = 0; i < n; i++)
        send_sized(&site_leaf, BIG);
    site_run(connection_is_full);
}

/* Until not one byte more is kept. */
static void fill_the_memory(void)
{
    static const size_t sizes[] = {BIG, 1000, 1};

    fill_the_connection(FLYING);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(sizes); i++) {
        for (nfailed = 0; nfailed == 0; run_for(1))
            send_sized(&site_leaf, sizes[i]);
    }
}

static void answer_all(void)
{
    site.fake.hold = false;
    while (site.fake.nheld > 0)
        fake_answer(&site.fake);
}

/* Memory is full of messages: that is no reason to leave anybody without desired properties. */
static void test_desired_properties_are_watched_whatever_waits(void **state)
{
    (void) state;
    begin();
    fill_the_memory();
    site_want(&site_self, DESIRED);
    site_wait_asked("sub 8 0;");
    answer_all();
    site_wait("ready edge1/$edgeHub 8;");
}

static void test_desired_properties_that_nobody_answers_for_are_asked_for_again(void **state)
{
    (void) state;
    site_open(150, 0);
    site_wait("up;");
    site_want(&site_leaf, METHODS);
    site_wait("ready leaf 16;");
    site.fake.hold = true;
    site_want(&site_leaf, METHODS | DESIRED);
    site_wait_asked("sub 8 0;");
    site.fake.hold = false; /* IoT Hub is there, and has forgotten this one */
    site_wait("ready leaf 24;");
    answer_all();
}

/* The peer reads nothing for a while, and is asked for a twin meanwhile. */
static void test_twin_requests_wait_for_a_peer_that_does_not_read(void **state)
{
    char *payload = text_of(REPLY);

    (void) state;
    begin();
    site_want(&site_leaf, METHODS);
    site_want(&site_self, DESIRED);
    site_wait("ready leaf 16;");
    site_wait("ready edge1/$edgeHub 8;");
    edge_stream_pause(site.stream, true);
    for (unsigned i = 0; i < REPLIES; i++)
        site_reply(&site_leaf, "r", 200, payload);
    run_for(50);
    site_twin_get(&site_self);
    run_for(50);
    edge_stream_pause(site.stream, false);
    site_wait("twin 0 ");
    free(payload);
}

static void test_a_token_waits_for_a_peer_that_does_not_read(void **state)
{
    char *payload = text_of(REPLY);

    (void) state;
    site.token_s = 2;
    site_open(1000, 0);
    site_wait("up;");
    site.token_s = 3600;
    site_want(&site_leaf, METHODS);
    site_wait("ready leaf 16;");
    edge_stream_pause(site.stream, true);
    for (unsigned i = 0; i < REPLIES; i++)
        site_reply(&site_leaf, "r", 200, payload);
    run_for(1800); /* the token is due after 1.5 s at most */
    edge_stream_pause(site.stream, false);
    site_wait_asked("auth edge1/$edgeHub token2;");
    assert_int_equal(site.accepted, 1);
    free(payload);
}

/* One has always more to send, and as much under way as may be. */
static void test_who_waits_has_a_turn_before_others_have_another(void **state)
{
    (void) state;
    begin();
    site_send(&site_module, "0");
    site_wait("sent 0 0;");
    fill_the_connection(2 * FLYING);
    site_send(&site_module, "mine");
    run_for(20);
    for (unsigned i = 0; i < 3 * FLYING; i++) {
        fake_answer(&site.fake);
        send_sized(&site_leaf, BIG);
        run_for(5);
    }
    site_wait_asked("send mine ");
    answer_all();
    site_wait("sent mine 0;");
    assert_int_equal(nfailed, 0);
}

/* Whose messages have filled the connection gets no answer to any of them. */
static void test_room_that_unanswered_messages_leave_is_used(void **state)
{
    (void) state;
    site_open(400, 0);
    site_wait("up;");
    site_send(&site_module, "0");
    site_wait("sent 0 0;");
    fill_the_connection(FLYING + 1);
    run_for(200);
    site_send(&site_module, "mine");
    run_for(20);
    site.fake.hold = false;
    site_wait("sent mine 0;");
    assert_true(nfailed > FLYING);
    answer_all();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, site_setup_amqp, site_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_desired_properties_are_watched_whatever_waits),
        TEST(test_desired_properties_that_nobody_answers_for_are_asked_for_again),
        TEST(test_twin_requests_wait_for_a_peer_that_does_not_read),
        TEST(test_a_token_waits_for_a_peer_that_does_not_read),
        TEST(test_who_waits_has_a_turn_before_others_have_another),
        TEST(test_room_that_unanswered_messages_leave_is_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
