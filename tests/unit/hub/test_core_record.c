/* Messages as bytes of the store. */
#include "hub/core/internal.h"
#include "tests/unit/test.h"

static const struct edge_identity sender = {"edge1", "sensor"};

static void make(struct edge_message *m)
{
    assert_int_equal(edge_message_set_sys(m, EDGE_SYS_MESSAGE_ID, "m1"), 0);
    assert_int_equal(edge_message_set_sys(m, EDGE_SYS_OUTPUT, "out"), 0);
    assert_int_equal(edge_message_add(m, "colour", "gr\xc3\xbcn"), 0);
    assert_int_equal(edge_message_add(m, "alone", NULL), 0);
    assert_int_equal(edge_message_add(m, "empty", ""), 0);
    assert_int_equal(edge_message_set_body(m, "a\0b", 3), 0);
}

static void test_what_was_written_is_read(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(10000);
    struct edge_message m = {0};
    struct hub_record r;

    (void) state;
    make(&m);
    assert_int_equal(hub_record_write(&m, &sender, &out), 0);
    assert_int_equal(hub_record_read((struct edge_bytes){(uint8_t *) out.data, out.len}, &r), 0);
    assert_true(edge_identity_equal(&r.sender, &sender));
    assert_string_equal(r.message.sys[EDGE_SYS_MESSAGE_ID], "m1");
    assert_string_equal(r.message.sys[EDGE_SYS_OUTPUT], "out");
    assert_null(r.message.sys[EDGE_SYS_CONTENT_TYPE]);
    assert_int_equal(r.message.nproperties, 3);
    assert_string_equal(r.message.properties[0].name, "colour");
    assert_string_equal(r.message.properties[0].value, "gr\xc3\xbcn");
    assert_null(r.message.properties[1].value);
    assert_string_equal(r.message.properties[2].value, "");
    assert_int_equal(r.message.len, 3);
    assert_memory_equal(r.message.body, "a\0b", 3);
    edge_message_fini(&m);
}

static void test_the_origin_is_the_sender_whatever_it_claims(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(10000);
    const struct edge_identity device = {"leaf", ""};
    struct edge_message m = {0};
    struct hub_record r;

    (void) state;
    make(&m);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_ORIGIN_DEVICE, "another"), 0);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_ORIGIN_MODULE, "liar"), 0);
    assert_int_equal(edge_message_set_sys(&m, EDGE_SYS_INPUT, "in"), 0);
    assert_int_equal(hub_record_write(&m, &device, &out), 0);
    assert_int_equal(hub_record_read((struct edge_bytes){(uint8_t *) out.data, out.len}, &r), 0);
    assert_string_equal(r.message.sys[EDGE_SYS_ORIGIN_DEVICE], "leaf");
    assert_null(r.message.sys[EDGE_SYS_ORIGIN_MODULE]);
    assert_null(r.message.sys[EDGE_SYS_INPUT]);
    edge_message_fini(&m);
}

static void test_a_record_cut_anywhere_is_refused_or_shorter(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(10000);
    struct edge_message m = {0};
    struct hub_record r;

    (void) state;
    make(&m);
    assert_int_equal(hub_record_write(&m, &sender, &out), 0);
    for (size_t len = 0; len + 3 < out.len; len++) {
        uint8_t *copy = malloc(len ? len : 1);

        memcpy(copy, out.data, len);
        assert_int_equal(hub_record_read((struct edge_bytes){copy, len}, &r), EDGE_EPROTOCOL);
        free(copy);
    }
    out.data[0] = 2;
    assert_int_equal(hub_record_read((struct edge_bytes){(uint8_t *) out.data, out.len}, &r),
                     EDGE_EPROTOCOL);
    edge_message_fini(&m);
}

static void test_too_large_is_refused(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(20);
    struct edge_message m = {0};

    (void) state;
    make(&m);
    assert_int_equal(hub_record_write(&m, &sender, &out), EDGE_ELIMIT);
    edge_message_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_the_origin_is_the_sender_whatever_it_claims),
        cmocka_unit_test(test_a_record_cut_anywhere_is_refused_or_shorter),
        cmocka_unit_test(test_too_large_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
