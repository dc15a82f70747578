/* The file is cut, flipped, zeroed and replaced: open never fails for that, nothing wrong is ever
 * given, the ledger adds up, and what can be read is carried over. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <unistd.h>

#include "common/base/file.h"
#include "tests/unit/hub/store.h"

enum { MESSAGES = 400, PAGE = 16384 };

static struct bench b;
static char path[80];
static struct edge_buf good;

static void text_of(int i, char *text, size_t size)
{
    int n = snprintf(text, size, "message %d ", i);

    memset(text + n, 'a' + i % 26, (size_t) (i % 7 * 100));
    text[n + i % 7 * 100] = '\0';
}

static int make_good_file(void **state)
{
    char text[1000];
    (void) state;

    bench_init(&b);
    bench_open(&b);
    for (int i = 0; i < MESSAGES; i++) {
        text_of(i, text, sizeof text);
        assert_int_equal(bench_put1(&b, text, i % 2 ? "odd" : "even"), 0);
    }
    assert_int_equal(
        hub_store_set(b.store, "kind", "name", (struct edge_bytes){(void *) "v", 1}, NULL, NULL),
        0);
    bench_settle(&b);
    bench_close(&b);
    (void) snprintf(path, sizeof path, "%s/hub.db", b.dir);
    edge_buf_init(&good, 16 << 20);
    return edge_file_read(path, &good, NULL);
}

static int remove_all(void **state)
{
    (void) state;
    edge_buf_fini(&good);
    bench_fini(&b);
    return 0;
}

/* Everything that comes is one of ours, in order. @return how many */
static int drain(const char *queue, int parity)
{
    struct hub_stored got;
    int before = -1;
    int count = 0;

    while (bench_take(&b, queue, &got) == 0) {
        char text[1000];
        int number = -1;

        assert_int_equal(sscanf((const char *) got.data.data, "message %d", &number), 1);
        text_of(number, text, sizeof text);
        assert_int_equal(got.data.len, strlen(text));
        assert_memory_equal(got.data.data, text, got.data.len);
        assert_int_equal(number % 2, parity);
        assert_true(number > before);
        before = number;
        hub_queue_ack(bench_queue(&b, queue), got.id);
        count++;
    }
    return count;
}

/* @return messages that were still there */
static int open_damaged(const void *data, size_t len)
{
    int count;

    (void) edge_remove_tree(b.dir, NULL);
    assert_int_equal(edge_mkdirs(b.dir, 0700, NULL), 0);
    assert_int_equal(edge_file_write(path, data, len, 0600, NULL), 0);
    b.notices = 0;
    bench_open(&b);
    (void) bench_ledger(&b);
    count = drain("even", 0) + drain("odd", 1);
    (void) bench_ledger(&b);
    assert_int_equal(bench_put1(&b, "message 1000000", "even"), 0);
    bench_settle(&b);
    assert_int_equal(b.failed, 0);
    (void) bench_expect(&b, "even", "message 1000000");
    bench_close(&b);
    bench_open(&b); /* no second surprise */
    assert_int_equal(hub_queue_length(bench_queue(&b, "even")), 1);
    bench_close(&b);
    return count;
}

static void a_whole_file_gives_everything(void **state)
{
    (void) state;
    assert_int_equal(open_damaged(good.data, good.len), MESSAGES);
    assert_int_equal(b.notices, 0);
}

static void a_truncated_file_is_set_aside(void **state)
{
    (void) state;
    for (size_t len = 1; len < good.len; len += len < 1000 ? 333 : PAGE / 2 + 11) {
        (void) open_damaged(good.data, len);
        assert_int_equal(b.notices, 1);
        assert_non_null(strstr(b.notice, "hub.db.broken-"));
    }
}

static void a_zeroed_page_costs_what_was_on_it(void **state)
{
    EDGE_CLEANUP(edge_free) char *copy = malloc(good.len);
    int most = 0;
    (void) state;

    for (size_t page = 0; page * PAGE < good.len; page++) {
        int count;

        memcpy(copy, good.data, good.len);
        memset(copy + page * PAGE, 0, PAGE);
        count = open_damaged(copy, good.len);
        most = count > most && count < MESSAGES ? count : most;
    }
    assert_true(most > MESSAGES * 3 / 4); /* one page of messages among many */
}

static void a_flipped_byte_gives_nothing_wrong(void **state)
{
    EDGE_CLEANUP(edge_free) char *copy = malloc(good.len);
    unsigned seed = 1;
    (void) state;

    for (int i = 0; i < 120; i++) {
        size_t at = i < 100 ? (size_t) i : (seed = seed * 1103515245 + 12345) % good.len;

        memcpy(copy, good.data, good.len);
        copy[at] = (char) ~copy[at];
        (void) open_damaged(copy, good.len);
    }
}

static void another_file_is_set_aside(void **state)
{
    char text[5000];
    (void) state;

    memset(text, 'x', sizeof text);
    assert_int_equal(open_damaged(text, sizeof text), 0);
    assert_int_equal(b.notices, 1);
    assert_int_equal(open_damaged("", 0), 0); /* an empty file is a new one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_gives_everything),
        cmocka_unit_test(a_truncated_file_is_set_aside),
        cmocka_unit_test(a_zeroed_page_costs_what_was_on_it),
        cmocka_unit_test(a_flipped_byte_gives_nothing_wrong),
        cmocka_unit_test(another_file_is_set_aside),
    };

    return cmocka_run_group_tests(tests, make_good_file, remove_all);
}
