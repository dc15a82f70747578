/* Who was told to wait is called, whatever comes of what he waits for. */
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>

#include "tests/unit/hub/fault_files.h"
#include "tests/unit/hub/store.h"

enum { QUEUES = 2 };

static struct bench b;
/* What take has said, until the call. */
static struct waiter {
    struct hub_queue *queue;
    int said;
    uint64_t last; /* taken; 0: nothing yet */
    unsigned calls, waits;
} waiters[QUEUES];

static void on_ready(struct hub_queue *queue, void *arg)
{
    struct waiter *waiter = arg;

    assert_ptr_equal(queue, waiter->queue);
    assert_int_not_equal(waiter->said, 0);
    waiter->said = 0;
    waiter->calls++;
}

static void find_queues(void)
{
    for (int i = 0; i < QUEUES; i++) {
        char name[] = {(char) ('a' + i), '\0'};

        waiters[i] = (struct waiter){.queue = bench_queue(&b, name)};
        hub_queue_consume(waiters[i].queue, on_ready, &waiters[i]);
    }
}

static int set_up(void **state)
{
    (void) state;
    bench_init(&b);
    b.options.files = &fault_files;
    b.options.cache_bytes = 1; /* all that is taken is read from disk */
    bench_open(&b);
    find_queues();
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    (void) fault_files_end();
    fault_files_hold(false);
    bench_fini(&b);
    return 0;
}

static void put(struct waiter *waiter, unsigned n, int64_t ttl_s)
{
    for (unsigned i = 0; i < n; i++)
        assert_in_range(bench_put(&b, "message", &waiter->queue, 1, ttl_s), 0, HUB_STORE_FULL);
}

static int take(struct waiter *waiter)
{
    struct hub_stored got;
    int said = hub_queue_take(waiter->queue, &got);

    waiter->said = said;
    waiter->waits += said == HUB_QUEUE_WAIT || said == HUB_QUEUE_FAILING;
    if (said == 0)
        waiter->last = got.id;
    return said;
}

static bool is_called(struct bench *bench)
{
    (void) bench;
    for (int i = 0; i < QUEUES; i++)
        if (waiters[i].said == HUB_QUEUE_WAIT || waiters[i].said == HUB_QUEUE_FAILING)
            return false;
    return true;
}

/* Taken from until it is empty. */
static unsigned drain(struct waiter *waiter)
{
    unsigned n = 0;

    while (take(waiter) != HUB_QUEUE_EMPTY) {
        n += waiter->said == 0;
        bench_run(&b, is_called);
    }
    return n;
}

static void begin_to_wait(unsigned n)
{
    put(&waiters[0], n, 0);
    bench_settle(&b);
    fault_files_hold(true);
    assert_int_equal(take(&waiters[0]), HUB_QUEUE_WAIT);
    bench_turn(&b);
    assert_int_equal(waiters[0].calls, 0);
}

static void a_cleared_queue_calls_before_the_disk_answers(void **state)
{
    (void) state;
    begin_to_wait(3);
    hub_queue_clear(waiters[0].queue, HUB_DROP_ROUTE);
    assert_int_equal(waiters[0].calls, 0); /* never from within a call */
    bench_run(&b, is_called);
    assert_int_equal(take(&waiters[0]), HUB_QUEUE_EMPTY);
    fault_files_hold(false);
    put(&waiters[0], 1, 0);
    bench_settle(&b);
    assert_int_equal(drain(&waiters[0]), 1);
    assert_int_equal(bench_ledger(&b).dropped[HUB_DROP_ROUTE], 3);
}

static void a_disk_that_fails_is_told_of_and_asked_again(void **state)
{
    (void) state;
    begin_to_wait(3);
    fault_files_plan(FILE_READ, 1, 1000, -EIO);
    fault_files_hold(false);
    bench_run(&b, is_called);
    assert_int_equal(take(&waiters[0]), HUB_QUEUE_FAILING);
    assert_int_equal(take(&waiters[0]), HUB_QUEUE_FAILING); /* not asked for before its time */
    bench_turn(&b);
    assert_int_equal(waiters[0].calls, 1);
    assert_true(fault_files_end() > 0);
    bench_run(&b, is_called);
    assert_int_equal(waiters[0].calls, 2);
    assert_int_equal(drain(&waiters[0]), 3);
}

static void what_is_put_while_the_disk_fails_is_not_waited_with(void **state)
{
    (void) state;
    bench_close(&b);
    b.options.cache_bytes = 0;
    bench_open(&b);
    find_queues();
    put(&waiters[0], 1, 0);
    bench_settle(&b);
    bench_close(&b);
    bench_open(&b);
    find_queues();
    fault_files_plan(FILE_READ, 1, 1000, -EIO);
    assert_int_equal(take(&waiters[0]), HUB_QUEUE_WAIT);
    bench_run(&b, is_called);
    assert_int_equal(take(&waiters[0]), HUB_QUEUE_FAILING);
    hub_queue_clear(waiters[0].queue, HUB_DROP_ROUTE);
    put(&waiters[0], 1, 0);
    bench_settle(&b);
    assert_int_equal(take(&waiters[0]), 0); /* it is in memory */
}

/* Anything in any order, and then the disk answers. */

static uint32_t seed;

static unsigned any(unsigned n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static void step(struct waiter *waiter)
{
    struct hub_store_figures figures;

    switch (any(12)) {
    case 0:
    case 1:
        put(waiter, 1 + any(40), any(20) == 0 ? 1 : 0);
        break;
    case 2:
        bench_settle(&b);
        break;
    case 3:
        hub_queue_rewind(waiter->queue);
        break;
    case 4:
        hub_queue_ack(waiter->queue, waiter->last);
        break;
    case 5:
        hub_queue_drop(waiter->queue, waiter->last, HUB_DROP_REJECTED);
        break;
    case 6:
        if (any(4) == 0)
            hub_queue_clear(waiter->queue, HUB_DROP_ROUTE);
        break;
    case 7:
        hub_store_expire(b.store);
        break;
    case 8: /* the oldest make room for the next ones */
        hub_store_figures(b.store, &figures);
        hub_store_set_limit(b.store, figures.pending_bytes + 100, HUB_STORE_DROP_OLDEST);
        put(waiter, 3, 0);
        hub_store_set_limit(b.store, 1 << 30, HUB_STORE_REFUSE_NEW);
        break;
    case 9:
        bench_turn(&b);
        break;
    default:
        while (waiter->said == 0)
            (void) take(waiter);
    }
}

static void run_one(uint32_t number)
{
    seed = number;
    fault_files_hold(any(2));
    if (any(40) == 0)
        fault_files_plan(FILE_READ, 1 + (int) any(3), 1 + (int) any(9), -EIO);
    for (unsigned i = 5 + any(40); i > 0; i--)
        step(&waiters[any(QUEUES)]);
    fault_files_hold(false);
    bench_settle(&b);
    bench_run(&b, is_called);
    (void) fault_files_end();
}

static void whatever_happens_who_waits_is_called(void **state)
{
    (void) state;
    for (uint32_t i = 0; i < 500; i++) {
        run_one(i);
        for (int q = 0; q < QUEUES && any(8) == 0; q++) {
            hub_queue_rewind(waiters[q].queue);
            assert_int_equal(drain(&waiters[q]), hub_queue_length(waiters[q].queue));
        }
    }
    for (int q = 0; q < QUEUES; q++) {
        print_message("waited %u times\n", waiters[q].waits);
        assert_true(waiters[q].waits > 100);
    }
    (void) bench_ledger(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cleared_queue_calls_before_the_disk_answers),
        TEST(a_disk_that_fails_is_told_of_and_asked_again),
        TEST(what_is_put_while_the_disk_fails_is_not_waited_with),
        TEST(whatever_happens_who_waits_is_called),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
