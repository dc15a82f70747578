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

static bool nothing_noted(const char *text)
{
    return !site.notes.data || !strstr(site.notes.data, text);
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
    site_open(1000, 0);
    site_wait("up;");
    site_want(&site_leaf, METHODS);
    site_wait("ready leaf 16;");
    site.fake.hold = true;
    site_want(&site_leaf, METHODS | DESIRED);
    site_wait_asked("sub 8 0;");
    site.fake.hold = false; /* IoT Hub is there, and has forgotten this one */
    site_wait("ready leaf 24;");
    assert_int_equal(site.accepted, 1);
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
    site_open(3000, 0);
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
    site_open(2000, 0);
    site_wait("up;");
    site_send(&site_module, "0");
    site_wait("sent 0 0;");
    fill_the_connection(FLYING + 1);
    run_for(1000);
    site_send(&site_module, "mine");
    run_for(20);
    site.fake.hold = false;
    site_wait("sent mine 0;");
    assert_true(nfailed > FLYING);
    assert_int_equal(site.accepted, 1);
    answer_all();
}

/* More identities than the connection carries: the hub's own and two more at a time. */

static const struct edge_identity other = {"other", ""};

static unsigned sessions(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < FAKE_SESSIONS; i++)
        n += site.fake.sessions[i].open;
    return n;
}

static void begin_crowded(void)
{
    site.max_identities = 3;
    begin();
    site_want(&site_self, METHODS);
    site_wait("ready edge1/$edgeHub 16;");
    site_want(&site_leaf, DESIRED);
    site_wait("ready leaf 8;");
    run_for(5);
    site_want(&site_module, DESIRED);
    site_wait("ready edge1/modA 8;");
}

static void assert_the_hub_was_never_away(void)
{
    assert_int_equal(site.accepted, 1);
    assert_true(nothing_noted("$edgeHub"));
    assert_non_null(fake_session(&site.fake, "edge1/$edgeHub"));
}

static void test_more_identities_than_a_connection_carries_take_turns(void **state)
{
    (void) state;
    begin_crowded();
    site_want(&other, DESIRED);
    for (unsigned round = 0; round < 3; round++) { /* who was there for longest goes */
        site_wait("ready other 8;");
        assert_true(sessions() <= 3);
        site_wait("ready leaf 8;");
        assert_true(sessions() <= 3);
        site_wait("ready edge1/modA 8;");
        assert_true(sessions() <= 3);
    }
    assert_the_hub_was_never_away();
}

static void test_who_goes_makes_room_for_who_waits(void **state)
{
    (void) state;
    begin_crowded();
    site_want(&other, DESIRED);
    site_want(&site_module, 0);
    site_wait("ready other 8;");
    run_for(1000); /* and nobody has to go any more */
    assert_non_null(fake_session(&site.fake, "leaf"));
    assert_non_null(fake_session(&site.fake, "other"));
    assert_true(nothing_noted("ready"));
    assert_the_hub_was_never_away();
}

/* @return false: not now */
static bool is_sent(const struct edge_identity *who)
{
    site_send(who, "x");
    site_wait("sent x ");
    assert_true(site.notes.len > 0);
    assert_true(*site.notes.data == '0' || *site.notes.data == '9');
    return *site.notes.data == '0';
}

/* A message is refused for now while all are new, and then takes the place of who has none. */
static void test_messages_beyond_the_limit_are_sent_by_and_by(void **state)
{
    unsigned refused = 0;

    (void) state;
    begin_crowded();
    while (!is_sent(&other)) {
        assert_true(refused++ < 100);
        run_for(10);
    }
    assert_true(refused > 0);
    site_wait_asked("send x ");
    site_wait_asked("sub 8 0;"); /* whose place was taken has one again */
    assert_non_null(fake_session(&site.fake, "leaf"));
    assert_non_null(fake_session(&site.fake, "edge1/modA"));
    assert_the_hub_was_never_away();
}

/* Who has something under way keeps its session. */
static void test_who_is_busy_is_not_sent_away(void **state)
{
    (void) state;
    begin_crowded();
    site.fake.hold = true;
    site_send(&site_leaf, "long");
    site_wait_asked("send long ");
    site.fake.hold = false;
    site_want(&other, DESIRED);
    site_wait("ready other 8;");
    assert_non_null(fake_session(&site.fake, "leaf"));
    assert_null(fake_session(&site.fake, "edge1/modA"));
    answer_all();
    site_wait("sent long 0;");
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
        TEST(test_more_identities_than_a_connection_carries_take_turns),
        TEST(test_who_goes_makes_room_for_who_waits),
        TEST(test_messages_beyond_the_limit_are_sent_by_and_by),
        TEST(test_who_is_busy_is_not_sent_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
