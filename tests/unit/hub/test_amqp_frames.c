/* Which frames of a client reach the engine. */
#include "tests/unit/test.h"

#include "common/base/err.h"
#include "hub/amqp/frames.h"
#include "hub/amqp/walk.h"

static struct hub_amqp_frames frames;

static int setup(void **state)
{
    (void) state;
    hub_amqp_frames_init(&frames, 2, 4);
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    hub_amqp_frames_fini(&frames);
    return 0;
}

/* @return how many bytes reach the engine, or negative */
static int give(const void *data, size_t len)
{
    struct edge_bytes bytes = {data, len};
    int passed = 0;

    while (bytes.len > 0) {
        struct hub_amqp_frame frame;
        int rc = hub_amqp_frames_next(&frames, &bytes, &frame);

        if (rc == HUB_AMQP_MORE)
            break;
        if (rc < 0)
            return rc;
        passed += (int) frame.bytes.len;
    }
    return passed;
}

/* A frame of a performative with these fields (already encoded). */
static int send(uint8_t channel, uint8_t code, const void *fields, size_t len, uint8_t count)
{
    uint8_t frame[64] = {0, 0, 0, 0, 2, 0, 0, channel, 0, 0x53, code, 0xc0};

    frame[3] = (uint8_t) (14 + len);
    frame[12] = (uint8_t) (len + 1);
    frame[13] = count;
    memcpy(frame + 14, fields, len);
    return give(frame, 14 + len);
}

static void begin(void)
{
    assert_int_equal(give("AMQP\0\1\0\0", 8), 8);
    assert_true(send(0, 0x10, "\xa1\1c", 3, 1) > 0);
    assert_true(send(0, 0x11, "\x40\x43\x43\x43", 4, 4) > 0);
}

static int attach(uint8_t handle)
{
    uint8_t fields[] = {0xa1, 1, 'n', 0x52, handle, 0x42};

    return send(0, 0x12, fields, sizeof fields, 3);
}

static int transfer(uint8_t handle, bool first, bool more)
{
    uint8_t fields[] = {0x52, handle, first ? 0x43 : 0x40, 0x40, 0x40, 0x42, more ? 0x41 : 0x42};

    return send(0, 0x14, fields, sizeof fields, 6);
}

static void test_frames_come_in_any_pieces(void **state)
{
    static const uint8_t open[] = {0,    0,    0,    17, 2, 0,    0, 0,  0,
                                   0x53, 0x10, 0xc0, 4,  1, 0xa1, 1, 'c'};
    int passed = 0;

    (void) state;
    for (size_t i = 0; i < 8; i++)
        passed += give(&"AMQP\0\1\0\0"[i], 1);
    for (size_t i = 0; i < sizeof open; i++)
        passed += give(open + i, 1);
    assert_int_equal(passed, 8 + sizeof open);
}

static void test_frames_for_what_has_ended_are_passed_over(void **state)
{
    (void) state;
    begin();
    assert_true(attach(0) > 0);
    assert_true(transfer(0, true, false) > 0);
    assert_true(send(0, 0x16, "\x43\x41", 2, 2) > 0);
    assert_int_equal(transfer(0, true, false), 0);
    assert_int_equal(send(0, 0x16, "\x43\x41", 2, 2), 0);
    assert_true(send(0, 0x17, "", 0, 0) > 0);
    assert_int_equal(send(0, 0x15, "\x41\x43", 2, 2), 0);
    assert_int_equal(send(3, 0x17, "", 0, 0), 0);
    assert_true(send(0, 0x11, "\x40\x43\x43\x43", 4, 4) > 0); /* the channel may begin anew */
}

static void test_a_delivery_must_be_named_by_its_first_transfer(void **state)
{
    (void) state;
    begin();
    assert_true(attach(0) > 0);
    assert_true(transfer(0, true, true) > 0);
    assert_true(transfer(0, false, false) > 0);
    assert_int_equal(transfer(0, false, false), EDGE_EPROTOCOL);
}

static void test_limits(void **state)
{
    static const uint8_t huge[] = {0, 1, 0, 1, 2, 0, 0, 0};

    (void) state;
    begin();
    assert_true(attach(0) > 0);
    assert_true(attach(1) > 0);
    assert_int_equal(attach(1), EDGE_EPROTOCOL); /* there already */
    assert_int_equal(attach(2), EDGE_ELIMIT);
    assert_int_equal(give(huge, sizeof huge), EDGE_ELIMIT);
}

static int attach_on(uint8_t channel, uint8_t handle)
{
    uint8_t fields[] = {0xa1, 1, 'n', 0x52, handle, 0x42};

    return send(channel, 0x12, fields, sizeof fields, 3);
}

static int detach_on(uint8_t channel, uint8_t handle)
{
    uint8_t fields[] = {0x52, handle, 0x41};

    return send(channel, 0x16, fields, sizeof fields, 2);
}

static void test_each_channel_has_handles_of_its_own(void **state)
{
    (void) state;
    hub_amqp_frames_fini(&frames);
    hub_amqp_frames_init(&frames, 100, 4);
    begin();
    for (uint8_t channel = 1; channel < 4; channel++)
        assert_true(send(channel, 0x11, "\x40\x43\x43\x43", 4, 4) > 0);
    assert_int_equal(send(4, 0x11, "\x40\x43\x43\x43", 4, 4), EDGE_ELIMIT);
    for (uint8_t i = 0; i < 80; i++) /* not in the order in which they are kept */
        assert_true(attach_on(3 - i % 4, (uint8_t) (i / 4 * 7 % 20)) > 0);
    assert_int_equal(attach_on(2, 13), EDGE_EPROTOCOL);
    assert_true(detach_on(2, 13) > 0);
    assert_int_equal(detach_on(2, 13), 0);
    assert_true(attach_on(2, 13) > 0);
    assert_true(send(2, 0x17, "", 0, 0) > 0);
    assert_int_equal(detach_on(2, 14), 0);
    for (uint8_t i = 0; i < 20; i++) {
        assert_true(detach_on(1, i) > 0);
        assert_true(detach_on(3, i) > 0);
    }
    assert_true(send(2, 0x11, "\x40\x43\x43\x43", 4, 4) > 0);
    assert_true(attach_on(2, 13) > 0);
}

static void test_a_client_opens_once_and_first(void **state)
{
    (void) state;
    assert_int_equal(give("AMQP\0\1\0\0", 8), 8);
    assert_int_equal(send(0, 0x11, "\x40\x43\x43\x43", 4, 4), EDGE_EPROTOCOL);
    assert_true(send(0, 0x10, "\xa1\1c", 3, 1) > 0);
    assert_int_equal(send(0, 0x10, "\xa1\1c", 3, 1), EDGE_EPROTOCOL);
}

static void test_nesting_and_numbers_are_bounded(void **state)
{
    uint8_t deep[200];
    /* an array of 4 billion nulls, which take no room */
    static const uint8_t nulls[] = {0xf0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x40};
    static const uint8_t cut[] = {0xc0, 9, 1, 0x40};
    static const uint8_t half[] = {0xc1, 2, 1, 0x40};
    unsigned values = 1000;
    size_t len;

    (void) state;
    for (size_t i = 0; i < 60; i++) {
        deep[3 * i] = 0xc0;
        deep[3 * i + 1] = (uint8_t) (179 - 3 * i);
        deep[3 * i + 2] = 1;
    }
    deep[180] = 0x40;
    assert_int_equal(hub_amqp_walk((struct edge_bytes){deep, 181}, &values, &len), EDGE_ELIMIT);
    assert_int_equal(hub_amqp_walk((struct edge_bytes){nulls, sizeof nulls}, &values, &len),
                     EDGE_ELIMIT);
    assert_int_equal(hub_amqp_walk((struct edge_bytes){cut, sizeof cut}, &values, &len),
                     EDGE_EPROTOCOL);
    assert_int_equal(hub_amqp_walk((struct edge_bytes){half, sizeof half}, &values, &len),
                     EDGE_EPROTOCOL);
}

static void test_a_client_answers_no_begin(void **state)
{
    static const uint8_t answer[] = {0x60, 0, 0, 0x43, 0x43, 0x43};

    (void) state;
    begin();
    assert_int_equal(send(1, 0x11, answer, sizeof answer, 4), EDGE_EPROTOCOL);
}

static void test_a_client_hears_answers_alone(void **state)
{
    static const uint8_t answer[] = {0x60, 0, 0, 0x43, 0x43, 0x43};

    (void) state;
    frames.answers = true;
    assert_int_equal(give("AMQP\0\1\0\0", 8), 8);
    assert_true(send(0, 0x10, "\xa1\1c", 3, 1) > 0);
    assert_true(send(0, 0x11, answer, sizeof answer, 4) > 0);
    assert_true(attach(0) > 0);
    assert_int_equal(send(1, 0x11, "\x40\x43\x43\x43", 4, 4), EDGE_EPROTOCOL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_frames_come_in_any_pieces),
        TEST(test_frames_for_what_has_ended_are_passed_over),
        TEST(test_a_delivery_must_be_named_by_its_first_transfer),
        TEST(test_limits),
        TEST(test_each_channel_has_handles_of_its_own),
        TEST(test_a_client_opens_once_and_first),
        TEST(test_nesting_and_numbers_are_bounded),
        TEST(test_a_client_answers_no_begin),
        TEST(test_a_client_hears_answers_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
