/* SQLite's log is copied into the file and does not grow; a store at rest does nothing; damage met
 * while writing is repaired by the next open. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "hub/store/internal.h"
#include "tests/unit/hub/store.h"

enum { HUB_PAGE = 16384 };

static struct bench b;
static char body[1001];

static int set_up(void **state)
{
    (void) state;
    bench_init(&b);
    memset(body, 'l', sizeof body - 1);
    bench_open(&b);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    bench_fini(&b);
    return 0;
}

static long long size_of(const char *name)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", b.dir, name);
    struct stat st = {0};

    return stat(path, &st) == 0 ? (long long) st.st_size : 0;
}

static void put_many(int count)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(bench_put1(&b, body, "q"), 0);
        if (i % 100 == 99)
            bench_settle(&b);
    }
    bench_settle(&b);
}

static void the_log_stays_short_under_load(void **state)
{
    long long longest = 0;
    (void) state;

    for (int i = 0; i < 20; i++) {
        put_many(5000);
        longest = size_of("hub.db-wal") > longest ? size_of("hub.db-wal") : longest;
    }
    assert_in_range(longest, 1, 80 << 20);
    assert_true(size_of("hub.db") > 60 << 20);
}

static bool rests(struct bench *bench)
{
    return uv_backend_timeout(edge_loop_native(bench->loop)) == -1;
}

static void a_store_at_rest_does_nothing(void **state)
{
    long long copied;
    (void) state;

    b.store->quiet_ms = 20;
    put_many(1000);
    hub_queue_ack(bench_queue(&b, "q"), bench_expect(&b, "q", body));
    bench_turn(&b);
    edge_timer_disarm(b.limit);
    while (edge_timer_armed(b.store->quiet) || b.store->commits < 2)
        uv_run(edge_loop_native(b.loop), UV_RUN_ONCE);
    while (!rests(&b)) /* the last group comes back */
        uv_run(edge_loop_native(b.loop), UV_RUN_NOWAIT);
    bench_close(&b);
    copied = size_of("hub.db");
    assert_true(copied > 1000 * 1000);
}

static bool is_damaged(struct bench *bench)
{
    return bench->store->damaged;
}

static void zero_a_page_in_the_middle(void)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/hub.db", b.dir);
    EDGE_CLEANUP(edge_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    static char zeros[HUB_PAGE];
    long long at = size_of("hub.db") / 2 / HUB_PAGE * HUB_PAGE;

    assert_int_equal(pwrite(fd, zeros, sizeof zeros, at), sizeof zeros);
}

static unsigned drain(void)
{
    struct hub_stored got;
    unsigned count = 0;

    while (bench_take(&b, "q", &got) == 0) {
        assert_memory_equal(got.data.data, body, sizeof body - 1);
        hub_queue_ack(bench_queue(&b, "q"), got.id);
        count++;
    }
    return count;
}

static void damage_met_while_writing_is_repaired_by_opening_again(void **state)
{
    struct hub_ledger ledger;
    (void) state;

    put_many(100000); /* too large to be checked as a whole */
    bench_close(&b);
    zero_a_page_in_the_middle();
    b.notices = 0;
    bench_open(&b);
    assert_int_equal(b.notices, 0);
    assert_in_range(drain(), 100000 - 20, 100000 - 10);
    bench_run(&b, is_damaged); /* the page's neighbours cannot be deleted */
    assert_non_null(strstr(b.notice, "started again"));
    bench_close(&b);
    bench_open(&b);
    assert_non_null(strstr(b.notice, "hub.db.broken-"));
    (void) drain(); /* what was acknowledged and could not be deleted comes again */
    assert_int_equal(bench_put1(&b, body, "q"), 0);
    bench_settle(&b);
    ledger = bench_ledger(&b);
    assert_int_equal(ledger.in, 100001);
    assert_in_range(ledger.dropped[HUB_DROP_CORRUPT], 10, 50);
    bench_close(&b);
    b.notices = 0;
    bench_open(&b);
    assert_int_equal(b.notices, 0);
}

static void a_clock_that_is_set_does_not_age_what_waits(void **state)
{
    struct hub_queue *q = bench_queue(&b, "q");
    struct hub_stored got;
    int64_t hours = (int64_t) 3 * 3600 * 1000000000;
    (void) state;

    assert_int_equal(bench_put(&b, "before", &q, 1, 2 * 3600), 0);
    bench_settle(&b);
    b.store->clock_wall_ns -= hours; /* as if it had just been set three hours on */
    assert_int_equal(bench_put(&b, "after", &q, 1, 2 * 3600), 0);
    bench_settle(&b);
    hub_store_expire(b.store);
    assert_int_equal(hub_queue_length(q), 2);
    assert_int_equal(bench_take(&b, "q", &got), 0);
    b.store->jumps[0] =
        (struct hub_jump){UINT64_MAX, -hours / HUB_TICK_NS}; /* time that passed counts */
    b.store->njumps = 1;
    bench_expect_empty(&b, "q");
    assert_int_equal(bench_ledger(&b).expired, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_log_stays_short_under_load),
        TEST(a_store_at_rest_does_nothing),
        TEST(a_clock_that_is_set_does_not_age_what_waits),
        TEST(damage_met_while_writing_is_repaired_by_opening_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
