#include "tests/unit/test.h"

#include "agent/logs/stream.h"
#include "common/base/bytes.h"

/* Emitted lines, each followed by '|'. */
static void collect(const char *text, size_t len, void *arg)
{
    struct edge_buf *got = arg;

    assert_int_equal(edge_buf_append(got, text, len), 0);
    assert_int_equal(edge_buf_append(got, "|", 1), 0);
}

static void feed(struct log_stream *stream, const char *text, size_t len, struct edge_buf *got)
{
    while (len > 0) {
        char *data;
        size_t room = log_stream_room(stream, &data);
        size_t n = len < room ? len : room;

        assert_true(room > 0);
        memcpy(data, text, n);
        log_stream_add(stream, n, collect, got);
        text += n;
        len -= n;
    }
}

static void test_lines_come_out_whole_however_they_came_in(void **state)
{
    static const char text[] = "one\n\ntwo three\nfour";

    (void) state;
    for (size_t step = 1; step < sizeof text; step++) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf got;
        static struct log_stream stream;

        edge_buf_init(&got, 1000);
        stream.len = 0;
        for (size_t at = 0; at < sizeof text - 1; at += step)
            feed(&stream, text + at, at + step < sizeof text ? step : sizeof text - 1 - at, &got);
        assert_string_equal(got.data, "one\n|\n|two three\n|");
        log_stream_flush(&stream, collect, &got);
        log_stream_flush(&stream, collect, &got);
        assert_string_equal(got.data, "one\n|\n|two three\n|four|");
    }
}

static void count(const char *text, size_t len, void *arg)
{
    size_t *lens = arg;

    (void) text;
    lens[++lens[0]] = len;
}

static void add(struct log_stream *stream, char c, size_t len, size_t *lens)
{
    while (len > 0) {
        char *data;
        size_t room = log_stream_room(stream, &data);
        size_t n = len < room ? len : room;

        memset(data, c, n);
        log_stream_add(stream, n, count, lens);
        len -= n;
    }
}

static void test_a_long_line_is_cut_into_pieces_of_16_kib(void **state)
{
    static struct log_stream stream;
    size_t lens[8] = {0};
    (void) state;

    add(&stream, 'x', 40000, lens);
    add(&stream, '\n', 1, lens);
    assert_int_equal(lens[0], 3);
    assert_int_equal(lens[1], LOG_PIECE);
    assert_int_equal(lens[2], LOG_PIECE);
    assert_int_equal(lens[3], 40001 - 2 * LOG_PIECE);
}

static void test_a_line_of_exactly_16_kib_stays_whole(void **state)
{
    static struct log_stream stream;
    size_t lens[8] = {0};
    (void) state;

    add(&stream, 'x', LOG_PIECE, lens);
    assert_int_equal(lens[0], 0);
    add(&stream, '\n', 1, lens);
    assert_int_equal(lens[0], 1);
    assert_int_equal(lens[1], LOG_PIECE + 1);
}

static void test_a_cut_falls_between_characters(void **state)
{
    static struct log_stream stream;
    size_t lens[8] = {0};
    (void) state;

    add(&stream, 'x', LOG_PIECE - 1, lens);
    add(&stream, '\xc3', 1, lens);
    add(&stream, '\xa9', 1, lens);
    assert_int_equal(lens[0], 1);
    assert_int_equal(lens[1], LOG_PIECE - 1);
    assert_int_equal(stream.len, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_come_out_whole_however_they_came_in),
        cmocka_unit_test(test_a_long_line_is_cut_into_pieces_of_16_kib),
        cmocka_unit_test(test_a_line_of_exactly_16_kib_stays_whole),
        cmocka_unit_test(test_a_cut_falls_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
