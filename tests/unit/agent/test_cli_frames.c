#include "tests/unit/test.h"

#include "agent/cli/frames.h"
#include "common/base/err.h"

struct seen {
    char out[64];
    char err[64];
};

static void put(bool from_stderr, struct edge_bytes text, void *arg)
{
    struct seen *seen = arg;

    strncat(from_stderr ? seen->err : seen->out, (const char *) text.data, text.len);
}

static const uint8_t stream[] =
    "\1\0\0\0\0\0\0\3abc\2\0\0\0\0\0\0\2no\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1d";

static void test_text_comes_out_however_the_stream_is_cut(void **state)
{
    size_t len = sizeof stream - 1;
    (void) state;

    for (size_t step = 1; step <= len; step++) {
        struct cli_frames frames = {0};
        struct seen seen = {{0}, {0}};

        for (size_t at = 0; at < len; at += step) {
            size_t n = len - at < step ? len - at : step;

            assert_int_equal(
                cli_frames_feed(&frames, (struct edge_bytes){stream + at, n}, put, &seen), 0);
        }
        assert_string_equal(seen.out, "abcd");
        assert_string_equal(seen.err, "no");
    }
}

static void test_another_stream_is_refused(void **state)
{
    static const uint8_t bad[] = "HTTP/1.1";
    struct cli_frames frames = {0};
    struct seen seen = {{0}, {0}};
    (void) state;

    assert_int_equal(cli_frames_feed(&frames, (struct edge_bytes){bad, 8}, put, &seen),
                     EDGE_EPROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_comes_out_however_the_stream_is_cut),
        cmocka_unit_test(test_another_stream_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
