/* IoT Hub over MQTT as a client sees it: packets in and out, and what the backend is asked. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/json/json.h"
#include "hub/mqtt/codec.h"
#include "hub/mqtt/server.h"
#include "tests/unit/hub/fake_backend.h"
#include "tests/unit/hub/fake_stream.h"

static struct house {
    struct edge_loop *loop;
    struct fake_backend fake;
    struct hub_mqtt *mqtt;
    struct edge_stream *stream;
    unsigned others;
    bool take_others;
} house;

static bool other(struct hub_mqtt_client *client, void *arg)
{
    (void) client;
    assert_ptr_equal(arg, &house);
    house.others++;
    return false;
}

static int setup(void **state)
{
    struct hub_mqtt_options options = {
        .backend = &house.fake.backend,
        .host = "hub.test",
        .max_clients = 3,
        .max_queued = 2000,
        .other = other,
        .arg = &house,
    };

    (void) state;
    house = (struct house){0};
    fake_backend_init(&house.fake);
    assert_int_equal(edge_loop_create(&house.loop), 0);
    assert_int_equal(hub_mqtt_create(house.loop, &options, &house.mqtt), 0);
    house.stream = fake_stream_new();
    hub_mqtt_accept(house.mqtt, house.stream, false);
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    hub_mqtt_destroy(house.mqtt);
    fake_backend_fini(&house.fake);
    fake_turn(house.loop);
    edge_loop_destroy(house.loop);
    fake_stream_free(house.stream);
    return 0;
}

/* Another connection in the place of the first. */
static struct edge_stream *again(void)
{
    struct edge_stream *before = house.stream;

    house.stream = fake_stream_new();
    hub_mqtt_accept(house.mqtt, house.stream, false);
    return before;
}

static struct edge_bytes text(const char *s)
{
    return (struct edge_bytes){(const uint8_t *) s, s ? strlen(s) : 0};
}

static void give(struct edge_buf *packet)
{
    fake_give(house.stream, packet->data, packet->len);
    edge_buf_fini(packet);
}

static void connect_with(const struct mqtt_connect *connect)
{
    struct edge_buf packet = EDGE_BUF_INIT(1 << 16);

    assert_int_equal(mqtt_encode_connect(&packet, connect), 0);
    give(&packet);
}

static void connect_as(const char *id, const char *user, const char *password, bool clean)
{
    connect_with(&(struct mqtt_connect){.client_id = text(id),
                                        .user = text(user),
                                        .password = text(password),
                                        .clean = clean,
                                        .keep_alive = 60});
}

static void publish_with(const char *topic, const char *payload, unsigned qos, bool retain)
{
    struct edge_buf packet = EDGE_BUF_INIT(1 << 20);

    assert_int_equal(mqtt_encode_publish(&packet, &(struct mqtt_publish){.topic = text(topic),
                                                                         .payload = text(payload),
                                                                         .qos = (uint8_t) qos,
                                                                         .id = qos ? 7 : 0,
                                                                         .retain = retain}),
                     0);
    give(&packet);
}

static void publish(const char *topic, const char *payload, unsigned qos)
{
    publish_with(topic, payload, qos, false);
}

static void subscribe(const char *filter, unsigned qos)
{
    struct edge_buf packet = EDGE_BUF_INIT(1000);

    assert_int_equal(mqtt_encode_subscribe(&packet, 9, text(filter), (uint8_t) qos), 0);
    give(&packet);
}

/* The same filter in an UNSUBSCRIBE. */
static void unsubscribe(const char *filter)
{
    struct edge_buf packet = EDGE_BUF_INIT(1000);
    uint8_t head[] = {MQTT_UNSUBSCRIBE << 4 | 2, (uint8_t) (4 + strlen(filter)), 0, 9, 0,
                      (uint8_t) strlen(filter)};

    assert_int_equal(edge_buf_append(&packet, head, sizeof head), 0);
    assert_int_equal(edge_buf_puts(&packet, filter), 0);
    give(&packet);
}

static void assert_notes(const char *notes)
{
    assert_string_equal(house.fake.notes.data ? house.fake.notes.data : "", notes);
    edge_buf_fini(&house.fake.notes);
}

static void assert_out(const char *bytes, size_t len)
{
    fake_turn(house.loop);
    assert_int_equal(house.stream->out.len, len);
    if (len > 0)
        assert_memory_equal(house.stream->out.data, bytes, len);
    edge_buf_consume(&house.stream->out, len);
}
#define OUT(bytes) assert_out(bytes, sizeof(bytes) - 1)

/* The next packet written must be this PUBLISH. @return its payload, valid for a while */
static const char *published(const char *topic, unsigned qos, bool dup)
{
    static char payload[4096];
    struct mqtt_packet packet;
    size_t used;

    fake_turn(house.loop);
    assert_int_equal(mqtt_decode((struct edge_bytes){(const uint8_t *) house.stream->out.data,
                                                     house.stream->out.len},
                                 1 << 20, &packet, &used, NULL),
                     0);
    assert_int_equal(packet.type, MQTT_PUBLISH);
    assert_int_equal(packet.publish.topic.len, strlen(topic));
    assert_memory_equal(packet.publish.topic.data, topic, strlen(topic));
    assert_int_equal(packet.publish.qos, qos);
    assert_int_equal(packet.publish.dup, dup);
    assert_true(packet.publish.payload.len < sizeof payload);
    memcpy(payload, packet.publish.payload.data, packet.publish.payload.len);
    payload[packet.publish.payload.len] = '\0';
    edge_buf_consume(&house.stream->out, used);
    return payload;
}

#define MODULE_USER "hub.test/edge1/modA/?api-version=2021-04-12"
#define DEVICE_USER "hub.test/leaf/?api-version=2021-04-12"

static void serve(const char *id, const char *user)
{
    connect_as(id, user, "secret", false);
    OUT("\x20\x02\x00\x00");
    edge_buf_fini(&house.fake.notes);
}
static void serve_module(void)
{
    serve("edge1/modA", MODULE_USER);
}
static void serve_device(void)
{
    serve("leaf", DEVICE_USER);
}

static void assert_dropped(const char *notes)
{
    OUT("");
    assert_int_equal(house.stream->end, FAKE_FINISHED);
    assert_int_equal(hub_mqtt_clients(house.mqtt), 0);
    assert_notes(notes);
}

/* Coming in. */

static void test_a_client_is_let_in_with_its_claim(void **state)
{
    (void) state;
    connect_as("edge1/modA",
               "HUB.test/edge1/modA/?api-version=1&DeviceClientType=c%2F1&model-id=m&auth-chain=x",
               "secret", false);
    OUT("\x20\x02\x00\x00");
    assert_notes("auth edge1/modA secret;is c/1|m|x;open keep;");
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
    OUT("\x20\x02\x00\x04");
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

static void test_what_cannot_be_taken_ends_the_connection(void **state)
{
    static const char *const topics[] = {
        "devices/leaf2/messages/events/",          /* another device */
        "devices/leaf/modules/m/messages/events/", /* a module of its own */
        "devices/leaf/messages/events/%24.cdid=x", /* an origin made up */
        "devices/leaf/messages/events/a=%zz",      /* encoding */
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
                &packet, &(struct mqtt_publish){.topic = text("devices/leaf/messages/events/k=v"),
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
    session->events.method("r-1", "echo", text("{}"), session->arg);
    OUT(""); /* nobody has asked for methods */
    subscribe("$iothub/methods/POST/#", 0);
    OUT("\x90\x03\x00\x09\x00");
    session->events.method("r-1", "echo it", text("{\"a\":1}"), session->arg);
    assert_string_equal(published("$iothub/methods/POST/echo%20it/?$rid=r-1", 0, false),
                        "{\"a\":1}");
    publish("$iothub/methods/res/201/?$rid=r-1", "{\"b\":2}", 0);
    assert_notes("sub 16 0;reply r-1 201 {\"b\":2};");
    unsubscribe("$iothub/methods/POST/#");
    OUT("\xb0\x02\x00\x09");
    assert_notes("sub 0 16;");
    session->events.method("r-2", "echo", text("{}"), session->arg);
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

static void deliver(const char *name, uint64_t lock, uint32_t before, const char *input)
{
    struct hub_session *session = fake_session(&house.fake, name);
    struct edge_message message = {.delivery_count = before};

    assert_int_equal(edge_message_set_body(&message, "go", 2), 0);
    assert_int_equal(edge_message_set_sys(&message, EDGE_SYS_MESSAGE_ID, "c 1"), 0);
    assert_int_equal(edge_message_set_sys(&message, EDGE_SYS_INPUT, input), 0);
    assert_int_equal(edge_message_add(&message, "p", "q&r"), 0);
    session->events.deliver(&message, lock, session->arg);
    edge_message_fini(&message);
}

static void test_a_message_is_settled_when_it_is_acknowledged(void **state)
{
    (void) state;
    serve_device();
    subscribe("devices/leaf/messages/devicebound/#", 1);
    OUT("\x90\x03\x00\x09\x01");
    deliver("leaf", 5, 0, NULL);
    assert_string_equal(
        published("devices/leaf/messages/devicebound/%24.mid=c%201&p=q%26r", 1, false), "go");
    assert_notes("sub 1 0;");
    fake_give(house.stream, "\x40\x02\x00\x01", 4);
    assert_notes("settle 5 0;");
    deliver("leaf", 6, 1, NULL); /* again */
    (void) published("devices/leaf/messages/devicebound/%24.mid=c%201&p=q%26r", 1, true);
}

static void test_quality_0_is_settled_when_it_is_sent(void **state)
{
    (void) state;
    serve_module();
    subscribe("devices/edge1/modules/modA/#", 0);
    OUT("\x90\x03\x00\x09\x00");
    deliver("edge1/modA", 5, 1, "in1");
    (void) published("devices/edge1/modules/modA/inputs/in1/%24.mid=c%201&p=q%26r", 0, false);
    assert_notes("sub 2 0;settle 5 0;");
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

static void test_a_single_input_gets_its_own_messages_alone(void **state)
{
    (void) state;
    serve_module();
    subscribe("devices/edge1/modules/modA/inputs/in1", 1);
    OUT("\x90\x03\x00\x09\x01");
    deliver("edge1/modA", 1, 0, "in2");
    OUT("");
    deliver("edge1/modA", 2, 0, "in1");
    (void) published("devices/edge1/modules/modA/inputs/in1/%24.mid=c%201&p=q%26r", 1, false);
    assert_notes("sub 2 0;"); /* in2 is not lost, and not sent round and round */
    subscribe("devices/edge1/modules/modA/inputs/in2", 1);
    OUT("\x90\x03\x00\x09\x01");
    assert_notes("settle 1 2;sub 2 0;");
    unsubscribe("devices/edge1/modules/modA/inputs/in1");
    OUT("\xb0\x02\x00\x09");
    assert_notes("sub 0 0;"); /* one input is left */
    unsubscribe("devices/edge1/modules/modA/inputs/in2");
    OUT("\xb0\x02\x00\x09");
    assert_notes("sub 0 2;");
}

/* Ends. */

static void connect_with_will(const char *topic)
{
    connect_with(&(struct mqtt_connect){.client_id = text("leaf"),
                                        .user = text(DEVICE_USER),
                                        .password = text("p"),
                                        .will_topic = text(topic),
                                        .will_payload = text("bye"),
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
    house.fake.until_s = edge_wall_ns() / 1000000000 + 1;
    serve_device();
    for (int i = 0; i < 60 && house.stream->end == FAKE_OPEN; i++)
        fake_wait(house.loop, 50);
    assert_in_range(edge_wall_ns() / 1000000 - house.fake.until_s * 1000, 0, 700);
    assert_notes("close;");
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_client_is_let_in_with_its_claim),
        TEST(test_a_certificate_needs_no_password),
        TEST(test_refusals_have_their_codes),
        TEST(test_what_is_no_user_name_of_ours_is_offered_elsewhere),
        TEST(test_the_client_id_must_be_the_identity),
        TEST(test_a_failing_backend_is_unavailable),
        TEST(test_who_leaves_before_the_decision_is_forgotten),
        TEST(test_one_too_many_is_turned_away),
        TEST(test_a_new_connection_takes_the_session_over),
        TEST(test_a_clean_session_is_new),
        TEST(test_telemetry_is_acknowledged_when_it_is_taken),
        TEST(test_telemetry_of_quality_0_is_sent_alike),
        TEST(test_what_cannot_be_taken_ends_the_connection),
        TEST(test_a_message_over_256_kib_ends_the_connection),
        TEST(test_a_message_the_backend_refuses_is_not_acknowledged),
        TEST(test_answers_that_come_too_late_harm_nobody),
        TEST(test_twin_requests_are_answered_without_a_subscription),
        TEST(test_twin_errors_are_json),
        TEST(test_a_slow_twin_does_not_hold_up_telemetry),
        TEST(test_a_method_goes_both_ways),
        TEST(test_unknown_filters_end_the_connection),
        TEST(test_quality_2_is_granted_as_1),
        TEST(test_a_refused_subscription_is_not_acknowledged),
        TEST(test_a_message_is_settled_when_it_is_acknowledged),
        TEST(test_quality_0_is_settled_when_it_is_sent),
        TEST(test_a_slow_reader_pauses_the_backend),
        TEST(test_a_hundred_unacknowledged_messages_are_enough),
        TEST(test_who_is_far_behind_with_news_is_dropped),
        TEST(test_a_single_input_gets_its_own_messages_alone),
        TEST(test_a_will_is_telemetry_of_who_was_lost),
        TEST(test_who_leaves_takes_its_will_along),
        TEST(test_a_will_for_somebody_else_is_none),
        TEST(test_a_will_under_way_ends_with_its_session),
        TEST(test_a_token_ends_at_its_second),
        TEST(test_a_session_the_backend_ends_drops_the_client),
        TEST(test_the_end_of_the_server_closes_sessions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
