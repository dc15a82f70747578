/* What goes to and fro between a client and the backend: telemetry, twins, methods, messages. */
#include "tests/unit/test.h"

#include "common/base/clock.h"
#include "common/json/json.h"
#include "tests/unit/hub/mqtt_house.h"

/* Telemetry. */

static void test_telemetry_is_acknowledged_when_it_is_taken(void **state)
{
    (void) state;
    serve_module();
    house.fake.hold = true;
    publish("devices/edge1/modules/modA/messages/events/%24.on=up&%24.mid=m-1&k%201=v%3D/",
            "{\"t\":1}", 1);
    assert_notes("send {\"t\":1} $.mid=m-1 $.on=up k 1=v=;");
    OUT("");
    fake_answer(&house.fake);
    OUT("\x40\x02\x00\x07");
}

static void test_telemetry_of_quality_0_is_sent_alike(void **state)
{
    (void) state;
    serve_device();
    publish_with("devices/leaf/messages/events/", "x", 0, true);
    assert_notes("send x mqtt-retain=true;");
    OUT("");
}

static void test_telemetry_sent_again_says_so(void **state)
{
    static const char again[] = "\x3a\x21\0\x1c"
                                "devices/leaf/messages/events\0\7x";

    (void) state;
    serve_device();
    fake_give(house.stream, again, sizeof again - 1);
    assert_notes("send x mqtt-dup=true;");
    OUT("\x40\x02\x00\x07");
}

static void test_what_cannot_be_taken_ends_the_connection(void **state)
{
    static const char *const topics[] = {
        "devices/leaf2/messages/events/",          /* another device */
        "devices/leaf/modules/m/messages/events/", /* a module of its own */
        "devices/leaf/messages/events/%24.cdid=x", /* an origin made up */
        "devices/leaf/messages/events/a=%ff",      /* encoding */
        "devices/leaf/messages/devicebound/",      /* not for devices */
        "free/topic",
        "$iothub/twin/GET/",
        "$iothub/twin/GET/?$rid=",
    };

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(topics); i++) {
        serve_device();
        publish(topics[i], "x", 1);
        assert_dropped("close;");
        fake_stream_free(again());
        house.fake.sessions[0].kept = false;
    }
    serve_device();
}

static void test_a_message_over_256_kib_ends_the_connection(void **state)
{
    struct edge_buf packet = EDGE_BUF_INIT(1 << 20);
    char *body = calloc(1, EDGE_MESSAGE_MAX);

    (void) state;
    assert_non_null(body);
    serve_device();
    for (size_t len = EDGE_MESSAGE_MAX - 2; len <= EDGE_MESSAGE_MAX - 1; len++) {
        assert_int_equal(
            mqtt_encode_publish(
                &packet,
                &(struct mqtt_publish){.topic = text_of("devices/leaf/messages/events/k=v"),
                                       .payload = {(const uint8_t *) body, len},
                                       .qos = 1,
                                       .id = 7}),
            0);
        give(&packet);
        if (len == EDGE_MESSAGE_MAX - 2)
            OUT("\x40\x02\x00\x07");
    }
    assert_int_equal(house.stream->end, FAKE_FINISHED);
    OUT("");
    free(body);
}

static void test_a_message_the_backend_refuses_is_not_acknowledged(void **state)
{
    (void) state;
    serve_device();
    house.fake.result = HUB_UNAVAILABLE;
    publish("devices/leaf/messages/events/", "x", 1);
    assert_dropped("send x;close;");
}

static void test_answers_that_come_too_late_harm_nobody(void **state)
{
    (void) state;
    serve_device();
    house.fake.hold = true;
    publish("devices/leaf/messages/events/", "x", 1);
    publish("$iothub/twin/GET/?$rid=1", "", 0);
    publish("$iothub/twin/PATCH/properties/reported/?$rid=2", "{}", 0);
    subscribe("$iothub/methods/POST/#", 0);
    house.stream->handler.on_end(-104, house.stream->arg);
    house.fake.result = HUB_GONE;
    for (int i = 0; i < 4; i++)
        fake_answer(&house.fake);
    assert_notes("send x;twin;patch {};sub 16 0;close;");
}

/* Twins and methods. */

static void test_twin_requests_are_answered_without_a_subscription(void **state)
{
    (void) state;
    serve_module();
    publish("$iothub/twin/GET/?$rid=0dc6-e0&x=1", " ", 0);
    assert_string_equal(published("$iothub/twin/res/200/?$rid=0dc6-e0", 0, false), house.fake.twin);
    publish("$iothub/twin/PATCH/properties/reported/?$rid=r%202", "{\"a\":null}", 0);
    assert_string_equal(published("$iothub/twin/res/204/?$rid=r%202&$version=2", 0, false), "");
    assert_notes("twin;patch {\"a\":null};");
}

static void test_a_report_without_an_id_is_taken_without_a_word(void **state)
{
    (void) state;
    serve_module();
    publish("$iothub/twin/PATCH/properties/reported/", "{\"a\":1}", 0);
    publish("$iothub/twin/PATCH/properties/reported/?$version=1", "{\"b\":1}", 1);
    OUT("\x40\x02\x00\x07");
    house.fake.result = HUB_BAD;
    publish("$iothub/twin/PATCH/properties/reported/", "[", 0);
    OUT("");
    assert_notes("patch {\"a\":1};patch {\"b\":1};patch [;");
}

static void assert_error(const char *payload, int code)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;

    assert_int_equal(edge_json_parse(payload, strlen(payload), &json, NULL), 0);
    assert_int_equal(edge_json_int(edge_json_get(json, "errorCode"), 0), code);
    assert_string_not_equal(edge_json_str(edge_json_get(json, "message"), ""), "");
    assert_int_equal(strlen(edge_json_str(edge_json_get(json, "trackingId"), "")), 32);
    assert_int_equal(strlen(edge_json_str(edge_json_get(json, "timestampUtc"), "")), 28);
}

static void test_twin_errors_are_json(void **state)
{
    (void) state;
    serve_module();
    house.fake.result = HUB_NOT_FOUND;
    publish("$iothub/twin/GET/?$rid=1", "", 0);
    assert_error(published("$iothub/twin/res/404/?$rid=1", 0, false), 404001);
    house.fake.result = HUB_BAD;
    publish("$iothub/twin/PATCH/properties/reported/?$rid=2", "[", 0);
    assert_error(published("$iothub/twin/res/400/?$rid=2", 0, false), 400004);
    OUT("");
}

static void test_a_slow_twin_does_not_hold_up_telemetry(void **state)
{
    (void) state;
    serve_module();
    house.fake.hold = true;
    publish("$iothub/twin/GET/?$rid=1", "", 1);
    OUT("\x40\x02\x00\x07");
    for (int i = 0; i < 15; i++)
        publish("$iothub/twin/GET/?$rid=2", "", 0);
    OUT("");
    publish("$iothub/twin/GET/?$rid=3", "", 0);
    assert_error(published("$iothub/twin/res/429/?$rid=3", 0, false), 429001);
    for (int i = 0; i < 16; i++)
        fake_answer(&house.fake);
    assert_string_equal(published("$iothub/twin/res/200/?$rid=1", 0, false), house.fake.twin);
}

static void test_a_method_goes_both_ways(void **state)
{
    struct hub_session *session;

    (void) state;
    serve_module();
    session = fake_session(&house.fake, "edge1/modA");
    session->events.method("r-1", "echo", text_of("{}"), session->arg);
    OUT(""); /* nobody has asked for methods */
    subscribe("$iothub/methods/POST/#", 0);
    OUT("\x90\x03\x00\x09\x00");
    session->events.method("r-1", "echo it", text_of("{\"a\":1}"), session->arg);
    assert_string_equal(published("$iothub/methods/POST/echo%20it/?$rid=r-1", 0, false),
                        "{\"a\":1}");
    publish("$iothub/methods/res/201/?$rid=r-1", "{\"b\":2}", 0);
    assert_notes("sub 16 0;reply r-1 201 {\"b\":2};");
    unsubscribe("$iothub/methods/POST/#");
    OUT("\xb0\x02\x00\x09");
    assert_notes("sub 0 16;");
    session->events.method("r-2", "echo", text_of("{}"), session->arg);
    OUT("");
}

/* Subscriptions and deliveries. */

static void test_unknown_filters_end_the_connection(void **state)
{
    static const char *const filters[] = {
        "#",
        "$iothub/#",
        "devices/leaf2/messages/devicebound/#",
        "devices/leaf/modules/m/inputs/#",
        "devices/leaf/messages/events/#",
    };

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(filters); i++) {
        serve_device();
        subscribe(filters[i], 1);
        assert_dropped("close;");
        fake_stream_free(again());
        house.fake.sessions[0].kept = false;
    }
    serve_device();
    unsubscribe("any/thing");
    OUT("\xb0\x02\x00\x09");
}

static void test_quality_2_is_granted_as_1(void **state)
{
    (void) state;
    serve_device();
    subscribe("devices/leaf/messages/devicebound/#", 2);
    OUT("\x90\x03\x00\x09\x01");
    assert_notes("sub 1 0;");
}

static void test_a_refused_subscription_is_not_acknowledged(void **state)
{
    (void) state;
    serve_device();
    house.fake.result = HUB_FAILED;
    subscribe("devices/leaf/messages/devicebound/#", 1);
    assert_dropped("sub 1 0;close;");
}

/* @param qos  of its property mqtt-qos, or NULL */
static void deliver_with(const char *name, uint64_t lock, uint32_t before, const char *input,
                         const char *qos, int64_t enqueued_ns)
{
    struct hub_session *session = fake_session(&house.fake, name);
    struct edge_message message = {.delivery_count = before, .enqueued_ns = enqueued_ns};

    assert_int_equal(edge_message_set_body(&message, "go", 2), 0);
    assert_int_equal(edge_message_set_sys(&message, EDGE_SYS_MESSAGE_ID, "c 1"), 0);
    assert_int_equal(edge_message_set_sys(&message, EDGE_SYS_INPUT, input), 0);
    assert_int_equal(edge_message_add(&message, "p", "q&r"), 0);
    if (qos)
        assert_int_equal(edge_message_add(&message, "mqtt-qos", qos), 0);
    session->events.deliver(&message, lock, session->arg);
    edge_message_fini(&message);
}

static void deliver(const char *name, uint64_t lock, uint32_t before, const char *input)
{
    deliver_with(name, lock, before, input, NULL, 0);
}

static void test_a_message_is_settled_when_it_is_acknowledged(void **state)
{
    (void) state;
    serve_device();
    subscribe("devices/leaf/messages/devicebound/#", 1);
    OUT("\x90\x03\x00\x09\x01");
    deliver("leaf", 5, 0, NULL);
    assert_string_equal(
        published("devices/leaf/messages/devicebound/p=q%26r&%24.mid=c%201", 1, false), "go");
    assert_notes("sub 1 0;");
    fake_give(house.stream, "\x40\x02\x00\x01", 4);
    assert_notes("settle 5 0;");
    deliver("leaf", 6, 1, NULL); /* again */
    (void) published("devices/leaf/messages/devicebound/p=q%26r&%24.mid=c%201", 1, true);
}

static void test_quality_0_is_settled_when_it_is_sent(void **state)
{
    (void) state;
    serve_module();
    subscribe("devices/edge1/modules/modA/#", 0);
    OUT("\x90\x03\x00\x09\x00");
    deliver("edge1/modA", 5, 1, "in1");
    (void) published("devices/edge1/modules/modA/inputs/in1/p=q%26r&%24.mid=c%201", 0, false);
    assert_notes("want #;sub 2 0;settle 5 0;");
}

static void test_a_message_may_ask_for_quality_0(void **state)
{
    (void) state;
    serve_module();
    subscribe("devices/edge1/modules/modA/#", 1);
    OUT("\x90\x03\x00\x09\x01");
    deliver_with("edge1/modA", 5, 1, "in1", "0", 0);
    (void) published("devices/edge1/modules/modA/inputs/in1/p=q%26r&mqtt-qos=0&%24.mid=c%201", 0,
                     false);
    assert_notes("want #;sub 2 0;settle 5 0;");
    deliver_with("edge1/modA", 6, 0, "in1", "much", 0); /* that is no quality */
    (void) published("devices/edge1/modules/modA/inputs/in1/p=q%26r&mqtt-qos=much&%24.mid=c%201", 1,
                     false);
    assert_notes("");
}

static void test_an_input_from_before_the_head_may_be_an_old_one(void **state)
{
    static const char topic[] = "devices/edge1/modules/modA/inputs/in1/p=q%26r&%24.mid=c%201";

    (void) state;
    serve_module();
    subscribe("devices/edge1/modules/modA/#", 1);
    OUT("\x90\x03\x00\x09\x01");
    deliver_with("edge1/modA", 5, 0, "in1", NULL, edge_wall_ns() - 3600 * INT64_C(1000000000));
    (void) published(topic, 1, true);
    deliver_with("edge1/modA", 6, 0, "in1", NULL, edge_wall_ns());
    (void) published(topic, 1, false);
}

static void test_a_slow_reader_pauses_the_backend(void **state)
{
    (void) state;
    serve_device();
    subscribe("devices/leaf/messages/devicebound/#", 1);
    OUT("\x90\x03\x00\x09\x01");
    house.stream->queued = 1990; /* of 2000 */
    deliver("leaf", 1, 0, NULL);
    assert_notes("sub 1 0;pause;");
    deliver("leaf", 2, 0, NULL); /* the backend did not hear */
    assert_notes("settle 2 2;");
    fake_turn(house.loop);
    fake_drain(house.stream);
    assert_notes("resume;");
}

static void test_a_hundred_unacknowledged_messages_are_enough(void **state)
{
    (void) state;
    serve_device();
    subscribe("devices/leaf/messages/devicebound/#", 1);
    OUT("\x90\x03\x00\x09\x01");
    edge_buf_fini(&house.fake.notes);
    for (uint64_t i = 1; i <= 100; i++) {
        assert_notes("");
        deliver("leaf", i, 0, NULL);
        fake_turn(house.loop);
    }
    assert_notes("pause;");
    fake_give(house.stream, "\x40\x02\x00\x02", 4);
    assert_notes("settle 2 0;resume;");
}

static void test_who_is_far_behind_with_news_is_dropped(void **state)
{
    struct hub_session *session;

    (void) state;
    serve_module();
    subscribe("$iothub/twin/PATCH/properties/desired/#", 0);
    OUT("\x90\x03\x00\x09\x00");
    session = fake_session(&house.fake, "edge1/modA");
    house.stream->queued = 20000;
    session->events.desired("{}", 2, 2, session->arg);
    assert_dropped("sub 8 0;close;");
}

static void test_single_inputs_are_told_to_the_backend(void **state)
{
    (void) state;
    serve_module();
    subscribe("devices/edge1/modules/modA/inputs/in1", 1);
    OUT("\x90\x03\x00\x09\x01");
    subscribe("devices/edge1/modules/modA/inputs/in2/#", 1);
    OUT("\x90\x03\x00\x09\x01");
    assert_notes("want in1;sub 2 0;want in2;sub 2 0;");
    unsubscribe("devices/edge1/modules/modA/inputs/in1");
    OUT("\xb0\x02\x00\x09");
    assert_notes("unwant in1;sub 0 0;"); /* one input is left */
    unsubscribe("devices/edge1/modules/modA/inputs/in2");
    OUT("\xb0\x02\x00\x09");
    assert_notes("unwant in2;sub 0 2;");
    subscribe("devices/edge1/modules/modA/inputs/#", 1);
    OUT("\x90\x03\x00\x09\x01");
    assert_notes("want #;sub 2 0;");
}

static void test_one_input_too_many_ends_the_connection(void **state)
{
    (void) state;
    serve_module();
    fake_session(&house.fake, "edge1/modA")->inputs = 3;
    subscribe("devices/edge1/modules/modA/inputs/in4", 1);
    assert_dropped("want in4;close;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_telemetry_is_acknowledged_when_it_is_taken),
        TEST(test_telemetry_of_quality_0_is_sent_alike),
        TEST(test_telemetry_sent_again_says_so),
        TEST(test_what_cannot_be_taken_ends_the_connection),
        TEST(test_a_message_over_256_kib_ends_the_connection),
        TEST(test_a_message_the_backend_refuses_is_not_acknowledged),
        TEST(test_answers_that_come_too_late_harm_nobody),
        TEST(test_twin_requests_are_answered_without_a_subscription),
        TEST(test_a_report_without_an_id_is_taken_without_a_word),
        TEST(test_twin_errors_are_json),
        TEST(test_a_slow_twin_does_not_hold_up_telemetry),
        TEST(test_a_method_goes_both_ways),
        TEST(test_unknown_filters_end_the_connection),
        TEST(test_quality_2_is_granted_as_1),
        TEST(test_a_refused_subscription_is_not_acknowledged),
        TEST(test_a_message_is_settled_when_it_is_acknowledged),
        TEST(test_quality_0_is_settled_when_it_is_sent),
        TEST(test_a_message_may_ask_for_quality_0),
        TEST(test_an_input_from_before_the_head_may_be_an_old_one),
        TEST(test_a_slow_reader_pauses_the_backend),
        TEST(test_a_hundred_unacknowledged_messages_are_enough),
        TEST(test_who_is_far_behind_with_news_is_dropped),
        TEST(test_single_inputs_are_told_to_the_backend),
        TEST(test_one_input_too_many_ends_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
