/* Messages go in, wait, and come out: order, rewinding, acknowledging, fan-out, expiry. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "tests/unit/hub/store.h"

static struct bench b;

static int set_up(void **state)
{
    (void) state;
    bench_init(&b);
    bench_open(&b);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    bench_fini(&b);
    return 0;
}

static void put_numbers(const char *queue, int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[32];

        (void) snprintf(text, sizeof text, "message %d", i);
        assert_int_equal(bench_put1(&b, text, queue), 0);
    }
}

static uint64_t expect_number(const char *queue, int i)
{
    char text[32];

    (void) snprintf(text, sizeof text, "message %d", i);
    return bench_expect(&b, queue, text);
}

static void messages_come_in_the_order_they_were_put(void **state)
{
    (void) state;
    put_numbers("q", 0, 1000);
    assert_int_equal(hub_queue_length(bench_queue(&b, "q")), 0); /* not before it is on disk */
    bench_settle(&b);
    assert_int_equal(b.failed, 0);
    assert_int_equal(b.out_of_order, 0);
    assert_int_equal(hub_queue_length(bench_queue(&b, "q")), 1000);
    for (int i = 0; i < 1000; i++)
        (void) expect_number("q", i);
    bench_expect_empty(&b, "q");
    assert_int_equal(hub_queue_length(bench_queue(&b, "q")), 1000); /* taken is still pending */
}

static void what_is_acknowledged_is_gone_after_reopening(void **state)
{
    uint64_t ids[10];
    (void) state;

    put_numbers("q", 0, 10);
    bench_settle(&b);
    for (int i = 0; i < 10; i++)
        ids[i] = expect_number("q", i);
    for (int i = 0; i < 10; i += 2)
        hub_queue_ack(bench_queue(&b, "q"), ids[i]);
    hub_queue_ack(bench_queue(&b, "q"), ids[0]); /* again: passed over */
    assert_int_equal(hub_queue_length(bench_queue(&b, "q")), 5);
    bench_close(&b);
    bench_open(&b);
    assert_int_equal(hub_queue_length(bench_queue(&b, "q")), 5);
    for (int i = 1; i < 10; i += 2)
        (void) expect_number("q", i);
    bench_expect_empty(&b, "q");
    assert_int_equal(bench_ledger(&b).delivered, 5);
}

static void a_rewound_queue_gives_what_was_not_acknowledged_again_first(void **state)
{
    struct hub_queue *q = bench_queue(&b, "q");
    struct hub_stored got;
    uint64_t id;
    (void) state;

    put_numbers("q", 0, 4);
    bench_settle(&b);
    (void) expect_number("q", 0);
    id = expect_number("q", 1);
    (void) expect_number("q", 2);
    hub_queue_ack(q, id);
    hub_queue_rewind(q);
    assert_int_equal(bench_take(&b, "q", &got), 0);
    assert_memory_equal(got.data.data, "message 0", 9);
    assert_int_equal(got.taken, 1);
    (void) expect_number("q", 2);
    assert_int_equal(bench_take(&b, "q", &got), 0);
    assert_memory_equal(got.data.data, "message 3", 9);
    assert_int_equal(got.taken, 0);
    bench_expect_empty(&b, "q");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_come_in_the_order_they_were_put, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_acknowledged_is_gone_after_reopening, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_rewound_queue_gives_what_was_not_acknowledged_again_first,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
