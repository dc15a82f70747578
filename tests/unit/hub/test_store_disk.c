/* A real disk of 48 MiB that fills up: the store stops before it is full, survives others filling
 * it, goes on giving, and takes again by itself. Needs to mount: skipped where that is forbidden.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "common/base/file.h"
#include "tests/unit/hub/store.h"

enum { BODY = 2000, RESERVE = 8 << 20 };

static struct bench b;
static char body[BODY + 1];
static bool mounted;

static int set_up(void **state)
{
    (void) state;
    bench_init(&b);
    memset(body, 'd', BODY);
    b.options.reserve_bytes = RESERVE;
    mounted = mount("tmpfs", b.dir, "tmpfs", 0, "size=48m") == 0;
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    bench_close(&b);
    if (mounted)
        (void) umount(b.dir);
    bench_fini(&b);
    return 0;
}

static bool is_full(struct bench *bench)
{
    struct hub_store_figures figures;

    hub_store_figures(bench->store, &figures);
    return figures.full;
}

static bool is_not_full(struct bench *bench)
{
    return !is_full(bench);
}

static void fill(void)
{
    while (bench_put1(&b, body, "q") == 0) {
        if (b.asked % 50 == 0)
            bench_settle(&b);
    }
    bench_settle(&b);
}

/* @return how many came */
static unsigned drain(void)
{
    struct hub_stored got;
    unsigned count = 0;

    while (bench_take(&b, "q", &got) == 0) {
        assert_int_equal(got.data.len, BODY);
        hub_queue_ack(bench_queue(&b, "q"), got.id);
        count++;
    }
    return count;
}

static void the_store_stops_at_the_reserve_and_takes_again_when_drained(void **state)
{
    (void) state;
    if (!mounted)
        skip();
    bench_open(&b);
    for (unsigned round = 0; round < 3; round++) {
        unsigned before = (unsigned) b.done;

        fill();
        assert_true(is_full(&b));
        assert_non_null(strstr(b.notice, "takes no messages"));
        assert_true(b.done - before > 1000);
        assert_int_equal(drain(), b.done - before);
        bench_run(&b, is_not_full);
        assert_int_equal(bench_put1(&b, body, "q"), 0);
        bench_settle(&b); /* and with it all that was acknowledged */
        assert_int_equal(drain(), 1);
        assert_non_null(strstr(b.notice, "again"));
        assert_true(b.notices >= 2 * (round + 1));
    }
    assert_int_equal(b.failed, 0);
    assert_int_equal(bench_ledger(&b).delivered, b.done);
}

static void write_ballast(const char *path)
{
    static char block[65536];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    while (write(fd, block, sizeof block) > 0)
        ;
    while (write(fd, block, 512) > 0)
        ;
    close(fd);
}

static void a_disk_filled_by_others_loses_nothing(void **state)
{
    EDGE_CLEANUP(edge_free) char *ballast = edge_format("%s/ballast", b.dir);
    uint64_t stored;
    (void) state;

    if (!mounted)
        skip();
    bench_open(&b);
    for (int i = 0; i < 200; i++)
        assert_int_equal(bench_put1(&b, body, "q"), 0);
    bench_settle(&b);
    write_ballast(ballast);
    for (int i = 0; i < 20000 && bench_put1(&b, body, "q") == 0; i++)
        bench_settle(&b);
    assert_true(is_full(&b));
    stored = b.done;
    assert_int_equal(drain(), stored); /* deleting goes on */
    assert_int_equal(bench_ledger(&b).in, stored);
    assert_int_equal(unlink(ballast), 0);
    bench_run(&b, is_not_full);
    assert_int_equal(bench_put1(&b, body, "q"), 0);
    bench_settle(&b);
    assert_int_equal(b.done, stored + 1);
    bench_close(&b);
    bench_open(&b);
    assert_int_equal(drain(), 1);
    assert_int_equal(bench_ledger(&b).delivered, stored + 1);
}

/* After a clean end SQLite has no files beside its own, and makes them as the store opens. */
static void a_store_opens_on_a_disk_that_was_filled_meanwhile(void **state)
{
    EDGE_CLEANUP(edge_free) char *ballast = edge_format("%s/ballast", b.dir);
    (void) state;

    if (!mounted)
        skip();
    bench_open(&b);
    for (int i = 0; i < 50; i++)
        assert_int_equal(bench_put1(&b, body, "q"), 0);
    bench_settle(&b);
    bench_close(&b);
    write_ballast(ballast);
    bench_open(&b);
    assert_int_equal(drain(), 50);
    assert_int_equal(unlink(ballast), 0);
    assert_int_equal(bench_ledger(&b).delivered, 50);
    bench_run(&b, is_not_full);
    assert_int_equal(bench_put1(&b, body, "q"), 0);
    bench_settle(&b);
    assert_int_equal(b.failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_store_stops_at_the_reserve_and_takes_again_when_drained,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disk_filled_by_others_loses_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_opens_on_a_disk_that_was_filled_meanwhile, set_up,
                                        tear_down),
    };

    if (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
        (void) mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL); /* the mounts are ours alone */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
