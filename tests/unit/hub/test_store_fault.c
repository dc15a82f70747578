/* The n-th read, write, sync or truncate of SQLite fails, for every n of a scenario: nothing that
 * was told 0 is lost, nothing that failed is there twice, the store resumes by itself, and the
 * ledger adds up. */
#include "tests/unit/test.h"

#include <sqlite3.h>
#include <stdio.h>
#include <uv.h>

#include "common/base/file.h"
#include "tests/unit/hub/fault_vfs.h"
#include "tests/unit/hub/store.h"

enum { ROUNDS = 6, EACH = 5, MESSAGES = ROUNDS * EACH + 1 };

enum fate { NOT_PUT, ASKED, STORED, FAILED, ACKED };

static struct bench b;
static struct message {
    enum fate fate;
    bool seen;
} messages[MESSAGES];
static bool document_told, document_stored;

static void on_put(int rc, void *arg)
{
    struct message *message = arg;

    assert_int_equal(message->fate, ASKED);
    message->fate = rc == 0 ? STORED : FAILED;
}

static void on_set(int rc, void *arg)
{
    (void) arg;
    document_told = true;
    document_stored = rc == 0;
}

static bool all_told(struct bench *bench)
{
    (void) bench;
    for (int i = 0; i < MESSAGES; i++) {
        if (messages[i].fate == ASKED)
            return false;
    }
    return document_told;
}

static void put(int i)
{
    char text[400];
    struct hub_target targets[2] = {{bench_queue(&b, "first"), 0, 0},
                                    {bench_queue(&b, "second"), 0, 0}};
    int n = snprintf(text, sizeof text, "message %d", i);

    memset(text + n + 1, 'x', sizeof text - (size_t) n - 1);
    messages[i].fate = ASKED;
    if (hub_store_put(b.store, (struct edge_bytes){(uint8_t *) text, sizeof text}, targets,
                      i % 3 ? 1 : 2, on_put, &messages[i]) != 0)
        messages[i].fate = NOT_PUT;
}

static void acknowledge_one(void)
{
    struct hub_queue *queue = bench_queue(&b, "first");
    struct hub_stored got;
    int number = -1;

    if (bench_take(&b, "first", &got) != 0)
        return;
    assert_int_equal(sscanf((const char *) got.data.data, "message %d", &number), 1);
    messages[number].fate = ACKED;
    hub_queue_ack(queue, got.id);
}

static bool try_open(void)
{
    return hub_store_open(&b.options, &b.store, NULL) == 0;
}

static void scenario(void)
{
    assert_int_equal(hub_store_route(b.store, "r"), 0);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < EACH; i++)
            put(round * EACH + i);
        document_told = round != 2;
        if (round == 2 &&
            hub_store_set(b.store, "kind", "name", (struct edge_bytes){(const uint8_t *) "v", 1},
                          on_set, NULL) != 0)
            document_told = true;
        bench_run(&b, all_told);
        acknowledge_one();
        acknowledge_one();
    }
}

static bool takes_again(struct bench *bench)
{
    struct hub_store_figures figures;

    hub_store_figures(bench->store, &figures);
    return !figures.full;
}

static void forget(void)
{
    memset(messages, 0, sizeof messages);
    document_told = true;
    document_stored = false;
    (void) edge_remove_tree(b.dir, NULL);
    assert_int_equal(edge_mkdirs(b.dir, 0700, NULL), 0);
}

static void look_for_all(const char *name)
{
    struct hub_stored got;
    int before = -1;

    while (bench_take(&b, name, &got) == 0) {
        int number = -1;

        assert_int_equal(sscanf((const char *) got.data.data, "message %d", &number), 1);
        assert_true(number > before);
        assert_int_not_equal(messages[number].fate, NOT_PUT);
        messages[number].seen = true;
        before = number;
    }
}

static void on_got(int rc, struct edge_bytes data, void *arg)
{
    assert_int_equal(rc, 0);
    *(bool *) arg = data.data != NULL;
    document_told = true;
}

static void check_after_reopening(void)
{
    bool there = false;

    bench_open(&b);
    (void) bench_ledger(&b);
    look_for_all("first");
    for (int i = 0; i < MESSAGES; i++)
        assert_true(messages[i].fate != STORED || messages[i].seen);
    look_for_all("second");
    document_told = false;
    assert_int_equal(hub_store_get(b.store, "kind", "name", on_got, &there), 0);
    bench_run(&b, all_told);
    assert_true(there || !document_stored);
    bench_close(&b);
}

/* @return false when the plan met no call any more */
static bool run_once(enum fault_kind kind, int nth, int times, int code)
{
    int failed;

    forget();
    fault_plan(kind, nth, times, code);
    if (try_open())
        scenario();
    failed = fault_end();
    if (b.store) {
        bench_run(&b, takes_again);
        put(MESSAGES - 1);
        bench_run(&b, all_told);
        assert_int_equal(messages[MESSAGES - 1].fate, STORED);
        (void) bench_ledger(&b);
        bench_close(&b);
    }
    check_after_reopening();
    return failed > 0;
}

static void run_all(enum fault_kind kind, int times, int code)
{
    int n = 1;

    while (run_once(kind, n, times, code))
        n++;
    assert_true(n > 1);
    print_message("%d calls failed, one by one\n", n - 1);
}

static void a_failing_write_loses_nothing(void **state)
{
    (void) state;
    run_all(FAULT_WRITE, 1, SQLITE_IOERR_WRITE);
}

static void a_full_disk_loses_nothing(void **state)
{
    (void) state;
    run_all(FAULT_WRITE, 4, SQLITE_FULL);
}

static void a_failing_sync_loses_nothing(void **state)
{
    (void) state;
    run_all(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC);
}

static void a_failing_read_loses_nothing(void **state)
{
    (void) state;
    run_all(FAULT_READ, 1, SQLITE_IOERR_READ);
}

static void a_failing_truncate_loses_nothing(void **state)
{
    (void) state;
    if (run_once(FAULT_TRUNCATE, 1, 1, SQLITE_IOERR_TRUNCATE))
        run_all(FAULT_TRUNCATE, 1, SQLITE_IOERR_TRUNCATE);
}

static int set_up(void **state)
{
    (void) state;
    fault_register();
    bench_init(&b);
    b.options.vfs = FAULT_VFS;
    b.options.cache_bytes = 1; /* everything taken is read from disk */
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    bench_fini(&b);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failing_write_loses_nothing),
        cmocka_unit_test(a_full_disk_loses_nothing),
        cmocka_unit_test(a_failing_sync_loses_nothing),
        cmocka_unit_test(a_failing_read_loses_nothing),
        cmocka_unit_test(a_failing_truncate_loses_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
