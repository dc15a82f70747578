#include "tests/unit/test.h"

#include "tests/unit/hub/mqtt_house.h"

struct house house;

static bool other(struct hub_mqtt_client *client, void *arg)
{
    (void) client;
    assert_ptr_equal(arg, &house);
    house.others++;
    return false;
}

int house_setup(void **state)
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

int house_teardown(void **state)
{
    (void) state;
    hub_mqtt_destroy(house.mqtt);
    fake_backend_fini(&house.fake);
    fake_turn(house.loop);
    edge_loop_destroy(house.loop);
    fake_stream_free(house.stream);
    return 0;
}

struct edge_stream *again(void)
{
    struct edge_stream *before = house.stream;

    house.stream = fake_stream_new();
    hub_mqtt_accept(house.mqtt, house.stream, false);
    return before;
}

struct edge_bytes text_of(const char *s)
{
    return (struct edge_bytes){(const uint8_t *) s, s ? strlen(s) : 0};
}

void give(struct edge_buf *packet)
{
    fake_give(house.stream, packet->data, packet->len);
    edge_buf_fini(packet);
}

void connect_with(const struct mqtt_connect *connect)
{
    struct edge_buf packet = EDGE_BUF_INIT(1 << 16);

    assert_int_equal(mqtt_encode_connect(&packet, connect), 0);
    give(&packet);
}

void connect_as(const char *id, const char *user, const char *password, bool clean)
{
    connect_with(&(struct mqtt_connect){.client_id = text_of(id),
                                        .user = text_of(user),
                                        .password = text_of(password),
                                        .clean = clean,
                                        .keep_alive = 60});
}

void publish_with(const char *topic, const char *payload, unsigned qos, bool retain)
{
    struct edge_buf packet = EDGE_BUF_INIT(1 << 20);

    assert_int_equal(
        mqtt_encode_publish(&packet, &(struct mqtt_publish){.topic = text_of(topic),
                                                            .payload = text_of(payload),
                                                            .qos = (uint8_t) qos,
                                                            .id = qos ? 7 : 0,
                                                            .retain = retain}),
        0);
    give(&packet);
}

void publish(const char *topic, const char *payload, unsigned qos)
{
    publish_with(topic, payload, qos, false);
}

void subscribe(const char *filter, unsigned qos)
{
    struct edge_buf packet = EDGE_BUF_INIT(1000);

    assert_int_equal(mqtt_encode_subscribe(&packet, 9, text_of(filter), (uint8_t) qos), 0);
    give(&packet);
}

void unsubscribe(const char *filter)
{
    struct edge_buf packet = EDGE_BUF_INIT(1000);
    uint8_t head[] = {MQTT_UNSUBSCRIBE << 4 | 2, (uint8_t) (4 + strlen(filter)), 0, 9, 0,
                      (uint8_t) strlen(filter)};

    assert_int_equal(edge_buf_append(&packet, head, sizeof head), 0);
    assert_int_equal(edge_buf_puts(&packet, filter), 0);
    give(&packet);
}

void assert_notes(const char *notes)
{
    assert_string_equal(house.fake.notes.data ? house.fake.notes.data : "", notes);
    edge_buf_fini(&house.fake.notes);
}

void assert_out(const char *bytes, size_t len)
{
    fake_turn(house.loop);
    assert_int_equal(house.stream->out.len, len);
    if (len > 0)
        assert_memory_equal(house.stream->out.data, bytes, len);
    edge_buf_consume(&house.stream->out, len);
}

const char *published(const char *topic, unsigned qos, bool dup)
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

void serve(const char *id, const char *user)
{
    connect_as(id, user, "secret", false);
    OUT("\x20\x02\x00\x00");
    edge_buf_fini(&house.fake.notes);
}
void serve_module(void)
{
    serve("edge1/modA", MODULE_USER);
}
void serve_device(void)
{
    serve("leaf", DEVICE_USER);
}

void assert_dropped(const char *notes)
{
    OUT("");
    assert_int_equal(house.stream->end, FAKE_FINISHED);
    assert_int_equal(hub_mqtt_clients(house.mqtt), 0);
    assert_notes(notes);
}
