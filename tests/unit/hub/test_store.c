/* Messages go in, wait, and come out: order, rewinding, acknowledging, fan-out, expiry. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "common/base/bytes.h"
#include "common/base/clock.h"
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

static void late_and_unknown_acknowledgements_do_no_harm(void **state)
{
    struct hub_queue *q = bench_queue(&b, "q");
    uint64_t id;
    (void) state;

    put_numbers("q", 0, 3);
    bench_settle(&b);
    id = expect_number("q", 0);
    hub_queue_rewind(q);
    hub_queue_ack(q, id + 1);
    hub_queue_ack(q, 1);
    assert_int_equal(hub_queue_length(q), 3);
    hub_queue_ack(q, id); /* of the delivery before the rewind */
    assert_int_equal(hub_queue_length(q), 2);
    (void) expect_number("q", 1);
}

static void acknowledging_in_any_order_leaves_the_rest(void **state)
{
    static uint64_t ids[500];
    (void) state;

    put_numbers("q", 0, 500);
    bench_settle(&b);
    for (int i = 0; i < 500; i++)
        ids[i] = expect_number("q", i);
    for (int i = 0; i < 500; i++) { /* 7 and 500 have no common factor: all but multiples of 10 */
        int n = i * 7 % 500;

        if (n % 10 != 0)
            hub_queue_ack(bench_queue(&b, "q"), ids[n]);
    }
    hub_queue_rewind(bench_queue(&b, "q"));
    for (int i = 0; i < 500; i += 10)
        assert_int_equal(expect_number("q", i), ids[i]);
    bench_expect_empty(&b, "q");
    bench_close(&b);
    bench_open(&b);
    for (int i = 0; i < 500; i += 10)
        (void) expect_number("q", i);
    bench_expect_empty(&b, "q");
    assert_int_equal(bench_ledger(&b).delivered, 450);
}

static void each_queue_of_a_message_has_its_own_life(void **state)
{
    struct hub_queue *queues[3] = {bench_queue(&b, "a"), bench_queue(&b, "b"),
                                   bench_queue(&b, "c")};
    struct hub_store_figures figures;
    (void) state;

    assert_int_equal(bench_put(&b, "shared", queues, 3, 0), 0);
    bench_settle(&b);
    hub_queue_ack(queues[0], bench_expect(&b, "a", "shared"));
    hub_queue_drop(queues[1], bench_expect(&b, "b", "shared"), HUB_DROP_REJECTED);
    bench_close(&b);
    bench_open(&b);
    bench_expect_empty(&b, "a");
    bench_expect_empty(&b, "b");
    hub_store_figures(b.store, &figures);
    assert_int_equal(figures.pending, 1);
    hub_queue_ack(bench_queue(&b, "c"), bench_expect(&b, "c", "shared"));
    assert_int_equal(bench_ledger(&b).in, 3);
    assert_int_equal(bench_ledger(&b).delivered, 2);
    assert_int_equal(bench_ledger(&b).dropped[HUB_DROP_REJECTED], 1);
}

static void on_ready(struct hub_queue *queue, void *arg)
{
    (void) queue;
    ++*(unsigned *) arg;
}

static void a_consumer_is_called_once_when_there_is_something(void **state)
{
    struct hub_queue *q = bench_queue(&b, "q");
    struct hub_stored got;
    unsigned calls = 0;
    (void) state;

    hub_queue_consume(q, on_ready, &calls);
    assert_int_equal(hub_queue_take(q, &got), HUB_QUEUE_EMPTY);
    put_numbers("q", 0, 10);
    assert_int_equal(calls, 0);
    bench_settle(&b);
    assert_int_equal(calls, 1);
    put_numbers("q", 10, 20); /* it has not taken all: not called again */
    bench_settle(&b);
    assert_int_equal(calls, 1);
    while (hub_queue_take(q, &got) == 0)
        ;
    hub_queue_rewind(q);
    assert_int_equal(calls, 1); /* never from within a call */
    bench_turn(&b);
    assert_int_equal(calls, 2);
    while (hub_queue_take(q, &got) == 0)
        ;
    hub_queue_consume(q, NULL, NULL);
    put_numbers("q", 20, 21);
    bench_settle(&b);
    assert_int_equal(calls, 2);
}

static bool second_is_over(struct bench *bench)
{
    (void) bench;
    return edge_wall_ns() > *(int64_t *) bench->user;
}

static void expired_messages_are_passed_over_and_counted(void **state)
{
    struct hub_queue *q = bench_queue(&b, "q");
    struct hub_queue *other = bench_queue(&b, "other");
    int64_t until;
    struct hub_stored got;
    (void) state;

    assert_int_equal(bench_put(&b, "short", &q, 1, 1), 0);
    assert_int_equal(bench_put(&b, "long", &q, 1, 3600), 0);
    assert_int_equal(bench_put(&b, "short", &other, 1, 1), 0);
    assert_int_equal(bench_put(&b, "short behind", &q, 1, 1), 0);
    bench_settle(&b);
    until = edge_wall_ns() + 1200000000;
    b.user = &until;
    bench_run_each_ms(&b, second_is_over);
    hub_store_expire(b.store);
    assert_int_equal(hub_queue_length(other), 0);
    assert_int_equal(hub_queue_length(q), 2);
    assert_int_equal(bench_take(&b, "q", &got), 0);
    assert_int_equal(got.data.len, 4);
    assert_int_equal(got.expires_ns - got.enqueued_ns, (int64_t) 3600 * 1000000000);
    bench_expect_empty(&b, "q");
    assert_int_equal(bench_ledger(&b).expired, 3);
}

static void a_cleared_queue_is_empty_at_once_and_for_ever(void **state)
{
    struct hub_queue *both[2] = {bench_queue(&b, "q"), bench_queue(&b, "other")};
    (void) state;

    put_numbers("q", 0, 20000);
    assert_int_equal(bench_put(&b, "shared", both, 2, 0), 0);
    bench_settle(&b);
    (void) expect_number("q", 0);
    hub_queue_clear(both[0], HUB_DROP_ROUTE);
    assert_int_equal(hub_queue_length(both[0]), 0);
    bench_expect_empty(&b, "q");
    put_numbers("q", 5, 6);
    bench_settle(&b);
    (void) expect_number("q", 5);
    bench_close(&b);
    bench_open(&b);
    (void) bench_expect(&b, "other", "shared");
    (void) expect_number("q", 5);
    bench_expect_empty(&b, "q");
    assert_int_equal(bench_ledger(&b).dropped[HUB_DROP_ROUTE], 20001);
}

static void the_order_of_queues_is_that_of_their_first_message(void **state)
{
    (void) state;
    put_numbers("b", 0, 1);
    put_numbers("a", 0, 1);
    put_numbers("c", 0, 1);
    put_numbers("b", 1, 2);
    (void) bench_queue(&b, "empty");
    bench_settle(&b);
    assert_string_equal(bench_names(&b), "b a c ");
    hub_queue_ack(bench_queue(&b, "b"), expect_number("b", 0));
    assert_string_equal(bench_names(&b), "a c b ");
    bench_close(&b);
    bench_open(&b);
    assert_string_equal(bench_names(&b), "a c b ");
}

static void a_backlog_is_read_with_little_memory(void **state)
{
    struct hub_stored got;
    (void) state;

    bench_close(&b);
    b.options.cache_bytes = 1 << 20;
    bench_open(&b);
    for (int i = 0; i < 100000; i += 1000) {
        put_numbers(i % 2000 ? "q" : "p", i, i + 1000);
        bench_settle(&b);
    }
    for (int i = 0; i < 100000; i++) {
        const char *queue = i / 1000 % 2 ? "q" : "p";

        hub_queue_ack(bench_queue(&b, queue), expect_number(queue, i));
        if (i == 50000)
            hub_queue_rewind(bench_queue(&b, "q"));
    }
    assert_int_equal(bench_take(&b, "p", &got), HUB_QUEUE_EMPTY);
    assert_int_equal(bench_ledger(&b).delivered, 100000);
}

static void on_got(int rc, struct edge_bytes data, void *arg)
{
    struct edge_buf *out = arg;

    assert_int_equal(rc, 0);
    assert_int_equal(edge_buf_printf(out, "[%.*s]", data.data ? (int) data.len : 4,
                                     data.data ? (const char *) data.data : "none"),
                     0);
    out->max--; /* counts the answers */
}

static bool got_three(struct bench *bench)
{
    return ((struct edge_buf *) bench->user)->max == 1000 - 3;
}

static void append_document(const char *name, struct edge_bytes data, void *arg)
{
    edge_ignore(edge_buf_printf(arg, "%s=%.*s;", name, (int) data.len, (const char *) data.data));
}

static void documents_are_seen_with_all_that_was_set_before(void **state)
{
    struct edge_buf out = EDGE_BUF_INIT(1000);
    (void) state;

    b.user = &out;
    assert_int_equal(bench_set(&b, "kind", "name", "one"), 0);
    assert_int_equal(hub_store_get(b.store, "kind", "name", on_got, &out), 0);
    assert_int_equal(bench_set(&b, "kind", "name", "two"), 0);
    assert_int_equal(bench_set(&b, "kind", "empty", ""), 0);
    assert_int_equal(hub_store_get(b.store, "kind", "name", on_got, &out), 0);
    assert_int_equal(bench_set(&b, "kind", "name", NULL), 0);
    assert_int_equal(hub_store_get(b.store, "kind", "name", on_got, &out), 0);
    bench_run(&b, got_three);
    assert_string_equal(out.data, "[one][two][none]");
    edge_buf_fini(&out);
    assert_int_equal(bench_set(&b, "kind", "z", "last"), 0);
    assert_int_equal(bench_set(&b, "other", "a", "no"), 0);
    bench_close(&b);
    bench_open(&b);
    assert_int_equal(hub_store_each(b.store, "kind", append_document, &out), 0);
    assert_string_equal(out.data, "empty=;z=last;");
    edge_buf_fini(&out);
}

static void what_has_no_route_is_counted(void **state)
{
    int route = hub_store_route(b.store, "");
    (void) state;

    assert_int_not_equal(hub_store_route(b.store, "r"), route);
    hub_store_count_unrouted(b.store, route);
    hub_store_count_unrouted(b.store, hub_store_route(b.store, "r"));
    assert_int_equal(bench_ledger(&b).dropped[HUB_DROP_NO_ROUTE], 1);
    bench_close(&b);
    bench_open(&b);
    assert_int_equal(bench_ledger(&b).dropped[HUB_DROP_NO_ROUTE], 1);
    assert_int_equal(bench_ledger(&b).in, 1);
    assert_int_equal(hub_store_route(b.store, ""), route);
}

static void closing_tells_everybody(void **state)
{
    (void) state;
    put_numbers("q", 0, 100);
    b.store = hub_store_close(b.store);
    bench_settle(&b);
    assert_int_equal(b.done, 100);
    bench_open(&b);
    assert_int_equal(hub_queue_length(bench_queue(&b, "q")), 100);
}

static void a_read_that_comes_back_during_close_is_nobodys(void **state)
{
    struct hub_stored got;
    (void) state;

    b.options.cache_bytes = 1; /* what is taken is read from disk */
    assert_int_equal(bench_put1(&b, "message", "q"), 0);
    bench_settle(&b);
    bench_close(&b);
    bench_open(&b);
    assert_int_equal(hub_queue_take(bench_queue(&b, "q"), &got), HUB_QUEUE_WAIT);
    bench_close(&b);
    bench_open(&b);
    (void) bench_expect(&b, "q", "message");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_come_in_the_order_they_were_put),
        TEST(what_is_acknowledged_is_gone_after_reopening),
        TEST(a_rewound_queue_gives_what_was_not_acknowledged_again_first),
        TEST(late_and_unknown_acknowledgements_do_no_harm),
        TEST(acknowledging_in_any_order_leaves_the_rest),
        TEST(each_queue_of_a_message_has_its_own_life),
        TEST(a_consumer_is_called_once_when_there_is_something),
        TEST(expired_messages_are_passed_over_and_counted),
        TEST(a_cleared_queue_is_empty_at_once_and_for_ever),
        TEST(the_order_of_queues_is_that_of_their_first_message),
        TEST(a_backlog_is_read_with_little_memory),
        TEST(documents_are_seen_with_all_that_was_set_before),
        TEST(what_has_no_route_is_counted),
        TEST(closing_tells_everybody),
        TEST(a_read_that_comes_back_during_close_is_nobodys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
