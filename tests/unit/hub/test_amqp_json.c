/* Bodies that are neither data nor text, as JSON. */
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>

#include "common/json/json.h"
#include "hub/amqp/json.h"
#include "hub/amqp/mapping.h"
#include "hub/amqp/message.h"

#define BYTES(text)                                                                                \
    ((struct edge_bytes){(const uint8_t *) (text), sizeof(text) - 1}) /* with its NULs */

static struct edge_buf out;
static struct edge_err err;

static int setup(void **state)
{
    (void) state;
    err = (struct edge_err){0};
    edge_buf_init(&out, EDGE_MESSAGE_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    edge_buf_fini(&out);
    return 0;
}

static const char *json(struct edge_bytes value)
{
    edge_buf_fini(&out);
    assert_int_equal(hub_amqp_json(&out, value, false, &err), 0);
    return out.data;
}

static void refused(struct edge_bytes value, const char *why)
{
    edge_buf_fini(&out);
    assert_int_equal(hub_amqp_json(&out, value, false, &err), EDGE_EINVALID);
    assert_non_null(strstr(err.text, why));
}

static void test_whole_numbers_keep_every_digit(void **state)
{
    const struct {
        struct edge_bytes value;
        const char *text;
    } cases[] = {
        {BYTES("\x40"), "null"},
        {BYTES("\x41"), "true"},
        {BYTES("\x42"), "false"},
        {BYTES("\x56\0"), "false"},
        {BYTES("\x56\1"), "true"},
        {BYTES("\x43"), "0"},
        {BYTES("\x44"), "0"},
        {BYTES("\x50\xff"), "255"},
        {BYTES("\x51\xff"), "-1"},
        {BYTES("\x60\xff\xff"), "65535"},
        {BYTES("\x61\x80\0"), "-32768"},
        {BYTES("\x52\xff"), "255"},
        {BYTES("\x70\xff\xff\xff\xff"), "4294967295"},
        {BYTES("\x54\x80"), "-128"},
        {BYTES("\x71\x80\0\0\0"), "-2147483648"},
        {BYTES("\x53\x07"), "7"},
        {BYTES("\x80\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615"},
        {BYTES("\x80\0\x20\0\0\0\0\0\1"), "9007199254740993"}, /* no double is this */
        {BYTES("\x55\xfe"), "-2"},
        {BYTES("\x81\x80\0\0\0\0\0\0\0"), "-9223372036854775808"},
    };

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++)
        assert_string_equal(json(cases[i].value), cases[i].text);
}

static const char *of_double(double number)
{
    static uint8_t bytes[9];
    uint64_t bits;

    memcpy(&bits, &number, sizeof bits);
    bytes[0] = 0x82;
    for (size_t i = 0; i < 8; i++)
        bytes[1 + i] = (uint8_t) (bits >> 8 * (7 - i));
    return json((struct edge_bytes){bytes, sizeof bytes});
}

static void test_floating_numbers_are_the_shortest_that_read_back(void **state)
{
    static const double hard[] = {0.1,
                                  1 / 3.0,
                                  5e-324,
                                  2.2250738585072014e-308,
                                  1e23,
                                  123456789.125,
                                  1.7976931348623157e308,
                                  9007199254740993.0};

    (void) state;
    assert_string_equal(of_double(0.1), "0.1");
    assert_string_equal(of_double(21.5), "21.5");
    assert_string_equal(of_double(100000), "100000");
    assert_string_equal(of_double(-0.0), "-0");
    assert_string_equal(of_double(5e-324), "5e-324");
    for (size_t i = 0; i < EDGE_ARRAY_LEN(hard); i++)
        assert_true(strtod(of_double(hard[i]), NULL) == hard[i]);
    assert_string_equal(json(BYTES("\x72\x3d\xcc\xcc\xcd")), "0.1"); /* a float */
    assert_string_equal(json(BYTES("\x72\x7f\x7f\xff\xff")), "3.4028235e+38");
    assert_string_equal(json(BYTES("\x72\0\0\0\1")), "1e-45");
    refused(BYTES("\x82\x7f\xf8\0\0\0\0\0\0"), "not finite");
    refused(BYTES("\x82\xff\xf0\0\0\0\0\0\0"), "not finite");
    refused(BYTES("\x72\x7f\x80\0\0"), "not finite");
}

static void test_texts_times_and_ids(void **state)
{
    (void) state;
    assert_string_equal(json(BYTES("\xa1\x06"
                                   "a\"\\\n\x01/")),
                        "\"a\\\"\\\\\\n\\u0001/\"");
    assert_string_equal(json(BYTES("\xb1\0\0\0\x02"
                                   "\xc3\xa9")),
                        "\"\xc3\xa9\"");
    assert_string_equal(json(BYTES("\xa1\0")), "\"\"");
    assert_string_equal(json(BYTES("\xa3\x02"
                                   "hi")),
                        "\"hi\"");
    assert_string_equal(json(BYTES("\x73\0\0\0A")), "\"A\"");
    assert_string_equal(json(BYTES("\x73\0\0\0\xe9")), "\"\xc3\xa9\"");
    assert_string_equal(json(BYTES("\x73\0\0\x20\xac")), "\"\xe2\x82\xac\"");
    assert_string_equal(json(BYTES("\x73\0\1\xf6\0")), "\"\xf0\x9f\x98\x80\"");
    assert_string_equal(
        json(BYTES("\x98\x06\xb9\x8d\x5b\x82\x29\x4c\x7e\x9a\xb4\x23\x56\x3e\x2c\xf7\xe5")),
        "\"06b98d5b-8229-4c7e-9ab4-23563e2cf7e5\"");
    assert_string_equal(json(BYTES("\x83\0\0\1\x8b\xcf\xe5\x68\x7b")),
                        "\"2023-11-14T22:13:20.123Z\"");
    assert_string_equal(json(BYTES("\x83\xff\xff\xff\xff\xff\xff\xff\xff")),
                        "\"1969-12-31T23:59:59.999Z\"");
    refused(BYTES("\xa1\x01\xff"), "not UTF-8");
    refused(BYTES("\x73\0\x11\0\0"), "character");
    refused(BYTES("\x73\0\0\xd8\0"), "not UTF-8"); /* half a pair of UTF-16 */
    refused(BYTES("\x83\x7f\xff\xff\xff\xff\xff\xff\xff"), "years");
    refused(BYTES("\x83\x80\0\0\0\0\0\0\0"), "years");
}

static void test_lists_arrays_and_maps(void **state)
{
    (void) state;
    assert_string_equal(json(BYTES("\x45")), "[]");
    assert_string_equal(json(BYTES("\xc0\x01\0")), "[]");
    assert_string_equal(json(BYTES("\xc1\x01\0")), "{}");
    assert_string_equal(json(BYTES("\xe0\x02\0\x50")), "[]");
    assert_string_equal(json(BYTES("\xc0\x07\x03\x41\xa1\x01x\xc1\x01\0")), "[true,\"x\",{}]");
    assert_string_equal(json(BYTES("\xe0\x04\x02\x50\x01\x02")), "[1,2]");
    assert_string_equal(json(BYTES("\xf0\0\0\0\x09\0\0\0\x02\xa1\x01y\x01z")), "[\"y\",\"z\"]");
    assert_string_equal(json(BYTES("\xc1\x12\x04\xa1\x08sequence\x54\x07\xa3\x01s\x40")),
                        "{\"sequence\":7,\"s\":null}");
    assert_string_equal(json(BYTES("\xc1\x10\x04\xa1\x01"
                                   "a\xc1\x04\x02\xa1\0\x40\xa1\x01"
                                   "b\x45")),
                        "{\"a\":{\"\":null},\"b\":[]}");
}

static void test_what_has_no_exact_form_is_named(void **state)
{
    (void) state;
    refused(BYTES("\xc1\x04\x02\x50\x01\x40"), "a key that is no text");
    refused(BYTES("\xc1\x05\x02\xa0\x01"
                  "a\x40"),
            "a key that is no text");
    refused(BYTES("\xc1\x09\x04\xa1\x01"
                  "a\x40\xa3\x01"
                  "a\x41"),
            "a key twice");
    refused(BYTES("\xc0\x04\x01\xa0\x01"
                  "a"),
            "bytes inside");
    refused(BYTES("\xc0\x05\x01\0\x53\x01\x40"), "described");
    refused(BYTES("\0\x53\x01\xc0\x01\0"), "described");
    refused(BYTES("\x74\0\0\0\0"), "decimal");
    refused(BYTES("\x57\0"), "unknown type");
    refused(BYTES("\xc2\x01\0"), "unknown type");
    refused(BYTES("\xc0\x03\x02\x41"), "malformed");
    refused(BYTES("\xa1\x03"
                  "ab"),
            "malformed");
}

static struct edge_bytes nested(uint8_t *bytes, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) {
        size_t rest = 9 * (depth - i) - 5;

        memcpy(
            bytes + (size_t) 9 * i,
            (uint8_t[]){0xd0, 0, 0, (uint8_t) (rest >> 8), (uint8_t) rest, 0, 0, 0, i + 1 < depth},
            9);
    }
    return (struct edge_bytes){bytes, (size_t) 9 * depth};
}

/* As deep as a route reads it. */
static void test_depth_is_what_the_json_room_reads(void **state)
{
    uint8_t bytes[9 * (EDGE_JSON_DEPTH + 1)];
    struct edge_json *value = NULL;
    unsigned depth = EDGE_JSON_DEPTH - 1;

    (void) state;
    json(nested(bytes, depth));
    assert_int_equal(edge_json_parse(out.data, out.len, &value, NULL), 0);
    edge_json_free(value);
    refused(nested(bytes, depth + 1), "too deep");
}

static void test_the_text_is_bounded(void **state)
{
    static const uint8_t zeros[] = {0xf0, 0, 0, 0, 5, 0, 2, 0, 1, 0x43}; /* 131,073 times uint 0 */

    (void) state;
    assert_int_equal(hub_amqp_json(&out, (struct edge_bytes){zeros, sizeof zeros}, false, &err),
                     -EMSGSIZE);
    assert_true(out.len <= EDGE_MESSAGE_MAX);
}

/* Whole messages */

static void mapped(struct edge_bytes encoded, int rc, struct edge_message *ret)
{
    struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(1 << 20);
    struct hub_amqp_message message;

    assert_int_equal(hub_amqp_message_read(&arena, encoded, &message), 0);
    assert_int_equal(hub_amqp_from_client(&message, ret, &err), rc);
    hub_amqp_arena_fini(&arena);
}

static void body(struct edge_bytes encoded, const char *text, const char *type,
                 const char *encoding)
{
    struct edge_message m;

    mapped(encoded, 0, &m);
    assert_int_equal(m.len, strlen(text));
    assert_memory_equal(m.body, text, m.len);
    if (type)
        assert_string_equal(m.sys[EDGE_SYS_CONTENT_TYPE], type);
    else
        assert_null(m.sys[EDGE_SYS_CONTENT_TYPE]);
    if (encoding)
        assert_string_equal(m.sys[EDGE_SYS_CONTENT_ENCODING], encoding);
    else
        assert_null(m.sys[EDGE_SYS_CONTENT_ENCODING]);
    edge_message_fini(&m);
}

static void test_text_and_bytes_stand_for_themselves(void **state)
{
    (void) state;
    body(BYTES("\0\x53\x77\xa1\x02hi"), "hi", NULL, NULL);
    body(BYTES("\0\x53\x77\xa3\x02hi"), "hi", NULL, NULL);
    body(BYTES("\0\x53\x77\xb0\0\0\0\x02hi"), "hi", NULL, NULL);
    body(BYTES("\0\x53\x75\xa0\x02hi"), "hi", NULL, NULL);
    body(BYTES(""), "", NULL, NULL);
}

static void test_other_bodies_are_said_to_be_json(void **state)
{
    (void) state;
    body(BYTES("\0\x53\x77\xc1\x0d\x02\xa1\x08sequence\x54\x01"), "{\"sequence\":1}",
         "application/json", "utf-8");
    body(BYTES("\0\x53\x77\x54\x05"), "5", "application/json", "utf-8");
    body(BYTES("\0\x53\x77\x40"), "null", "application/json", "utf-8");
    /* properties: content-type is the seventh, content-encoding the eighth */
    body(BYTES("\0\x53\x73\xc0\x0b\x07\x40\x40\x40\x40\x40\x40\xa3\x02xy\0\x53\x77\x41"), "true",
         "xy", "utf-8");
    body(BYTES("\0\x53\x73\xc0\x0c\x08\x40\x40\x40\x40\x40\x40\x40\xa3\x02xy\0\x53\x77\x41"),
         "true", "application/json", "xy");
}

static void test_sequences_are_one_array(void **state)
{
    (void) state;
    body(BYTES("\0\x53\x76\x45"), "[]", "application/json", "utf-8");
    body(BYTES("\0\x53\x76\xc0\x03\x02\x41\x42"), "[true,false]", "application/json", "utf-8");
    body(BYTES("\0\x53\x76\xc0\x02\x01\x41\0\x53\x76\x45\0\x53\x76\xc0\x03\x02\x42\x40"),
         "[true,false,null]", "application/json", "utf-8");
}

static void test_a_body_without_a_json_form_says_why(void **state)
{
    struct edge_message m;

    (void) state;
    mapped(BYTES("\0\x53\x77\x82\x7f\xf8\0\0\0\0\0\0"), EDGE_EINVALID, &m);
    assert_string_equal(err.text, "the body has no exact JSON form: a number that is not finite");
    edge_message_fini(&m);
    mapped(BYTES("\0\x53\x76\xc0\x04\x01\xa0\x01"
                 "a"),
           EDGE_EINVALID, &m);
    assert_non_null(strstr(err.text, "bytes inside"));
    edge_message_fini(&m);
}

static void id(struct edge_bytes encoded, const char *text)
{
    struct edge_message m;

    mapped(encoded, 0, &m);
    assert_string_equal(m.sys[EDGE_SYS_MESSAGE_ID], text);
    edge_message_fini(&m);
}

static void test_ids_of_every_type_are_text(void **state)
{
    (void) state;
    id(BYTES("\0\x53\x73\xc0\x03\x01\x53\x07"), "7");
    id(BYTES("\0\x53\x73\xc0\x0a\x01\x80\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615");
    id(BYTES("\0\x53\x73\xc0\x02\x01\x44"), "0");
    id(BYTES("\0\x53\x73\xc0\x05\x01\xa1\x02hi"), "hi");
    id(BYTES("\0\x53\x73\xc0\x05\x01\xa0\x02hi"), "hi");
    id(BYTES("\0\x53\x73\xc0\x05\x01\xa0\x02\xff\0"), "ff00");
    id(BYTES("\0\x53\x73\xc0\x12\x01\x98\x06\xb9\x8d\x5b\x82\x29\x4c\x7e\x9a\xb4\x23\x56\x3e\x2c"
             "\xf7\xe5"),
       "06b98d5b-8229-4c7e-9ab4-23563e2cf7e5");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_whole_numbers_keep_every_digit),
        TEST(test_floating_numbers_are_the_shortest_that_read_back),
        TEST(test_texts_times_and_ids),
        TEST(test_lists_arrays_and_maps),
        TEST(test_what_has_no_exact_form_is_named),
        TEST(test_depth_is_what_the_json_room_reads),
        TEST(test_the_text_is_bounded),
        TEST(test_text_and_bytes_stand_for_themselves),
        TEST(test_other_bodies_are_said_to_be_json),
        TEST(test_sequences_are_one_array),
        TEST(test_a_body_without_a_json_form_says_why),
        TEST(test_ids_of_every_type_are_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
