/* Device provisioning over MQTT, as Microsoft's SDK speaks it. */
#include "tests/unit/test.h"

#include "tests/emulator/dps/dps_mqtt.h"
#include "tests/unit/hub/fake_stream.h"

static struct house {
    struct edge_loop *loop;
    struct hub_mqtt_clients clients;
    struct edge_stream *stream;
    struct dps_registrar registrar;
    struct edge_buf notes;
    int auth_rc;
    bool hold;
    bool offered;
    dps_done *done;
    void *arg;
} house;

static void note(const char *what, const char *text, size_t len)
{
    assert_int_equal(edge_buf_printf(&house.notes, "%s %.*s;", what, (int) len, text), 0);
}

static int authenticate(void *self, const struct dps_claim *claim, int64_t *ret_until_s,
                        struct edge_err *err)
{
    assert_ptr_equal(self, &house);
    note(claim->scope, claim->registration, strlen(claim->registration));
    note("auth", claim->token ? claim->token : "-", claim->token ? strlen(claim->token) : 1);
    *ret_until_s = INT64_MAX;
    return house.auth_rc < 0 ? edge_fail(err, house.auth_rc, "no") : 0;
}

static void answer(dps_done *done, void *arg)
{
    static const char json[] = "{\"status\":\"assigning\"}";

    if (house.hold) {
        house.done = done;
        house.arg = arg;
        return;
    }
    done(&(struct dps_answer){202, json, sizeof json - 1, 3}, arg);
}

static void assign(void *self, const struct dps_claim *claim, const char *body, size_t len,
                   dps_done *done, void *arg)
{
    (void) self;
    assert_null(claim->token);
    note("assign", body, len);
    answer(done, arg);
}

static void status(void *self, const struct dps_claim *claim, const char *operation, dps_done *done,
                   void *arg)
{
    (void) self;
    (void) claim;
    note("status", operation, strlen(operation));
    answer(done, arg);
}

static const struct dps_registrar_ops ops = {authenticate, assign, status};

static void on_connect(struct hub_mqtt_client *client, void *arg)
{
    house.offered = dps_mqtt_offer(client, arg);
    if (!house.offered)
        hub_mqtt_client_refuse(client, MQTT_BAD_USER);
}

static int setup(void **state)
{
    (void) state;
    house = (struct house){0};
    edge_buf_init(&house.notes, 4096);
    house.registrar = (struct dps_registrar){&ops, &house};
    assert_int_equal(edge_loop_create(&house.loop), 0);
    house.clients = (struct hub_mqtt_clients){
        .loop = house.loop,
        .limits = {.packet = 4096,
                   .queued = 10000,
                   .unanswered = 10000,
                   .in_flight = 8,
                   .out_flight = 8,
                   .connect_ms = 10000,
                   .keep_alive_s = 1767},
        .connect = on_connect,
        .arg = &house.registrar,
    };
    house.stream = fake_stream_new();
    assert_int_equal(hub_mqtt_client_open(&house.clients, house.stream, false), 0);
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    hub_mqtt_clients_close(&house.clients);
    fake_turn(house.loop);
    edge_loop_destroy(house.loop);
    fake_stream_free(house.stream);
    edge_buf_fini(&house.notes);
    return 0;
}

static struct edge_bytes text(const char *s)
{
    return (struct edge_bytes){(const uint8_t *) s, strlen(s)};
}

static void connect_as(const char *id, const char *user)
{
    struct edge_buf packet = EDGE_BUF_INIT(1000);

    assert_int_equal(mqtt_encode_connect(&packet, &(struct mqtt_connect){.client_id = text(id),
                                                                         .user = text(user),
                                                                         .password = text("sas"),
                                                                         .clean = true}),
                     0);
    fake_give(house.stream, packet.data, packet.len);
    edge_buf_fini(&packet);
}

static void publish(const char *topic, const char *payload)
{
    struct edge_buf packet = EDGE_BUF_INIT(1000);

    assert_int_equal(mqtt_encode_publish(&packet, &(struct mqtt_publish){.topic = text(topic),
                                                                         .payload = text(payload),
                                                                         .qos = 1,
                                                                         .id = 5}),
                     0);
    fake_give(house.stream, packet.data, packet.len);
    edge_buf_fini(&packet);
}

static void subscribe(const char *filter)
{
    struct edge_buf packet = EDGE_BUF_INIT(1000);

    assert_int_equal(mqtt_encode_subscribe(&packet, 9, text(filter), 1), 0);
    fake_give(house.stream, packet.data, packet.len);
    edge_buf_fini(&packet);
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

static void assert_published(const char *topic)
{
    struct mqtt_packet packet;
    size_t used;

    fake_turn(house.loop);
    assert_int_equal(mqtt_decode((struct edge_bytes){(const uint8_t *) house.stream->out.data,
                                                     house.stream->out.len},
                                 4096, &packet, &used, NULL),
                     0);
    assert_int_equal(packet.type, MQTT_PUBLISH);
    assert_int_equal(packet.publish.qos, 1);
    assert_int_equal(packet.publish.topic.len, strlen(topic));
    assert_memory_equal(packet.publish.topic.data, topic, strlen(topic));
    assert_int_equal(packet.publish.payload.len, 22);
    edge_buf_consume(&house.stream->out, used);
}

static void assert_notes(const char *notes)
{
    assert_string_equal(house.notes.data ? house.notes.data : "", notes);
    edge_buf_fini(&house.notes);
}

#define USER "0ne00000001/registrations/reg-sym/api-version=2019-03-31&ClientVersion=x%2F1"

static void serve(void)
{
    connect_as("reg-sym", USER);
    OUT("\x20\x02\x00\x00");
    subscribe("$dps/registrations/res/#");
    OUT("\x90\x03\x00\x09\x01");
    edge_buf_fini(&house.notes);
}

static void test_a_device_registers_and_asks_again(void **state)
{
    (void) state;
    connect_as("reg-sym", USER);
    OUT("\x20\x02\x00\x00");
    assert_notes("0ne00000001 reg-sym;auth sas;");
    subscribe("$dps/registrations/res/#");
    OUT("\x90\x03\x00\x09\x01");
    publish("$dps/registrations/PUT/iotdps-register/?$rid=e264%20x",
            "{\"registrationId\":\"reg-sym\"}");
    fake_turn(house.loop);
    assert_memory_equal(house.stream->out.data, "\x40\x02\x00\x05", 4);
    edge_buf_consume(&house.stream->out, 4);
    assert_published("$dps/registrations/res/202/?$rid=e264%20x&retry-after=3");
    publish("$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=4.1%2Fe", " ");
    assert_notes("assign {\"registrationId\":\"reg-sym\"};status 4.1/e;");
    edge_buf_consume(&house.stream->out, 4);
    assert_published("$dps/registrations/res/202/?$rid=2&retry-after=3");
}

static void test_who_is_refused_is_told(void **state)
{
    (void) state;
    house.auth_rc = EDGE_EAUTH;
    connect_as("reg-sym", USER);
    OUT("\x20\x02\x00\x05");
    assert_true(house.offered);
    assert_notes("0ne00000001 reg-sym;auth sas;");
}

static void test_the_client_id_is_the_registration(void **state)
{
    (void) state;
    connect_as("other", USER);
    OUT("\x20\x02\x00\x05");
    assert_notes("");
}

static void test_other_user_names_are_not_ours(void **state)
{
    static const char *const names[] = {"hub/d/?api-version=1",
                                        "a/b/registrations/r/api-version=1",
                                        "0ne/registrations/r",
                                        "0ne/registrations/r/x",
                                        "/registrations/r/api-version=1",
                                        "0ne/registrations//api-version=1"};

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++) {
        connect_as("r", names[i]);
        assert_false(house.offered);
        OUT("\x20\x02\x00\x04");
        fake_stream_free(house.stream);
        house.stream = fake_stream_new();
        assert_int_equal(hub_mqtt_client_open(&house.clients, house.stream, false), 0);
    }
}

static void test_anything_else_ends_the_connection(void **state)
{
    static const char *const topics[] = {
        "devices/d/messages/events/",
        "$dps/registrations/PUT/iotdps-register/",
        "$dps/registrations/PUT/iotdps-register/?x=1",
        "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1",
    };

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(topics); i++) {
        serve();
        publish(topics[i], "{}");
        assert_int_equal(house.stream->end, FAKE_FINISHED);
        assert_notes("");
        fake_stream_free(house.stream);
        house.stream = fake_stream_new();
        assert_int_equal(hub_mqtt_client_open(&house.clients, house.stream, false), 0);
    }
    serve();
    subscribe("#");
    assert_int_equal(house.stream->end, FAKE_FINISHED);
}

static void test_an_answer_that_comes_too_late_harms_nobody(void **state)
{
    (void) state;
    serve();
    house.hold = true;
    publish("$dps/registrations/PUT/iotdps-register/?$rid=1", "");
    fake_give(house.stream, "\xe0\x00", 2);
    assert_int_equal(house.clients.count, 0);
    house.done(&(struct dps_answer){200, "{}", 2, 0}, house.arg);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_device_registers_and_asks_again),
        TEST(test_who_is_refused_is_told),
        TEST(test_the_client_id_is_the_registration),
        TEST(test_other_user_names_are_not_ours),
        TEST(test_anything_else_ends_the_connection),
        TEST(test_an_answer_that_comes_too_late_harms_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
