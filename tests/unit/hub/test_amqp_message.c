/* Messages: encoded and read again, and IoT Hub's properties in them. */
#include "tests/unit/test.h"

#include "common/base/err.h"
#include "hub/amqp/mapping.h"
#include "hub/amqp/message.h"
#include "hub/amqp/value.h"
#include "hub/amqp/value_text.h"

static struct hub_amqp_arena arena;
static struct edge_buf out;

static int setup(void **state)
{
    (void) state;
    arena = (struct hub_amqp_arena) HUB_AMQP_ARENA_INIT(1 << 20);
    edge_buf_init(&out, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    hub_amqp_arena_fini(&arena);
    edge_buf_fini(&out);
    return 0;
}

static struct hub_amqp_message again(const struct hub_amqp_message *message)
{
    struct hub_amqp_message read;

    assert_int_equal(hub_amqp_message_write(&out, message), 0);
    assert_int_equal(
        hub_amqp_message_read(&arena, (struct edge_bytes){(uint8_t *) out.data, out.len}, &read),
        0);
    return read;
}

static bool equal(struct edge_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

static void test_every_kind_of_value_comes_back(void **state)
{
    struct hub_amqp_value strings[] = {hub_amqp_text("0"), hub_amqp_text("1")};
    struct hub_amqp_value map[] = {hub_amqp_text("ids"),
                                   {.kind = HUB_AMQP_STRINGS, .values = strings, .n = 2},
                                   hub_amqp_text("empty"),
                                   {.kind = HUB_AMQP_BOOL, .i = 1}};
    struct hub_amqp_pair pairs[] = {
        {"int", {.kind = HUB_AMQP_INT, .i = -5}},
        {"long", {.kind = HUB_AMQP_LONG, .i = INT64_MIN}},
        {"ulong", {.kind = HUB_AMQP_ULONG, .i = -1}},
        {"time", {.kind = HUB_AMQP_TIMESTAMP, .i = 1700000000000}},
        {"uuid",
         {.kind = HUB_AMQP_UUID,
          .s = {(const uint8_t *) "06b98d5b-8229-4c7e-9ab4-23563e2cf7e5", 36}}},
        {"map", {.kind = HUB_AMQP_MAP, .values = map, .n = 2}},
    };
    struct hub_amqp_message message = {.properties = pairs,
                                       .nproperties = EDGE_ARRAY_LEN(pairs),
                                       .body = HUB_AMQP_BODY_VALUE,
                                       .value = hub_amqp_text("body")};
    struct hub_amqp_message read = again(&message);

    (void) state;
    assert_int_equal(read.nproperties, EDGE_ARRAY_LEN(pairs));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(read.properties[i].value.kind, pairs[i].value.kind);
        assert_true(read.properties[i].value.i == pairs[i].value.i);
    }
    assert_true(equal(read.properties[4].value.s, "06b98d5b-8229-4c7e-9ab4-23563e2cf7e5"));
    assert_int_equal(read.properties[5].value.values[1].n, 2);
    assert_true(equal(read.properties[5].value.values[1].values[1].s, "1"));
    assert_true(equal(read.data, "body"));
}

static void test_data_sections_are_joined(void **state)
{
    static const uint8_t two[] = {0, 0x53, 0x75, 0xa0, 2, 'a', 'b', 0, 0x53, 0x75, 0xa0, 1, 'c'};
    struct hub_amqp_message read;

    (void) state;
    assert_int_equal(hub_amqp_message_read(&arena, (struct edge_bytes){two, sizeof two}, &read), 0);
    assert_int_equal(read.body, HUB_AMQP_BODY_DATA);
    assert_true(equal(read.data, "abc"));
}

/* As many as a batch has, and more than the arena would hold if each were joined anew. */
static void test_many_data_sections_are_joined(void **state)
{
    enum { SECTIONS = 60, SECTION = 10000 };
    struct hub_amqp_value binary = {.kind = HUB_AMQP_BINARY, .s = {calloc(SECTION, 1), SECTION}};
    struct hub_amqp_message read;

    (void) state;
    for (size_t i = 0; i < SECTIONS; i++) {
        hub_amqp_descriptor_write(&out, 0x75);
        hub_amqp_value_write(&out, &binary);
    }
    free((void *) binary.s.data);
    assert_int_equal(
        hub_amqp_message_read(&arena, (struct edge_bytes){(uint8_t *) out.data, out.len}, &read),
        0);
    assert_int_equal(read.data.len, SECTIONS * SECTION);
}

static void test_what_is_malformed_is_refused(void **state)
{
    static const uint8_t nul[] = {0, 0x53, 0x73, 0xc0, 7, 3, 0x40, 0x40, 0xa1, 2, 'a', 0};
    static const uint8_t mixed[] = {0, 0x53, 0x77, 0x40, 0, 0x53, 0x75, 0xa0, 0};
    static const uint8_t unknown[] = {0, 0x53, 0x10, 0x45};
    struct hub_amqp_message read;

    (void) state;
    assert_int_equal(hub_amqp_message_read(&arena, (struct edge_bytes){nul, sizeof nul}, &read),
                     EDGE_EPROTOCOL);
    assert_int_equal(hub_amqp_message_read(&arena, (struct edge_bytes){mixed, sizeof mixed}, &read),
                     EDGE_EPROTOCOL);
    assert_int_equal(
        hub_amqp_message_read(&arena, (struct edge_bytes){unknown, sizeof unknown}, &read),
        EDGE_EPROTOCOL);
}

static void test_properties_of_telemetry(void **state)
{
    struct hub_amqp_pair properties[] = {
        {"iothub-outputname", hub_amqp_text("out1")},
        {"n", {.kind = HUB_AMQP_INT, .i = 5}},
        {"b", {.kind = HUB_AMQP_BOOL, .i = 1}},
        {"none", {0}},
    };
    struct hub_amqp_pair annotation = {"iothub-interface-id", hub_amqp_text("urn:x")};
    struct hub_amqp_message message = {
        .message_id = {.kind = HUB_AMQP_ULONG, .i = 7},
        .user_id = {(const uint8_t *) "me", 2},
        .expiry_ms = 1700000000000,
        .annotations = &annotation,
        .nannotations = 1,
        .properties = properties,
        .nproperties = EDGE_ARRAY_LEN(properties),
        .body = HUB_AMQP_BODY_DATA,
    };
    struct edge_message m;

    (void) state;
    assert_int_equal(hub_amqp_from_client(&message, &m, NULL), 0);
    assert_string_equal(m.sys[EDGE_SYS_MESSAGE_ID], "7");
    assert_string_equal(m.sys[EDGE_SYS_USER_ID], "me");
    assert_string_equal(m.sys[EDGE_SYS_OUTPUT], "out1");
    assert_string_equal(m.sys[EDGE_SYS_INTERFACE_ID], "urn:x");
    assert_string_equal(m.sys[EDGE_SYS_EXPIRY], "2023-11-14T22:13:20.0000000Z");
    assert_int_equal(m.nproperties, 3);
    assert_string_equal(m.properties[0].value, "5");
    assert_string_equal(m.properties[1].value, "true");
    assert_null(m.properties[2].value);
    edge_message_fini(&m);
}

/* What a client has said of its message it says to IoT Hub and, but for the output, to a client. */
static void test_every_property_goes_both_ways(void **state)
{
    static const struct {
        enum edge_sys which;
        const char *value;
    } all[] = {
        {EDGE_SYS_MESSAGE_ID, "m 1"},
        {EDGE_SYS_CORRELATION_ID, "c"},
        {EDGE_SYS_TO, "/devices/a%20b/x"},
        {EDGE_SYS_USER_ID, "u"},
        {EDGE_SYS_CONTENT_TYPE, "text/x"},
        {EDGE_SYS_CONTENT_ENCODING, "utf-8"},
        {EDGE_SYS_OUTPUT, "out1"},
        {EDGE_SYS_SCHEMA, "s1"},
        {EDGE_SYS_CREATION_TIME, "2026-01-01T00:00:00Z"},
        {EDGE_SYS_INTERFACE_ID, "urn:x"},
        {EDGE_SYS_SUBJECT, "component"},
        {EDGE_SYS_ACK, "full"},
    };
    struct hub_amqp_pair properties[] = {
        {"iothub-outputname", hub_amqp_text("out1")},
        {"IoTHub-Message-Schema", hub_amqp_text("s1")},
        {"iothub-creation-time-utc", hub_amqp_text("2026-01-01T00:00:00Z")},
        {"iothub-ack", hub_amqp_text("full")},
        {"iothub-operation", hub_amqp_text("op")},
        {"k", hub_amqp_text("")},
    };
    struct hub_amqp_pair annotations[] = {
        {"iothub-interface-id", hub_amqp_text("urn:x")},
        {"dt-subject", hub_amqp_text("component")},
    };
    const struct hub_amqp_message sent = {
        .message_id = hub_amqp_text("m 1"),
        .correlation_id = hub_amqp_text("c"),
        .to = "/devices/a%20b/x",
        .user_id = {(const uint8_t *) "u", 1},
        .content_type = "text/x",
        .content_encoding = "utf-8",
        .annotations = annotations,
        .nannotations = EDGE_ARRAY_LEN(annotations),
        .properties = properties,
        .nproperties = EDGE_ARRAY_LEN(properties),
        .body = HUB_AMQP_BODY_DATA,
    };
    struct hub_amqp_message read = again(&sent);
    struct edge_message m, back;

    (void) state;
    assert_int_equal(hub_amqp_from_client(&read, &m, NULL), 0);
    for (int way = 0; way < 2; way++) {
        struct hub_amqp_message given;

        edge_buf_fini(&out);
        assert_int_equal((way ? hub_amqp_to_cloud : hub_amqp_to_client)(&m, &arena, &given), 0);
        given = again(&given);
        assert_int_equal(hub_amqp_from_cloud(&given, &back), 0);
        for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
            assert_string_equal(m.sys[all[i].which], all[i].value);
            if (all[i].which == EDGE_SYS_OUTPUT && !way)
                assert_null(back.sys[EDGE_SYS_OUTPUT]);
            else
                assert_string_equal(back.sys[all[i].which], all[i].value);
        }
        assert_int_equal(back.nproperties, 2);
        assert_string_equal(back.properties[0].name, "iothub-operation");
        assert_string_equal(back.properties[0].value, "op");
        assert_string_equal(back.properties[1].value, "");
        edge_message_fini(&back);
    }
    edge_message_fini(&m);
}

static const char *annotation(const struct hub_amqp_message *message, const char *name)
{
    const struct hub_amqp_value *value =
        hub_amqp_find(message->annotations, message->nannotations, name);
    static char text[64];

    assert_non_null(value);
    assert_true(value->s.len < sizeof text);
    memcpy(text, value->s.data, value->s.len);
    text[value->s.len] = '\0';
    return text;
}

static void test_a_message_for_an_input_names_it_and_its_sender(void **state)
{
    struct edge_message m = {.delivery_count = 1};
    struct hub_amqp_message message;

    (void) state;
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_INPUT, "in1"), 0);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_ORIGIN_DEVICE, "edge1"), 0);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_ORIGIN_MODULE, "modA"), 0);
    assert_int_equal(hub_amqp_to_client(&m, &arena, &message), 0);
    message = again(&message);
    assert_string_equal(annotation(&message, "x-opt-input-name"), "in1");
    assert_string_equal(annotation(&message, "iothub-connection-device-id"), "edge1");
    assert_string_equal(annotation(&message, "iothub-connection-module-id"), "modA");
    assert_null(hub_amqp_find(message.annotations, message.nannotations, "x-opt-lock-token"));
    edge_message_fini(&m);
}

static void test_text_that_is_no_utf8_is_refused(void **state)
{
    struct hub_amqp_pair property = {"k", {.kind = HUB_AMQP_STRING, .s = {(uint8_t *) "\xff", 1}}};
    struct hub_amqp_message message = {.properties = &property, .nproperties = 1};
    struct edge_message m;

    (void) state;
    assert_int_equal(hub_amqp_from_client(&message, &m, NULL), EDGE_EINVALID);
    edge_message_fini(&m);
}

static void test_a_message_from_the_cloud(void **state)
{
    struct edge_message m = {.enqueued_ns = 5000000, .delivery_count = 2, .sequence = 9};
    struct hub_amqp_message message;

    (void) state;
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_MESSAGE_ID, "id"), 0);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_ACK, "full"), 0);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_EXPIRY, "2023-11-14T22:13:20Z"), 0);
    assert_int_equal(edge_message_add(&m, "k", "v"), 0);
    memcpy(m.lock_token, "06b98d5b-8229-4c7e-9ab4-23563e2cf7e5", 37);
    assert_int_equal(hub_amqp_to_client(&m, &arena, &message), 0);
    message = again(&message);
    assert_true(message.expiry_ms == 1700000000000);
    assert_int_equal(message.delivery_count, 2);
    assert_true(
        hub_amqp_is(hub_amqp_find(message.properties, message.nproperties, "iothub-ack"), "full"));
    assert_int_equal(
        hub_amqp_find(message.annotations, message.nannotations, "x-opt-lock-token")->kind,
        HUB_AMQP_UUID);
    assert_int_equal(
        hub_amqp_find(message.annotations, message.nannotations, "iothub-enqueuedtime")->i, 5);
    assert_int_equal(message.body, HUB_AMQP_BODY_DATA); /* if an empty one: the SDKs want it */
    edge_message_fini(&m);
}

/* As a client of IoT Hub sees both directions. */
static void test_messages_to_and_from_iot_hub(void **state)
{
    struct edge_message m = {.enqueued_ns = 5000000, .delivery_count = 2, .sequence = 9}, back;
    struct hub_amqp_message message;

    (void) state;
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_OUTPUT, "out1"), 0);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_INTERFACE_ID, "urn:x"), 0);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_ORIGIN_DEVICE, "somebody else"), 0);
    assert_int_equal(edge_message_add(&m, "k", "v"), 0);
    memcpy(m.lock_token, "06b98d5b-8229-4c7e-9ab4-23563e2cf7e5", 37);
    assert_int_equal(hub_amqp_to_cloud(&m, &arena, &message), 0);
    message = again(&message);
    assert_int_equal(message.nannotations, 1); /* whose it is the link says, and nothing else */
    assert_true(hub_amqp_is(
        hub_amqp_find(message.annotations, message.nannotations, "iothub-interface-id"), "urn:x"));
    assert_int_equal(message.nproperties, 2);
    assert_true(hub_amqp_is(
        hub_amqp_find(message.properties, message.nproperties, "iothub-outputname"), "out1"));
    assert_int_equal(hub_amqp_to_client(&m, &arena, &message), 0);
    message = again(&message);
    assert_int_equal(hub_amqp_from_cloud(&message, &back), 0);
    assert_true(back.enqueued_ns == m.enqueued_ns);
    assert_int_equal(back.delivery_count, 2);
    assert_int_equal(back.sequence, 9);
    assert_string_equal(back.lock_token, m.lock_token);
    assert_string_equal(back.properties[0].value, "v");
    edge_message_fini(&back);
    edge_message_fini(&m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_kind_of_value_comes_back),
        TEST(test_data_sections_are_joined),
        TEST(test_many_data_sections_are_joined),
        TEST(test_what_is_malformed_is_refused),
        TEST(test_properties_of_telemetry),
        TEST(test_text_that_is_no_utf8_is_refused),
        TEST(test_a_message_from_the_cloud),
        TEST(test_messages_to_and_from_iot_hub),
        TEST(test_every_property_goes_both_ways),
        TEST(test_a_message_for_an_input_names_it_and_its_sender),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
