/* IoT Hub over AMQP: one connection for all identities, towards a head with a fake backend. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/net/dial.h"
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

static bool nothing_noted(const char *text)
{
    return !site.notes.data || !strstr(site.notes.data, text);
}
static bool not_asked(const char *text)
{
    return !site.fake.notes.data || !strstr(site.fake.notes.data, text);
}

static bool somebody(void)
{
    return site.fake.nheld >= 1;
}
static bool two_held(void)
{
    return site.fake.nheld >= 2;
}
static void answer_all(void)
{
    site.fake.hold = false;
    while (site.fake.nheld > 0)
        fake_answer(&site.fake);
}

/* Connections. */

static void test_one_connection_carries_all(void **state)
{
    (void) state;
    site_open(0, 0);
    site_want(&site_leaf, DESIRED); /* nobody is there yet */
    site_wait_asked("auth edge1/$edgeHub token1;");
    site_wait("up;");
    site_wait_asked("auth leaf token1;is sdk/1 " CLIENT "||leaf;edge1;open clean;");
    site_wait("ready leaf 8;");
    site_want(&site_module, METHODS | C2D);
    site_want(&site_self, DESIRED | METHODS);
    site_wait("ready edge1/modA 17;");
    site_wait("ready edge1/$edgeHub 24;");
    assert_int_equal(site.accepted, 1);
    assert_int_equal(hub_amqp_clients(site.amqp), 1);
}

static void test_what_a_client_is_is_passed_on(void **state)
{
    (void) state;
    site.model_id = "dtmi:a;1";
    begin();
    site_want(&site_leaf, DESIRED);
    site_wait_asked("open clean;model dtmi:a;1 of sdk/1 " CLIENT ";");
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

static void test_the_end_of_the_server_is_noticed_and_mended(void **state)
{
    (void) state;
    begin();
    site_want(&site_leaf, DESIRED | METHODS | C2D);
    site_wait("ready leaf 25;");
    site.fake.hold = true;
    site_send(&site_leaf, "1");
    site_send(&site_module, "2");
    site_run(somebody);
    site_listen(false);
    site_wait("down;");
    site_wait("9;");
    site_wait("9;");
    answer_all();
    site_send(&site_leaf, "3");
    site_wait("sent 3 9;");
    site_listen(true);
    site_wait("up;");
    site_wait("ready leaf 25;");
    site_send(&site_leaf, "4");
    site_wait("sent 4 0;");
}

static void test_who_does_not_answer_is_not_there(void **state)
{
    (void) state;
    site.deafness = true;
    site_open(50, 0);
    site_wait("down;"); /* no OPEN */
    site.deafness = false;
    site_wait("up;");
}

/* The service itself does not answer: neither messages nor tokens. */
static void test_a_service_that_hangs_is_left(void **state)
{
    (void) state;
    site_open(150, 0);
    site_wait("up;");
    site_want(&site_leaf, DESIRED);
    site_wait("ready leaf 8;");
    site.fake.hold = true;
    site_send(&site_leaf, "1");
    site_wait("sent 1 10;");
    site_wait("down;");
    answer_all();
    site_wait("up;");
    site_wait("ready leaf 8;");
}

/* A cable that can be cut: bytes go to the head and back, until they do not. Or it is long: what
 * comes back is kept until it is let go. */
static struct cable {
    struct edge_listener *listener;
    struct edge_stream *ends[2];
    struct edge_dial *dial;
    bool cut, keeps;
    struct edge_buf kept;
} cable;

static void carry(struct edge_stream *to, struct edge_bytes data)
{
    if (!cable.cut && to)
        edge_stream_write(to, data.data, data.len);
}
static void on_near(struct edge_bytes data, void *arg)
{
    (void) arg;
    carry(cable.ends[1], data);
}
static void on_far(struct edge_bytes data, void *arg)
{
    (void) arg;
    if (cable.keeps)
        assert_int_equal(edge_buf_append(&cable.kept, data.data, data.len), 0);
    else
        carry(cable.ends[0], data);
}
static void let_go(void)
{
    cable.keeps = false;
    carry(cable.ends[0], (struct edge_bytes){(uint8_t *) cable.kept.data, cable.kept.len});
    edge_buf_fini(&cable.kept);
}
static void on_cable_end(int rc, void *arg)
{
    (void) rc;
    (void) arg;
    cable.ends[0] = edge_stream_close(cable.ends[0]);
    cable.ends[1] = edge_stream_close(cable.ends[1]);
}
static void on_dialled(struct edge_stream *stream, int rc, const struct edge_err *err, void *arg)
{
    static const struct edge_stream_handler near = {on_near, NULL, on_cable_end};
    static const struct edge_stream_handler far = {on_far, NULL, on_cable_end};

    (void) err;
    (void) arg;
    assert_int_equal(rc, 0);
    cable.dial = NULL;
    cable.ends[1] = stream;
    edge_stream_attach(cable.ends[1], &far, NULL);
    edge_stream_attach(cable.ends[0], &near, NULL);
}
static void on_cable(struct edge_stream *stream, void *arg)
{
    const struct edge_dial_options options = {
        .host = "127.0.0.1", .port = edge_listener_port(site.listener), .done = on_dialled};

    (void) arg;
    cable.cut = false;
    cable.ends[0] = stream;
    assert_int_equal(edge_dial_open(site.loop, &options, &cable.dial, NULL), 0);
}

static int lay_cable(void **state)
{
    const struct edge_listener_options options = {.uri = "tcp://127.0.0.1:0",
                                                  .on_stream = on_cable};

    site_setup_amqp(state);
    cable = (struct cable){0};
    edge_buf_init(&cable.kept, 1 << 20);
    assert_int_equal(edge_listen(site.loop, &options, &cable.listener, NULL), 0);
    site.through = edge_listener_port(cable.listener);
    return 0;
}

static int take_cable(void **state)
{
    edge_dial_cancel(cable.dial);
    on_cable_end(0, NULL);
    edge_listener_close(cable.listener);
    edge_buf_fini(&cable.kept);
    return site_teardown(state);
}

static void test_silence_is_noticed_by_heartbeats(void **state)
{
    (void) state;
    site_open(5000, 1200);
    site_wait("up;");
    site_want(&site_leaf, DESIRED);
    site_wait("ready leaf 8;");
    cable.cut = true; /* nothing is asked of it */
    site_wait("down;");
    site_wait("up;");
    site_wait("ready leaf 8;");
}

static int64_t time_ms;
static bool it_is_time(void)
{
    return edge_now_ms() >= time_ms;
}

static bool an_answer_is_kept(void)
{
    return cable.kept.len > 0;
}

/* Who comes and goes while IoT Hub has not answered ends no connection. */
static void test_a_session_ends_before_it_has_begun(void **state)
{
    (void) state;
    site_open(5000, 0);
    site_wait("up;");
    site_want(&site_self, METHODS);
    site_wait("ready edge1/$edgeHub 16;");
    cable.keeps = true;
    site_want(&site_leaf, METHODS);
    site_run(an_answer_is_kept);
    site_want(&site_leaf, 0);
    time_ms = edge_now_ms() + 1000; /* it is not kept for so long */
    site_run(it_is_time);
    let_go();
    site_want(&site_leaf, METHODS);
    site_wait("ready leaf 16;");
    assert_true(nothing_noted("down"));
    assert_int_equal(site.accepted, 1);
}

static void test_heartbeats_keep_an_idle_connection(void **state)
{
    (void) state;
    site_open(0, 2400);
    site_wait("up;");
    time_ms = edge_now_ms() + 6000;
    site_run(it_is_time);
    assert_true(nothing_noted("down"));
    assert_int_equal(site.accepted, 1);
}

static void test_who_is_not_needed_is_let_go(void **state)
{
    (void) state;
    begin();
    site_want(&site_leaf, DESIRED | METHODS);
    site_wait("ready leaf 24;");
    site_want(&site_leaf, 0);
    site_wait_asked("sub 0 16;"); /* methods at once */
    site_send(&site_leaf, "1");   /* for a while it stays */
    site_wait("sent 1 0;");
    site_wait_asked("close;");
    site_send(&site_leaf, "2"); /* and comes back */
    site_wait("sent 2 0;");
    assert_int_equal(site.accepted, 1);
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
    site_send(&site_self, "3"); /* nobody else is touched: its token has been taken */
    site_wait("sent 3 0;");
    site.fake.granted = HUB_OK;
    site_want(&site_leaf, DESIRED);
    site_wait("ready leaf 8;"); /* by itself, after the pause */
    assert_int_equal(site.accepted, 1);
}

static void test_who_is_not_known_there(void **state)
{
    (void) state;
    begin();
    site.fake.granted = HUB_NOT_FOUND;
    site_want(&site_leaf, METHODS);
    site_wait("refused leaf 3;");
}

static void test_who_is_not_in_scope_is_not_spoken_for(void **state)
{
    (void) state;
    begin();
    site.scoped = false;
    site_send(&site_leaf, "1");
    site_wait("refused leaf 3;");
    site_wait("sent 1 3;");
    assert_true(not_asked("leaf"));
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

static void test_an_identity_that_is_ended_comes_back(void **state)
{
    (void) state;
    begin();
    site_want(&site_leaf, METHODS);
    site_wait("ready leaf 16;");
    site_want(&site_self, METHODS);
    site_wait("ready edge1/$edgeHub 16;");
    fake_close(fake_session(&site.fake, "leaf"), HUB_CONFLICT);
    site_wait("ready leaf 16;");
    assert_true(nothing_noted("down"));
    assert_int_equal(site.accepted, 1);
}

/* A token of two seconds is renewed after one and a half, and nobody notices. */
static void test_tokens_are_renewed_in_band(void **state)
{
    (void) state;
    site.token_s = 2;
    begin();
    site_want(&site_leaf, DESIRED);
    site_wait("ready leaf 8;");
    site.token_s = 3600;
    site_wait_asked("auth edge1/$edgeHub token2;");
    site_send(&site_leaf, "1");
    site_wait("sent 1 0;");
    assert_true(nothing_noted("down"));
    assert_int_equal(site.accepted, 1);
}

static bool no_token(void)
{
    return site.ntokens == 2; /* which was not given out */
}

static void test_a_token_that_is_not_to_be_had_is_asked_for_again(void **state)
{
    (void) state;
    site.token_s = 2;
    begin();
    site.token_s = 3600;
    site.token_rc = EDGE_EUNAVAILABLE;
    site_run(no_token);
    site.token_rc = 0;
    site_wait_asked("auth edge1/$edgeHub token3;");
    site_send(&site_self, "1");
    site_wait("sent 1 0;");
    assert_true(nothing_noted("down"));
}

/* The end. */

static void test_the_end_answers_everybody(void **state)
{
    (void) state;
    begin();
    site_send(&site_leaf, "0");
    site_wait("sent 0 0;");
    site.fake.hold = true;
    site_send(&site_leaf, "1");
    site_twin_get(&site_self);
    site_run(two_held);
    site_send(&site_leaf, "2");
    site_twin_patch(&site_module, "{}");
    site.cloud = hub_cloud_close(site.cloud);
    assert_false(nothing_noted("sent 1 11;"));
    assert_false(nothing_noted("sent 2 11;"));
    assert_false(nothing_noted("twin 11 ;"));
    assert_false(nothing_noted("patched 11 0;"));
}

static void test_the_end_before_the_beginning(void **state)
{
    (void) state;
    site_open(0, 0);
    site_want(&site_leaf, DESIRED);
    site.cloud = hub_cloud_close(site.cloud);
}

#define TEST(name)  cmocka_unit_test_setup_teardown(name, site_setup_amqp, site_teardown)
#define CABLE(name) cmocka_unit_test_setup_teardown(name, lay_cable, take_cable)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_connection_carries_all),
        TEST(test_what_a_client_is_is_passed_on),
        TEST(test_without_a_connection_messages_come_back),
        TEST(test_the_end_of_the_server_is_noticed_and_mended),
        TEST(test_who_does_not_answer_is_not_there),
        TEST(test_a_service_that_hangs_is_left),
        CABLE(test_silence_is_noticed_by_heartbeats),
        CABLE(test_a_session_ends_before_it_has_begun),
        CABLE(test_heartbeats_keep_an_idle_connection),
        TEST(test_who_is_not_needed_is_let_go),
        TEST(test_an_identity_that_is_refused_has_its_own_pause),
        TEST(test_who_is_not_known_there),
        TEST(test_who_is_not_in_scope_is_not_spoken_for),
        TEST(test_a_hub_that_is_refused_is_not_connected),
        TEST(test_an_identity_that_is_ended_comes_back),
        TEST(test_tokens_are_renewed_in_band),
        TEST(test_a_token_that_is_not_to_be_had_is_asked_for_again),
        TEST(test_the_end_answers_everybody),
        TEST(test_the_end_before_the_beginning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
