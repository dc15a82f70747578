/* Clients of IoT Hub over MQTT come in and go. */
#include "tests/unit/test.h"

#include "common/base/clock.h"
#include "tests/unit/hub/mqtt_house.h"

/* Coming in. */

static void test_a_client_is_let_in_with_its_claim(void **state)
{
    (void) state;
    connect_as("edge1/modA",
               "HUB.test/edge1/modA/?api-version=1&DeviceClientType=c%2F1&model-id=m&auth-chain=x",
               "secret", false);
    OUT("\x20\x02\x00\x00");
    assert_notes("auth edge1/modA secret;is c/1|m|x;open keep;model m of c/1;");
    assert_int_equal(hub_mqtt_clients(house.mqtt), 1);
}

static void test_a_certificate_needs_no_password(void **state)
{
    struct edge_tls_peer peer = {.cn = "leaf"};

    (void) state;
    house.stream->certificate = &peer;
    connect_as("leaf", DEVICE_USER, NULL, true);
    OUT("\x20\x02\x00\x00");
    assert_notes("auth leaf - leaf;open clean;");
}

static void test_refusals_have_their_codes(void **state)
{
    static const struct {
        enum hub_result result;
        const char *connack;
    } cases[] = {
        {HUB_REFUSED, "\x20\x02\x00\x05"},     {HUB_NOT_FOUND, "\x20\x02\x00\x05"},
        {HUB_UNAVAILABLE, "\x20\x02\x00\x03"}, {HUB_THROTTLED, "\x20\x02\x00\x03"},
        {HUB_FAILED, "\x20\x02\x00\x03"},      {HUB_QUOTA, "\x20\x02\x00\x05"},
    };

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        house.fake.granted = cases[i].result;
        connect_as("leaf", DEVICE_USER, "p", true);
        assert_out(cases[i].connack, 4);
        assert_int_equal(house.stream->end, FAKE_FINISHED);
        assert_notes("auth leaf p;");
        fake_stream_free(again());
    }
}

static void test_what_is_no_user_name_of_ours_is_offered_elsewhere(void **state)
{
    (void) state;
    connect_as("leaf", "hub.test/leaf", "p", true);
    OUT("\x20\x02\x00\x03");
    fake_stream_free(again());
    connect_as("r", "0ne0/registrations/r/api-version=2019-03-31&ClientVersion=x", "p", true);
    OUT("\x20\x02\x00\x05");
    assert_int_equal(house.others, 2);
    assert_notes("");
}

static void test_the_client_id_must_be_the_identity(void **state)
{
    (void) state;
    connect_as("leaf2", DEVICE_USER, "p", true);
    OUT("\x20\x02\x00\x05");
    assert_int_equal(house.stream->end, FAKE_FINISHED);
    assert_int_equal(house.others, 0);
    assert_notes("");
}

static void test_a_password_with_a_nul_is_nobodys(void **state)
{
    (void) state;
    connect_with(&(struct mqtt_connect){.client_id = text_of("leaf"),
                                        .user = text_of(DEVICE_USER),
                                        .password = {(const uint8_t *) "p\0q", 3}});
    OUT("\x20\x02\x00\x05");
    assert_notes("");
}

static void test_a_failing_backend_is_unavailable(void **state)
{
    (void) state;
    house.fake.open_rc = EDGE_ESTORE;
    connect_as("leaf", DEVICE_USER, "p", true);
    OUT("\x20\x02\x00\x03");
    assert_notes("auth leaf p;open clean;");
}

static void test_who_leaves_before_the_decision_is_forgotten(void **state)
{
    (void) state;
    house.fake.hold = true;
    connect_as("leaf", DEVICE_USER, "p", true);
    house.stream->handler.on_end(0, house.stream->arg);
    assert_int_equal(hub_mqtt_clients(house.mqtt), 0);
    fake_answer(&house.fake);
    assert_notes("auth leaf p;");
}

static void test_one_too_many_is_turned_away(void **state)
{
    struct edge_stream *extra[3];

    (void) state;
    for (size_t i = 0; i < 3; i++) {
        extra[i] = fake_stream_new();
        hub_mqtt_accept(house.mqtt, extra[i], false);
    }
    assert_int_equal(extra[1]->end, FAKE_OPEN);
    assert_int_equal(extra[2]->end, FAKE_CLOSED);
    assert_int_equal(hub_mqtt_clients(house.mqtt), 3);
    hub_mqtt_destroy(house.mqtt);
    house.mqtt = NULL;
    for (size_t i = 0; i < 3; i++)
        fake_stream_free(extra[i]);
}

static void test_a_new_connection_takes_the_session_over(void **state)
{
    struct edge_stream *old;

    (void) state;
    serve_module();
    subscribe("$iothub/twin/PATCH/properties/desired/#", 0);
    OUT("\x90\x03\x00\x09\x00");
    old = again();
    connect_as("edge1/modA", MODULE_USER, "p", false);
    OUT("\x20\x02\x01\x00");
    assert_int_not_equal(old->end, FAKE_OPEN);
    assert_int_equal(hub_mqtt_clients(house.mqtt), 1);
    fake_stream_free(old);
    /* with its subscriptions, though it never says so again */
    fake_session(&house.fake, "edge1/modA")
        ->events.desired("{\"a\":1,\"$version\":5}", 20, 5,
                         fake_session(&house.fake, "edge1/modA")->arg);
    assert_string_equal(published("$iothub/twin/PATCH/properties/desired/?$version=5", 0, false),
                        "{\"a\":1,\"$version\":5}");
}

static void test_a_clean_session_is_new(void **state)
{
    (void) state;
    serve_module();
    fake_give(house.stream, "\xe0\x00", 2);
    fake_stream_free(again());
    connect_as("edge1/modA", MODULE_USER, "p", true);
    OUT("\x20\x02\x00\x00");
}

/* What was kept is gone on disk before the client hears that it is. */

static void connect_while_it_forgets(void)
{
    house.fake.hold = house.fake.forgets = true;
    connect_as("leaf", DEVICE_USER, "p", true);
    fake_answer(&house.fake);
    assert_notes("auth leaf p;open clean;sub 0 0;");
    assert_out("", 0);
}

static void test_a_clean_session_waits_until_the_kept_one_is_forgotten(void **state)
{
    (void) state;
    connect_while_it_forgets();
    fake_answer(&house.fake);
    OUT("\x20\x02\x00\x00");
    assert_int_equal(hub_mqtt_clients(house.mqtt), 1);
}

static void test_who_cannot_be_forgotten_is_turned_away(void **state)
{
    (void) state;
    connect_while_it_forgets();
    house.fake.result = HUB_FAILED;
    fake_answer(&house.fake);
    OUT("\x20\x02\x00\x03");
    assert_notes("close;");
}

static void test_who_leaves_while_it_is_forgotten_is_gone(void **state)
{
    (void) state;
    connect_while_it_forgets();
    house.stream->handler.on_end(0, house.stream->arg);
    assert_notes("close;");
    house.fake.result = HUB_GONE;
    fake_answer(&house.fake);
    assert_int_equal(hub_mqtt_clients(house.mqtt), 0);
}

/* Ends. */

static void connect_with_will(const char *topic)
{
    connect_with(&(struct mqtt_connect){.client_id = text_of("leaf"),
                                        .user = text_of(DEVICE_USER),
                                        .password = text_of("p"),
                                        .will_topic = text_of(topic),
                                        .will_payload = text_of("bye"),
                                        .will_retain = true,
                                        .keep_alive = 60});
    OUT("\x20\x02\x00\x00");
    edge_buf_fini(&house.fake.notes);
}

static void test_a_will_is_telemetry_of_who_was_lost(void **state)
{
    (void) state;
    connect_with_will("devices/leaf/messages/events/a=b");
    house.fake.hold = true;
    house.stream->handler.on_end(-104, house.stream->arg);
    assert_notes("pause;send bye a=b mqtt-retain=true iothub-MessageType=Will;");
    fake_answer(&house.fake);
    assert_notes("close;");
}

static void test_who_leaves_takes_its_will_along(void **state)
{
    (void) state;
    connect_with_will("devices/leaf/messages/events/");
    fake_give(house.stream, "\xe0\x00", 2);
    assert_notes("close;");
}

static void test_a_will_for_somebody_else_is_none(void **state)
{
    (void) state;
    connect_with_will("devices/leaf2/messages/events/");
    house.stream->handler.on_end(-104, house.stream->arg);
    assert_notes("close;");
}

static void test_a_will_under_way_ends_with_its_session(void **state)
{
    (void) state;
    connect_with_will("devices/leaf/messages/events/");
    house.fake.hold = true;
    house.stream->handler.on_end(-104, house.stream->arg);
    fake_close(fake_session(&house.fake, "leaf"), HUB_CONFLICT);
    house.fake.result = HUB_GONE;
    fake_answer(&house.fake);
    assert_notes("pause;send bye mqtt-retain=true iothub-MessageType=Will;");
}

static void test_a_token_ends_at_its_second(void **state)
{
    (void) state;
    house.fake.until_s = edge_wall_ns() / 1000000000 + 2; /* a second at least is left */
    serve_device();
    for (int i = 0; i < 200 && house.stream->end == FAKE_OPEN; i++)
        fake_wait(house.loop, 50);
    assert_in_range(edge_wall_ns() / 1000000 - house.fake.until_s * 1000, 0, 5000);
    assert_notes("close;");
}

/* Who is written to and says nothing is gone all the same. */
static void test_what_we_send_keeps_nobody_alive(void **state)
{
    int64_t began = edge_now_ms();
    struct hub_session *session;

    (void) state;
    connect_with(&(struct mqtt_connect){.client_id = text_of("leaf"),
                                        .user = text_of(DEVICE_USER),
                                        .password = text_of("p"),
                                        .keep_alive = 1});
    subscribe("$iothub/twin/PATCH/properties/desired/#", 0);
    session = fake_session(&house.fake, "leaf");
    while (house.stream->end == FAKE_OPEN && edge_now_ms() - began < 4000) {
        session->events.desired("{}", 2, 2, session->arg);
        fake_wait(house.loop, 50);
        assert_true(house.stream->out.len > 0);
        edge_buf_consume(&house.stream->out, house.stream->out.len);
    }
    assert_in_range(edge_now_ms() - began, 1450, 2500);
    assert_int_equal(house.stream->end, FAKE_CLOSED);
}

static void test_a_session_the_backend_ends_drops_the_client(void **state)
{
    (void) state;
    serve_device();
    fake_close(fake_session(&house.fake, "leaf"), HUB_REFUSED);
    assert_int_not_equal(house.stream->end, FAKE_OPEN);
    assert_int_equal(hub_mqtt_clients(house.mqtt), 0);
    assert_notes("");
}

static void test_the_end_of_the_server_closes_sessions(void **state)
{
    (void) state;
    serve_device();
    house.fake.hold = true;
    publish("devices/leaf/messages/events/", "x", 1);
    house.mqtt = hub_mqtt_destroy(house.mqtt);
    assert_int_equal(house.stream->end, FAKE_CLOSED);
    assert_notes("send x;close;");
    fake_answer(&house.fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_client_is_let_in_with_its_claim),
        TEST(test_a_certificate_needs_no_password),
        TEST(test_refusals_have_their_codes),
        TEST(test_what_is_no_user_name_of_ours_is_offered_elsewhere),
        TEST(test_the_client_id_must_be_the_identity),
        TEST(test_a_password_with_a_nul_is_nobodys),
        TEST(test_a_failing_backend_is_unavailable),
        TEST(test_who_leaves_before_the_decision_is_forgotten),
        TEST(test_one_too_many_is_turned_away),
        TEST(test_a_new_connection_takes_the_session_over),
        TEST(test_a_clean_session_is_new),
        TEST(test_a_clean_session_waits_until_the_kept_one_is_forgotten),
        TEST(test_who_cannot_be_forgotten_is_turned_away),
        TEST(test_who_leaves_while_it_is_forgotten_is_gone),
        TEST(test_a_will_is_telemetry_of_who_was_lost),
        TEST(test_who_leaves_takes_its_will_along),
        TEST(test_a_will_for_somebody_else_is_none),
        TEST(test_a_will_under_way_ends_with_its_session),
        TEST(test_a_token_ends_at_its_second),
        TEST(test_what_we_send_keeps_nobody_alive),
        TEST(test_a_session_the_backend_ends_drops_the_client),
        TEST(test_the_end_of_the_server_closes_sessions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
