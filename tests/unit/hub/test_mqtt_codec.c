/* Packets as bytes, legal and illegal, after OASIS MQTT 3.1.1. */
#include "tests/unit/test.h"

#include "common/base/err.h"
#include "hub/mqtt/codec.h"

static struct mqtt_packet packet;
static size_t used;
static struct edge_err err;

enum { MAX = 1024 };

static int decode(const char *bytes, size_t len)
{
    err = (struct edge_err){0};
    return mqtt_decode((struct edge_bytes){(const uint8_t *) bytes, len}, MAX, &packet, &used,
                       &err);
}
/* A string literal's bytes without its NUL. */
#define DECODE(bytes) decode(bytes, sizeof(bytes) - 1)

static void assert_text(struct edge_bytes bytes, const char *text)
{
    assert_int_equal(bytes.len, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.len);
}

#define CONNECT_START "\x00\x04MQTT\x04"

static void test_a_connect_is_taken_apart(void **state)
{
    (void) state;

    assert_int_equal(DECODE("\x10\x1d" CONNECT_START "\xee\x00\xb4\x00\x02"
                            "id\x00\x01w\x00\x02"
                            "bo\x00\x01u\x00\x03p\x00q"),
                     0);
    assert_int_equal(used, 31);
    assert_int_equal(packet.type, MQTT_CONNECT);
    assert_text(packet.connect.client_id, "id");
    assert_text(packet.connect.will_topic, "w");
    assert_text(packet.connect.will_payload, "bo");
    assert_text(packet.connect.user, "u");
    assert_int_equal(packet.connect.password.len, 3); /* any bytes */
    assert_int_equal(packet.connect.keep_alive, 180);
    assert_int_equal(packet.connect.will_qos, 1);
    assert_true(packet.connect.will_retain);
    assert_true(packet.connect.clean);
}

static void test_a_connect_may_leave_out_everything(void **state)
{
    (void) state;

    assert_int_equal(DECODE("\x10\x0c" CONNECT_START "\x00\x00\x00\x00\x00"), 0);
    assert_int_equal(packet.connect.client_id.len, 0);
    assert_null(packet.connect.user.data);
    assert_null(packet.connect.password.data);
    assert_null(packet.connect.will_topic.data);
    assert_false(packet.connect.clean);
}

static void test_an_empty_password_is_not_an_absent_one(void **state)
{
    (void) state;

    assert_int_equal(DECODE("\x10\x11" CONNECT_START "\xc0\x00\x00\x00\x00\x00\x01u\x00\x00"), 0);
    assert_non_null(packet.connect.password.data);
    assert_int_equal(packet.connect.password.len, 0);
}

static void test_another_level_is_told_from_another_protocol(void **state)
{
    (void) state;

    assert_int_equal(DECODE("\x10\x0d\x00\x04MQTT\x05\x00\x00\x00\x00\x00\x00"), MQTT_LEVEL);
    assert_int_equal(packet.connect.level, 5);
    assert_int_equal(used, 15);
    assert_int_equal(DECODE("\x10\x0e\x00\x06MQIsdp\x03\x00\x00\x00\x00\x00"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x10\x0c\x00\x04mqtt\x04\x00\x00\x00\x00\x00"), EDGE_EPROTOCOL);
}

static void test_a_broken_connect_is_refused(void **state)
{
    (void) state;

    /* the reserved flag; will QoS or retain without a will; QoS 3; a password alone */
    assert_int_equal(DECODE("\x10\x0c" CONNECT_START "\x01\x00\x00\x00\x00"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x10\x0c" CONNECT_START "\x08\x00\x00\x00\x00"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x10\x0c" CONNECT_START "\x20\x00\x00\x00\x00"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x10\x11" CONNECT_START "\x1c\x00\x00\x00\x00\x00\x01w\x00\x00"),
                     EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x10\x0f" CONNECT_START "\x40\x00\x00\x00\x00\x00\x01p"),
                     EDGE_EPROTOCOL);
    /* a field too long, bytes too many, a will's topic with a wildcard or empty */
    assert_int_equal(DECODE("\x10\x0c" CONNECT_START "\x00\x00\x00\x00\x01"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x10\x0d" CONNECT_START "\x00\x00\x00\x00\x00x"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x10\x11" CONNECT_START "\x04\x00\x00\x00\x00\x00\x01#\x00\x00"),
                     EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x10\x10" CONNECT_START "\x04\x00\x00\x00\x00\x00\x00\x00\x00"),
                     EDGE_EPROTOCOL);
}

static void test_text_is_utf8_without_nul(void **state)
{
    (void) state;

    assert_int_equal(DECODE("\x30\x05\x00\x03\xe2\x82\xac"), 0);
    assert_int_equal(DECODE("\x30\x04\x00\x02"
                            "a\x00"),
                     EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x30\x04\x00\x02\xc0\x80"), EDGE_EPROTOCOL);     /* overlong NUL */
    assert_int_equal(DECODE("\x30\x05\x00\x03\xed\xa0\x80"), EDGE_EPROTOCOL); /* surrogate */
    assert_int_equal(DECODE("\x30\x03\x00\x01\xff"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x82\x06\x00\x01\x00\x01\xff\x00"), EDGE_EPROTOCOL);
}

static void test_what_follows_a_packet_is_not_its_own(void **state)
{
    (void) state;

    assert_int_equal(DECODE("\x32\x0a\x00\x03"
                            "a/b\x12\x34p\x00y\x30\x00"),
                     0);
    assert_int_equal(used, 12);
    assert_text(packet.publish.topic, "a/b");
    assert_int_equal(packet.publish.payload.len, 3);
}

static void test_a_publish_of_each_quality(void **state)
{
    (void) state;

    assert_int_equal(DECODE("\x30\x03\x00\x01"
                            "a"),
                     0);
    assert_int_equal(packet.publish.qos, 0);
    assert_int_equal(packet.publish.payload.len, 0);
    assert_int_equal(DECODE("\x3b\x07\x00\x01"
                            "a\x12\x34hi"),
                     0);
    assert_int_equal(packet.publish.qos, 1);
    assert_int_equal(packet.publish.id, 0x1234);
    assert_int_equal(packet.id, 0x1234);
    assert_true(packet.publish.dup);
    assert_true(packet.publish.retain);
    assert_text(packet.publish.topic, "a");
    assert_text(packet.publish.payload, "hi");
    assert_int_equal(DECODE("\x34\x05\x00\x01"
                            "a\x00\x01"),
                     0);
    assert_int_equal(packet.publish.qos, 2);
}

static void test_a_broken_publish_is_refused(void **state)
{
    (void) state;

    assert_int_equal(DECODE("\x36\x05\x00\x01"
                            "a\x00\x01"),
                     EDGE_EPROTOCOL); /* QoS 3 */
    assert_int_equal(DECODE("\x38\x03\x00\x01"
                            "a"),
                     EDGE_EPROTOCOL); /* DUP with QoS 0 */
    assert_int_equal(DECODE("\x32\x05\x00\x01"
                            "a\x00\x00"),
                     EDGE_EPROTOCOL); /* id 0 */
    assert_int_equal(DECODE("\x32\x03\x00\x01"
                            "a"),
                     EDGE_EPROTOCOL);                             /* no id */
    assert_int_equal(DECODE("\x30\x02\x00\x00"), EDGE_EPROTOCOL); /* no topic */
    assert_int_equal(DECODE("\x30\x03\x00\x01#"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x30\x05\x00\x03"
                            "a/+"),
                     EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x30\x01\x00"), EDGE_EPROTOCOL);
}

static void test_filters_are_stepped_through(void **state)
{
    struct edge_bytes rest;
    struct edge_bytes filter;
    uint8_t qos;

    (void) state;
    assert_int_equal(DECODE("\x82\x0d\x00\x07\x00\x03"
                            "a/#\x01\x00\x02+/\x02"),
                     0);
    assert_int_equal(packet.id, 7);
    rest = packet.filters;
    assert_true(mqtt_next_filter(&rest, &filter, &qos));
    assert_text(filter, "a/#");
    assert_int_equal(qos, 1);
    assert_true(mqtt_next_filter(&rest, &filter, &qos));
    assert_text(filter, "+/");
    assert_int_equal(qos, 2);
    assert_false(mqtt_next_filter(&rest, &filter, &qos));

    assert_int_equal(DECODE("\xa2\x05\x00\x08\x00\x01#"), 0);
    rest = packet.filters;
    assert_true(mqtt_next_filter(&rest, &filter, NULL));
    assert_text(filter, "#");
    assert_false(mqtt_next_filter(&rest, &filter, NULL));
}

static void test_broken_filters_are_refused(void **state)
{
    static const char *const bad[] = {"a#", "a/#/b", "a+", "+a", "##", "a/b+/c"};

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        struct edge_buf out = EDGE_BUF_INIT(100);
        struct edge_bytes filter = {(const uint8_t *) bad[i], strlen(bad[i])};

        assert_int_equal(mqtt_encode_subscribe(&out, 1, filter, 0), 0);
        assert_int_equal(decode(out.data, out.len), EDGE_EPROTOCOL);
        edge_buf_fini(&out);
    }
    assert_int_equal(DECODE("\x82\x02\x00\x01"), EDGE_EPROTOCOL);              /* none */
    assert_int_equal(DECODE("\x82\x05\x00\x01\x00\x00\x00"), EDGE_EPROTOCOL);  /* empty */
    assert_int_equal(DECODE("\x82\x06\x00\x01\x00\x01#\x03"), EDGE_EPROTOCOL); /* QoS 3 */
    assert_int_equal(DECODE("\x82\x06\x00\x00\x00\x01#\x01"), EDGE_EPROTOCOL); /* id 0 */
    assert_int_equal(DECODE("\x82\x05\x00\x01\x00\x01#"), EDGE_EPROTOCOL);     /* no QoS */
    assert_int_equal(DECODE("\xa2\x02\x00\x01"), EDGE_EPROTOCOL);
}

static void test_what_is_written_for_unsubscribe_is_read_back(void **state)
{
    struct edge_buf out = EDGE_BUF_INIT(16);
    const struct edge_bytes text = {(const uint8_t *) "a/#", 3};

    (void) state;
    assert_int_equal(mqtt_encode_unsubscribe(&out, 258, text), 0);
    assert_int_equal(out.len, 9);
    assert_memory_equal(out.data,
                        "\xa2\x07\x01\x02\x00\x03"
                        "a/#",
                        9);
    assert_int_equal(mqtt_encode_unsubscribe(&out, 258, text), EDGE_ELIMIT);
    assert_int_equal(out.len, 9);
    edge_buf_fini(&out);
}

static void test_too_many_filters_are_a_limit(void **state)
{
    struct edge_buf out = EDGE_BUF_INIT(MAX);

    (void) state;
    assert_int_equal(edge_buf_append(&out, "\x82\x84\x02\x00\x01", 5), 0);
    for (int i = 0; i < 65; i++)
        assert_int_equal(edge_buf_append(&out, "\x00\x01#\x00", 4), 0);
    out.data[1] = (char) ((2 + 65 * 4) % 128 | 128);
    out.data[2] = (2 + 65 * 4) / 128;
    assert_int_equal(decode(out.data, out.len), EDGE_ELIMIT);
    edge_buf_fini(&out);
}

static void test_reserved_types_and_bits_are_refused(void **state)
{
    (void) state;

    assert_int_equal(DECODE("\x00\x00"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\xf0\x00"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x11\x00"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x80\x06\x00\x01\x00\x01#\x01"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x60\x02\x00\x01"), EDGE_EPROTOCOL); /* PUBREL wants 2 */
    assert_int_equal(DECODE("\x62\x02\x00\x01"), 0);
    assert_int_equal(DECODE("\xc1\x00"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\xc0\x01x"), EDGE_EPROTOCOL); /* PINGREQ with a body */
    assert_int_equal(DECODE("\xe0\x00"), 0);
    assert_int_equal(packet.type, MQTT_DISCONNECT);
    assert_int_equal(DECODE("\x40\x03\x00\x01\x00"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x20\x02\x02\x00"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x90\x03\x00\x01\x03"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x90\x04\x00\x01\x80\x01"), 0);
}

static void test_a_packet_comes_in_pieces(void **state)
{
    static const char whole[] = "\x32\x85\x00\x00\x01"
                                "a\x00\x01";

    (void) state;
    /* a long form of a short length is legal in 3.1.1 */
    assert_int_equal(decode(whole, 0), MQTT_MORE);
    assert_int_equal(decode(whole, 1), MQTT_MORE);
    assert_int_equal(decode(whole, 2), MQTT_MORE);
    assert_int_equal(used, 0);
    for (size_t len = 3; len < 8; len++) {
        assert_int_equal(decode(whole, len), MQTT_MORE);
        assert_int_equal(used, 8);
    }
    assert_int_equal(decode(whole, 8), 0);
}

static void test_the_length_ends_and_is_limited_before_the_body_comes(void **state)
{
    (void) state;

    assert_int_equal(DECODE("\x30\xff\xff\xff\xff"), EDGE_EPROTOCOL);
    assert_int_equal(DECODE("\x30\xff\xff\xff"), MQTT_MORE);
    assert_int_equal(DECODE("\x30\xff\xff\xff\x7f"), EDGE_ELIMIT);
    assert_int_equal(DECODE("\x30\xfe\x07"), EDGE_ELIMIT); /* 1022 + 3 */
    assert_int_equal(DECODE("\x30\xfd\x07"), MQTT_MORE);   /* 1024 */
}

static void test_what_is_encoded_is_decoded(void **state)
{
    struct edge_buf out = EDGE_BUF_INIT(MAX);
    struct mqtt_publish publish = {
        .topic = {(const uint8_t *) "t/x", 3},
        .payload = {(const uint8_t *) "body", 4},
        .qos = 1,
        .id = 65535,
        .dup = true,
    };
    struct mqtt_connect connect = {
        .client_id = {(const uint8_t *) "c", 1},
        .user = {(const uint8_t *) "u", 1},
        .password = {(const uint8_t *) "p", 1},
        .will_topic = {(const uint8_t *) "w", 1},
        .will_payload = {(const uint8_t *) "", 0},
        .will_qos = 2,
        .keep_alive = 300,
    };

    (void) state;
    assert_int_equal(mqtt_encode_publish(&out, &publish), 0);
    assert_int_equal(mqtt_encode_connect(&out, &connect), 0);
    assert_int_equal(decode(out.data, out.len), 0);
    assert_text(packet.publish.topic, "t/x");
    assert_text(packet.publish.payload, "body");
    assert_int_equal(packet.id, 65535);
    assert_true(packet.publish.dup);
    edge_buf_consume(&out, used);
    assert_int_equal(decode(out.data, out.len), 0);
    assert_int_equal(used, out.len);
    assert_text(packet.connect.password, "p");
    assert_int_equal(packet.connect.will_qos, 2);
    assert_false(packet.connect.clean);
    edge_buf_fini(&out);
}

static void test_what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
    static char big[65536];
    struct edge_buf out = EDGE_BUF_INIT(100000);
    struct mqtt_publish publish = {.topic = {(const uint8_t *) big, sizeof big}};

    (void) state;
    assert_int_equal(edge_buf_puts(&out, "x"), 0);
    assert_int_equal(mqtt_encode_publish(&out, &publish), EDGE_ELIMIT);
    publish.topic.len = 65535;
    publish.payload = (struct edge_bytes){(const uint8_t *) big, 40000};
    assert_int_equal(mqtt_encode_publish(&out, &publish), EDGE_ELIMIT);
    assert_int_equal(out.len, 1);
    assert_int_equal(edge_buf_error(&out), 0);
    edge_buf_fini(&out);
}

static void test_short_packets_are_byte_for_byte(void **state)
{
    uint8_t out[MQTT_SUBACK_MAX];

    (void) state;
    assert_int_equal(mqtt_put_connack(out, MQTT_ACCEPTED, true), 4);
    assert_memory_equal(out, "\x20\x02\x01\x00", 4);
    assert_int_equal(mqtt_put_connack(out, MQTT_NOT_AUTHORIZED, true), 4);
    assert_memory_equal(out, "\x20\x02\x00\x05", 4); /* never a session with a refusal */
    assert_int_equal(mqtt_put_ack(out, MQTT_PUBACK, 0x1234), 4);
    assert_memory_equal(out, "\x40\x02\x12\x34", 4);
    assert_int_equal(mqtt_put_ack(out, MQTT_UNSUBACK, 1), 4);
    assert_memory_equal(out, "\xb0\x02\x00\x01", 4);
    assert_int_equal(mqtt_put_suback(out, 10, 5, 3), 7);
    assert_memory_equal(out, "\x90\x05\x00\x0a\x01\x00\x01", 7);
    assert_int_equal(mqtt_put_suback(out, 10, UINT64_MAX, MQTT_FILTERS_MAX), MQTT_SUBACK_MAX);
    assert_int_equal(out[1], 66);
    assert_int_equal(mqtt_put_empty(out, MQTT_PINGRESP), 2);
    assert_memory_equal(out, "\xd0\x00", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_connect_is_taken_apart),
        cmocka_unit_test(test_a_connect_may_leave_out_everything),
        cmocka_unit_test(test_an_empty_password_is_not_an_absent_one),
        cmocka_unit_test(test_another_level_is_told_from_another_protocol),
        cmocka_unit_test(test_a_broken_connect_is_refused),
        cmocka_unit_test(test_text_is_utf8_without_nul),
        cmocka_unit_test(test_what_follows_a_packet_is_not_its_own),
        cmocka_unit_test(test_a_publish_of_each_quality),
        cmocka_unit_test(test_a_broken_publish_is_refused),
        cmocka_unit_test(test_filters_are_stepped_through),
        cmocka_unit_test(test_broken_filters_are_refused),
        cmocka_unit_test(test_what_is_written_for_unsubscribe_is_read_back),
        cmocka_unit_test(test_too_many_filters_are_a_limit),
        cmocka_unit_test(test_reserved_types_and_bits_are_refused),
        cmocka_unit_test(test_a_packet_comes_in_pieces),
        cmocka_unit_test(test_the_length_ends_and_is_limited_before_the_body_comes),
        cmocka_unit_test(test_what_is_encoded_is_decoded),
        cmocka_unit_test(test_what_does_not_fit_leaves_the_buffer_as_it_was),
        cmocka_unit_test(test_short_packets_are_byte_for_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
