/* What the store refuses and what it lets go: limits, policies, a disk at its reserve, two owners.
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <sys/statvfs.h>

#include "tests/unit/hub/store.h"

static struct bench b;
static char text[1001];

static int set_up(void **state)
{
    (void) state;
    bench_init(&b);
    memset(text, 't', sizeof text - 1);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    bench_fini(&b);
    return 0;
}

static struct hub_store_figures figures(void)
{
    struct hub_store_figures f;

    hub_store_figures(b.store, &f);
    return f;
}

static void over_the_limit_new_messages_are_refused(void **state)
{
    int stored = 0;
    (void) state;

    b.options.max_bytes = 50 * 1000;
    bench_open(&b);
    while (bench_put1(&b, text, "q") == 0)
        stored++;
    assert_in_range(stored, 40, 50);
    bench_settle(&b);
    assert_int_equal(bench_put1(&b, text, "q"), HUB_STORE_FULL);
    hub_queue_ack(bench_queue(&b, "q"), bench_expect(&b, "q", text));
    assert_int_equal(bench_put1(&b, text, "q"), 0);
    bench_settle(&b);
    assert_int_equal(b.done, stored + 1);
    assert_int_equal(bench_ledger(&b).pending, stored);
    bench_close(&b); /* what waits counts after opening, too */
    bench_open(&b);
    assert_int_equal(bench_put1(&b, text, "q"), HUB_STORE_FULL);
    hub_store_set_limit(b.store, 60 * 1000, HUB_STORE_REFUSE_NEW);
    assert_int_equal(bench_put1(&b, text, "q"), 0);
    bench_settle(&b);
}

static void over_the_limit_the_oldest_of_all_queues_make_room(void **state)
{
    char name[16];
    char body[64];
    (void) state;

    b.options.max_bytes = 100 * (sizeof body + 32);
    b.options.policy = HUB_STORE_DROP_OLDEST;
    bench_open(&b);
    memset(body, ' ', sizeof body);
    for (int i = 0; i < 300; i++) {
        (void) snprintf(body, sizeof body, "%-62d", i);
        (void) snprintf(name, sizeof name, "q%d", i % 7);
        assert_int_equal(bench_put1(&b, body, name), 0);
        bench_settle(&b);
    }
    for (int i = 300 - (int) figures().pending; i < 300; i++) {
        (void) snprintf(body, sizeof body, "%-62d", i);
        (void) snprintf(name, sizeof name, "q%d", i % 7);
        (void) bench_expect(&b, name, body);
    }
    assert_in_range(figures().pending, 95, 105);
    assert_int_equal(bench_ledger(&b).dropped[HUB_DROP_LIMIT], 300 - figures().pending);
}

static void what_is_at_its_consumer_is_not_dropped_for_room(void **state)
{
    uint64_t id;
    (void) state;

    b.options.max_bytes = 2 * 1100;
    b.options.policy = HUB_STORE_DROP_OLDEST;
    bench_open(&b);
    assert_int_equal(bench_put1(&b, text, "q"), 0);
    bench_settle(&b);
    id = bench_expect(&b, "q", text);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(bench_put1(&b, text, "q"), 0);
        bench_settle(&b);
    }
    hub_queue_ack(bench_queue(&b, "q"), id);
    assert_int_equal(bench_ledger(&b).delivered, 1);
    assert_int_equal(bench_ledger(&b).dropped[HUB_DROP_LIMIT], 4);
}

static void a_message_of_many_queues_is_counted_and_stored_once(void **state)
{
    static struct hub_target many[HUB_STORE_TARGETS_MAX + 1];
    struct hub_queue *queues[HUB_STORE_TARGETS_MAX];
    uint64_t ids[HUB_STORE_TARGETS_MAX];
    char name[16];
    (void) state;

    bench_open(&b);
    for (int i = 0; i < HUB_STORE_TARGETS_MAX; i++) {
        (void) snprintf(name, sizeof name, "q%d", i);
        queues[i] = bench_queue(&b, name);
    }
    assert_int_equal(bench_put(&b, text, queues, HUB_STORE_TARGETS_MAX, 0), 0);
    assert_int_equal(
        hub_store_put(b.store, (struct edge_bytes){0}, many, HUB_STORE_TARGETS_MAX + 1, NULL, NULL),
        EDGE_ELIMIT);
    bench_settle(&b);
    bench_close(&b);
    bench_open(&b);
    assert_int_equal(figures().pending, HUB_STORE_TARGETS_MAX);
    assert_int_equal(figures().pending_bytes, 1000 + 32 * HUB_STORE_TARGETS_MAX);
    for (int i = 0; i < HUB_STORE_TARGETS_MAX; i++) {
        (void) snprintf(name, sizeof name, "q%d", i);
        ids[i] = bench_expect(&b, name, text);
        queues[i] = bench_queue(&b, name);
    }
    for (int i = 0; i < HUB_STORE_TARGETS_MAX; i++) {
        assert_true(figures().pending_bytes >= 1000);
        hub_queue_ack(queues[i], ids[i]);
    }
    assert_int_equal(figures().pending_bytes, 0);
    assert_int_equal(bench_ledger(&b).delivered, HUB_STORE_TARGETS_MAX);
}

static void a_body_over_the_limit_is_refused(void **state)
{
    static char large[HUB_STORE_BODY_MAX + 2];
    (void) state;

    bench_open(&b);
    memset(large, 'l', sizeof large - 1);
    assert_int_equal(bench_put1(&b, large, "q"), EDGE_ELIMIT);
    large[HUB_STORE_BODY_MAX] = '\0';
    assert_int_equal(bench_put1(&b, large, "q"), 0);
    assert_int_equal(bench_put1(&b, "", "q"), 0);
    bench_settle(&b);
    bench_close(&b);
    bench_open(&b);
    (void) bench_expect(&b, "q", large);
    (void) bench_expect(&b, "q", "");
}

static void producers_that_do_not_wait_are_stopped(void **state)
{
    static char large[HUB_STORE_BODY_MAX + 1];
    size_t bytes = 0;
    int rc;
    (void) state;

    bench_open(&b);
    memset(large, 'l', sizeof large - 1);
    while ((rc = bench_put1(&b, large, "q")) == 0) {
        bytes += HUB_STORE_BODY_MAX;
        assert_int_equal(hub_store_uncommitted(b.store), bytes);
        assert_true(bytes < 64 << 20);
    }
    assert_int_equal(rc, HUB_STORE_FULL);
    bench_settle(&b);
    assert_int_equal(hub_store_uncommitted(b.store), 0);
    assert_int_equal(bench_put1(&b, large, "q"), 0);
    bench_settle(&b);
    assert_int_equal(b.failed, 0);
}

static void a_disk_at_its_reserve_takes_nothing_but_gives(void **state)
{
    struct statvfs fs;
    (void) state;

    bench_open(&b);
    assert_int_equal(bench_put1(&b, text, "q"), 0);
    bench_settle(&b);
    bench_close(&b);
    assert_int_equal(statvfs(b.dir, &fs), 0);
    b.options.reserve_bytes = UINT64_MAX / 4; /* more than there is */
    bench_open(&b);
    assert_true(figures().full);
    assert_int_equal(bench_put1(&b, text, "q"), HUB_STORE_FULL);
    hub_queue_ack(bench_queue(&b, "q"), bench_expect(&b, "q", text));
    assert_int_equal(bench_ledger(&b).pending, 0);
    bench_close(&b);
    b.options.reserve_bytes = 1;
    bench_open(&b);
    assert_int_equal(bench_put1(&b, text, "q"), 0);
    bench_settle(&b);
    assert_int_equal(bench_ledger(&b).delivered, 1);
}

static void one_folder_has_one_owner(void **state)
{
    struct hub_store *second = NULL;
    struct edge_err err = {0};
    (void) state;

    bench_open(&b);
    assert_int_equal(hub_store_open(&b.options, &second, &err), EDGE_ECONFLICT);
    assert_null(second);
    assert_non_null(strstr(err.text, b.dir));
}

static void a_folder_that_cannot_be_made_is_an_error(void **state)
{
    struct edge_err err = {0};
    (void) state;

    b.options.dir = "/proc/nowhere";
    assert_int_equal(hub_store_open(&b.options, &b.store, &err), EDGE_ESTORE);
    assert_null(b.store);
    assert_true(strlen(err.text) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(over_the_limit_new_messages_are_refused),
        TEST(over_the_limit_the_oldest_of_all_queues_make_room),
        TEST(what_is_at_its_consumer_is_not_dropped_for_room),
        TEST(a_message_of_many_queues_is_counted_and_stored_once),
        TEST(a_body_over_the_limit_is_refused),
        TEST(producers_that_do_not_wait_are_stopped),
        TEST(a_disk_at_its_reserve_takes_nothing_but_gives),
        TEST(one_folder_has_one_owner),
        TEST(a_folder_that_cannot_be_made_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
