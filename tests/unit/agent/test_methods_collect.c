/* One module's log lines: what reading them may cost in time and memory. */
#include "tests/unit/test.h"

#include <errno.h>
#include <poll.h>

#include "agent/methods/collect.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "tests/unit/agent/log_folder.h"

enum { LINES = 4, PAUSE_MS = 200, PATIENCE_MS = 500 };

/* Where lines go; each piece takes its time. */
struct taker {
    unsigned pieces;
    int pause_ms;
};

static int take(const void *data, size_t len, void *arg, struct edge_err *err)
{
    struct taker *taker = arg;

    (void) data;
    (void) len;
    (void) err;
    taker->pieces++;
    (void) poll(NULL, 0, taker->pause_ms);
    return 0;
}

static const struct methods_item all = {
    .tail = -1, .level = -1, .since_ns = EDGE_TIME_NEVER, .until_ns = INT64_MAX};

static int collect(const struct log_folder *folder, const struct methods_item *item,
                   int64_t patience_ms, struct taker *taker, struct edge_err *err)
{
    struct methods_source source = {.log_dir = folder->dir,
                                    .hub = "h",
                                    .device = "d",
                                    .deadline_ms = edge_now_ms() + patience_ms};
    const struct methods_sink sink = {take, taker};

    return methods_collect(&source, "cam", "c1", item, false, &sink, err);
}

static void test_an_upload_may_take_longer_than_reading(void **state)
{
    struct taker taker = {.pause_ms = PAUSE_MS};
    struct edge_err err = {0};

    append_lines(*state, "module.log", 1, LINES);
    if (collect(*state, &all, PATIENCE_MS, &taker, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(taker.pieces, LINES);
}

static void test_reading_has_a_limit_of_time(void **state)
{
    struct taker taker = {0};
    struct edge_err err = {0};

    append_lines(*state, "module.log", 1, LINES);
    assert_int_equal(collect(*state, &all, -1, &taker, &err), -ETIMEDOUT);
    assert_non_null(strstr(err.text, "cam"));
}

/* Lines without a text cost memory as well, while they wait for the end. */
static void test_many_empty_lines_are_too_much_to_keep(void **state)
{
    enum { MANY = METHODS_KEPT_MAX / 8, PIECE = 1024 };
    const struct methods_item item = {
        .tail = MANY, .level = -1, .since_ns = 0, .until_ns = INT64_MAX - 1, .tail_last = true};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf lines = EDGE_BUF_INIT(64 * PIECE);
    struct taker taker = {0};
    struct edge_err err = {0};
    char line[256];
    size_t len = log_line_write(line, "\n", 1, false, 1000000000);

    while (lines.len + len <= lines.max)
        assert_int_equal(edge_buf_append(&lines, line, len), 0);
    for (size_t n = 0; n < MANY; n += lines.len / len)
        append_text(*state, "module.log", lines.data, lines.len);
    assert_int_equal(collect(*state, &item, 60 * 1000, &taker, &err), EDGE_ELIMIT);
    assert_non_null(strstr(err.text, "cam"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_log_folder, remove_log_folder)
        TEST(test_an_upload_may_take_longer_than_reading),
        TEST(test_reading_has_a_limit_of_time),
        TEST(test_many_empty_lines_are_too_much_to_keep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
