#include "tests/unit/test.h"

#include "agent/cli/frames.h"
#include "agent/cli/table.h"
#include "common/base/err.h"

/* Texts with the stream before each change of it: "1:abc2:d". */
static int collect(bool from_stderr, struct edge_bytes text, void *arg)
{
    struct edge_buf *got = arg;
    static const char *const marks[] = {"1:", "2:"};
    static int last = -1;

    if (got->len == 0)
        last = -1;
    if (last != from_stderr)
        assert_int_equal(edge_buf_puts(got, marks[from_stderr]), 0);
    last = from_stderr;
    return edge_buf_append(got, text.data, text.len);
}

static int read_in_steps(const char *data, size_t len, size_t step, struct edge_buf *got,
                         bool *ret_whole)
{
    struct cli_frames frames = {0};
    int rc = 0;

    for (size_t at = 0; at < len && rc == 0; at += step) {
        size_t n = len - at < step ? len - at : step;

        rc = cli_frames_read(&frames, (struct edge_bytes){(const uint8_t *) data + at, n}, collect,
                             got);
    }
    *ret_whole = cli_frames_whole(&frames);
    return rc;
}

static void test_frames_are_joined_however_they_come(void **state)
{
    static const char data[] = "\x01\0\0\0\0\0\0\x03one\x02\0\0\0\0\0\0\x02tw\x01\0\0\0\0\0\0\0"
                               "\x02\0\0\0\0\0\0\x02o\n\x01\0\0\0\0\0\0\x01!";
    (void) state;

    for (size_t step = 1; step < sizeof data; step++) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf got;
        bool whole;

        edge_buf_init(&got, 100);
        assert_int_equal(read_in_steps(data, sizeof data - 1, step, &got, &whole), 0);
        assert_string_equal(got.data, "1:one2:two\n1:!");
        assert_true(whole);
    }
}

static void test_what_is_no_frame_is_refused(void **state)
{
    static const char *const bad[] = {
        "\x00\0\0\0\0\0\0\x01x", "\x03\0\0\0\0\0\0\x01x", "\x01\1\0\0\0\0\0\x01x",
        "\x01\0\0\1\0\0\0\x01x", "\x01\0\0\0\x7f\0\0\0x", "HTTP/1.1 200 OK",
    };
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf got;
    bool whole;
    (void) state;

    edge_buf_init(&got, 100);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++)
        assert_int_equal(read_in_steps(bad[i], 9, 9, &got, &whole), EDGE_EPROTOCOL);
    assert_int_equal(read_in_steps("\x01\0\0\0\0\0\0\x02x", 9, 9, &got, &whole), 0);
    assert_false(whole);
}

static void test_columns_are_aligned_by_characters(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(1000);
    struct cli_table table = {0};
    (void) state;

    cli_table_add(&table, (const char *const[]){"NAME", "A", "B", "C"});
    cli_table_add(&table, (const char *const[]){"caf\xc3\xa9s", "x", "", "1"});
    cli_table_add(&table, (const char *const[]){"\x1b[2J", NULL, "y\nz", "2"});
    cli_table_print(&table, &out);
    cli_table_fini(&table);
    assert_string_equal(out.data, "NAME   A  B    C\n"
                                  "caf\xc3\xa9s  x       1\n"
                                  "?[2J      y?z  2\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_are_joined_however_they_come),
        cmocka_unit_test(test_what_is_no_frame_is_refused),
        cmocka_unit_test(test_columns_are_aligned_by_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
