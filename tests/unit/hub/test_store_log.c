/* The log stays small whatever waits in it, a store at rest does nothing, and damage met while
 * writing is repaired by the next open. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "common/base/file.h"
#include "hub/store/internal.h"
#include "hub/store/segment.h"
#include "tests/unit/hub/store.h"

enum { HUB_PAGE = 16384, SEGMENT = 1 << 20, DOCUMENTS = 25000 };

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

/* With the smallest segments: what they do often happens soon. */
static void open_small(void)
{
    bench_close(&b);
    b.options.max_bytes = 16 << 20;
    bench_open(&b);
}

static bool is_small(struct bench *bench)
{
    return !bench->store->merging && hub_log_bytes(bench->store->log) <= 4 * SEGMENT;
}

static void what_is_delivered_leaves_the_disk(void **state)
{
    unsigned delivered = 0;
    (void) state;

    open_small();
    for (int i = 0; i < 20; i++) {
        put_many(1000);
        delivered += drain();
        assert_true(hub_log_bytes(b.store->log) < 8 * SEGMENT);
    }
    assert_int_equal(delivered, 20000);
    bench_run_each_ms(&b, is_small);
    assert_int_equal(bench_ledger(&b).delivered, 20000);
}

/* As a kill leaves it: with all that was reserved. */
static void lengthen_last(void)
{
    EDGE_CLEANUP(edge_free) char *pattern = edge_format("%s/segment-*.log", b.dir);
    glob_t found;

    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(truncate(found.gl_pathv[found.gl_pathc - 1], SEGMENT), 0);
    globfree(&found);
}

static void what_a_killed_hub_had_reserved_goes_back(void **state)
{
    (void) state;

    open_small();
    put_many(3);
    for (int i = 0; i < 10; i++) {
        bench_close(&b);
        lengthen_last();
        bench_open(&b);
        put_many(1);
        assert_true(hub_log_bytes(b.store->log) < 2 * SEGMENT);
    }
    assert_int_equal(drain(), 13);
    assert_int_equal(bench_ledger(&b).delivered, 13);
}

static const char *text_of(int i)
{
    static char text[600];

    (void) snprintf(text, sizeof text, "stuck %d %-500d", i, i);
    return text;
}

/* A message in a thousand stays for ever; of those for two queues one target goes, one stays. */
static void a_stuck_queue_does_not_hold_what_is_behind_it(void **state)
{
    struct hub_queue *two[2] = {bench_queue(&b, "stuck"), bench_queue(&b, "other")};
    (void) state;

    open_small();
    two[0] = bench_queue(&b, "stuck");
    two[1] = bench_queue(&b, "other");
    for (int i = 0; i < 60; i++) {
        assert_int_equal(bench_put(&b, text_of(i), two, 2, 0), 0);
        put_many(500);
        (void) drain();
        if (i % 2)
            hub_queue_ack(two[1], bench_expect(&b, "other", text_of(i - 1)));
        if (i % 2)
            hub_queue_ack(two[1], bench_expect(&b, "other", text_of(i)));
        if (i % 20 == 10) {
            bench_close(&b);
            bench_open(&b);
            two[0] = bench_queue(&b, "stuck");
            two[1] = bench_queue(&b, "other");
        }
    }
    bench_run_each_ms(&b, is_small);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(hub_queue_length(bench_queue(&b, "other")), 0);
        for (int i = 0; i < 60; i++)
            (void) bench_expect(&b, "stuck", text_of(i));
        bench_expect_empty(&b, "stuck");
        assert_int_equal(bench_ledger(&b).pending, 60);
        bench_close(&b);
        bench_open(&b);
    }
}

/* A third of everything waits, between what is gone. */
static void what_waits_survives_merges(void **state)
{
    struct hub_stored got;
    (void) state;

    open_small();
    for (int i = 0; i < 8000; i++) {
        assert_int_equal(bench_put1(&b, text_of(i), i % 3 ? "a" : "b"), 0);
        if (i % 100 == 99)
            bench_settle(&b);
        if (i % 2000 == 1999) {
            while (bench_take(&b, "a", &got) == 0)
                hub_queue_ack(bench_queue(&b, "a"), got.id);
        }
    }
    (void) bench_ledger(&b);
    bench_close(&b);
    bench_open(&b);
    assert_int_equal(bench_ledger(&b).pending, 8000 / 3 + 1);
    for (int i = 0; i < 8000; i += 3)
        (void) bench_expect(&b, "b", text_of(i));
    assert_true(hub_log_bytes(b.store->log) < 5 * SEGMENT);
}

static bool rests(struct bench *bench)
{
    return uv_backend_timeout(edge_loop_native(bench->loop)) == -1;
}

static void a_store_at_rest_does_nothing(void **state)
{
    (void) state;

    b.store->quiet_ms = 20;
    put_many(1000);
    assert_int_equal(bench_set(&b, "kind", "name", body), 0);
    bench_settle(&b);
    hub_queue_ack(bench_queue(&b, "q"), bench_expect(&b, "q", body));
    bench_turn(&b);
    edge_timer_disarm(b.limit);
    while (edge_timer_armed(b.store->quiet) || b.store->commits < 2)
        uv_run(edge_loop_native(b.loop), UV_RUN_ONCE);
    while (!rests(&b)) /* the last group comes back */
        uv_run(edge_loop_native(b.loop), UV_RUN_NOWAIT);
}

static void zero_pages_in_the_middle(void)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/hub.db", b.dir);
    EDGE_CLEANUP(edge_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    static char zeros[8 * HUB_PAGE];
    long long at = size_of("hub.db") / 2 / HUB_PAGE * HUB_PAGE;

    assert_int_equal(pwrite(fd, zeros, sizeof zeros, at), sizeof zeros);
}

static void on_notice(const char *text, void *arg)
{
    if (strstr(text, "started again"))
        *(bool *) arg = true;
}

static void set_documents(void)
{
    static char text[3000];
    char name[16];

    memset(text, 'd', sizeof text - 1);
    for (int i = 0; i < DOCUMENTS; i++) {
        (void) snprintf(name, sizeof name, "%d", i);
        assert_int_equal(bench_set(&b, "kind", name, text), 0);
        if (i % 1000 == 999)
            bench_settle(&b);
    }
}

static void count_document(const char *name, struct edge_bytes data, void *arg)
{
    (void) name;
    (void) data;
    ++*(int *) arg;
}

static void damage_met_while_writing_is_repaired_by_opening_again(void **state)
{
    bool told = false;
    int count = 0;
    (void) state;

    set_documents(); /* too large to be checked as a whole */
    put_many(100);
    bench_close(&b);
    zero_pages_in_the_middle();
    b.notices = 0;
    bench_open(&b);
    assert_int_equal(b.notices, 0);
    b.store->options.notice = on_notice;
    b.store->options.arg = &told;
    set_documents(); /* over the damaged ones */
    assert_true(told && b.store->damaged && b.failed > 0);
    bench_close(&b);
    bench_open(&b);
    assert_non_null(strstr(b.notice, "hub.db.broken-"));
    assert_int_equal(drain(), 100); /* messages know nothing of it */
    assert_int_equal(hub_store_each(b.store, "kind", count_document, &count), 0);
    assert_in_range(count, DOCUMENTS - 50, DOCUMENTS);
    bench_close(&b);
    b.notices = 0;
    bench_open(&b);
    assert_int_equal(b.notices, 0);
}

static int set_one(struct bench *bench)
{
    return bench_set(bench, "kind", "name", "old");
}

static void on_got(int rc, struct edge_bytes data, void *arg)
{
    struct bench *bench = arg;

    (void) data;
    bench->done += rc == 0 ? 1 : 0;
    bench->failed += rc == 0 ? 0 : 1;
}

static int get_one(struct bench *bench)
{
    bench->asked++;
    return hub_store_get(bench->store, "kind", "name", on_got, bench);
}

/* A life that ends without a word. */
static void live_shortly(int (*ask)(struct bench *bench))
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct bench own = {.options = b.options};

        if (edge_loop_create(&own.loop) < 0)
            _exit(1);
        own.options.loop = own.loop;
        if (hub_store_open(&own.options, &own.store, NULL) < 0)
            _exit(2);
        if (ask && ask(&own) != 0)
            _exit(3);
        while (own.done + own.failed < own.asked)
            uv_run(edge_loop_native(own.loop), UV_RUN_ONCE);
        _exit(own.failed > 0 ? 4 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void documents_do_not_stay_in_the_log(void **state)
{
    EDGE_CLEANUP(edge_free) char *log = edge_format("%s/hub.db-wal", b.dir);
    int count = 0;
    (void) state;

    bench_close(&b);
    live_shortly(set_one);
    assert_true(size_of("hub.db-wal") > 0);
    live_shortly(NULL);
    assert_int_equal(truncate(log, 0), 0);
    bench_open(&b);
    assert_int_equal(hub_store_each(b.store, "kind", count_document, &count), 0);
    assert_int_equal(count, 1);
}

/* The path of the segment with this number. */
static char *segment(int number)
{
    EDGE_CLEANUP(edge_free) char *pattern = edge_format("%s/segment-%016x-*.log", b.dir, number);
    char *path;
    glob_t found;

    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    path = edge_strdup(found.gl_pathv[0]);
    globfree(&found);
    return path;
}

/* The power went while the first group of a segment was written, and nothing is wanted of the one
 * before it: that is where the ledger is. */
static void the_only_ledger_stays(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf content = EDGE_BUF_INIT(SEGMENT);
    EDGE_CLEANUP(edge_free) char *first = NULL;
    EDGE_CLEANUP(edge_free) char *second = NULL;
    (void) state;

    put_many(3);
    assert_int_equal(drain(), 3);
    bench_close(&b);
    first = segment(1);
    assert_int_equal(edge_file_read(first, &content, NULL), 0);
    bench_open(&b);
    put_many(1);
    bench_close(&b);
    second = segment(2);
    assert_int_equal(edge_file_write(first, content.data, content.len, 0600, NULL), 0);
    assert_int_equal(truncate(second, HUB_SEGMENT_HEAD), 0);
    live_shortly(get_one);
    bench_open(&b);
    assert_int_equal(bench_ledger(&b).in, 3);
    assert_int_equal(bench_ledger(&b).delivered, 3);
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
        TEST(what_is_delivered_leaves_the_disk),
        TEST(what_a_killed_hub_had_reserved_goes_back),
        TEST(a_stuck_queue_does_not_hold_what_is_behind_it),
        TEST(what_waits_survives_merges),
        TEST(a_store_at_rest_does_nothing),
        TEST(documents_do_not_stay_in_the_log),
        TEST(the_only_ledger_stays),
        TEST(a_clock_that_is_set_does_not_age_what_waits),
        TEST(damage_met_while_writing_is_repaired_by_opening_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
