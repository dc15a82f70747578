/* The n-th read, write, sync or truncate of SQLite, or the n-th call of the log to its files,
 * fails, for every n of a scenario: nothing that was told 0 is lost, nothing that failed is there
 * twice, the store resumes by itself, and the ledger adds up. */
#include "tests/unit/test.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "common/base/file.h"
#include "hub/store/internal.h"
#include "hub/store/segment.h"
#include "tests/unit/hub/fault_files.h"
#include "tests/unit/hub/fault_vfs.h"
#include "tests/unit/hub/store.h"

enum { ROUNDS = 6, EACH = 5, MESSAGES = ROUNDS * EACH + 1, LARGE = 70000 };

enum fate { NOT_PUT, ASKED, STORED, FAILED, ACKED };

static struct bench b;
static struct message {
    enum fate fate;
    bool seen;
} messages[MESSAGES];
static bool document_told, document_stored;
static int cut_at;
static size_t body_size = 400; /* LARGE: a segment is full soon */

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
    static char text[LARGE];
    struct hub_target targets[2] = {{bench_queue(&b, "first"), 0, 0},
                                    {bench_queue(&b, "second"), 0, 0}};
    int n = snprintf(text, sizeof text, "message %d", i);

    memset(text + n + 1, 'x', body_size - (size_t) n - 1);
    messages[i].fate = ASKED;
    if (hub_store_put(b.store, (struct edge_bytes){(uint8_t *) text, body_size}, targets,
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
        for (int i = 0; i < EACH; i++) {
            if (messages[round * EACH + i].fate == NOT_PUT)
                put(round * EACH + i);
        }
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

/* After the faults: the store resumes. */
static void check_all(void)
{
    if (b.store) {
        bench_run(&b, takes_again);
        put(MESSAGES - 1);
        bench_run(&b, all_told);
        assert_int_equal(messages[MESSAGES - 1].fate, STORED);
        (void) bench_ledger(&b);
        bench_close(&b);
    }
    check_after_reopening();
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
    check_all();
    return failed > 0;
}

/* ... of the log's files, in a store that is opened with something in it. */
static bool run_files_once(enum fault_file kind, int nth, int times, int code)
{
    int failed;

    forget();
    bench_open(&b);
    assert_int_equal(hub_store_route(b.store, "r"), 0);
    put(0);
    bench_run(&b, all_told);
    bench_close(&b);
    fault_files_plan(kind, nth, times, code);
    if (try_open())
        scenario();
    failed = fault_files_end();
    check_all();
    return failed > 0;
}

static void run_files(enum fault_file kind, int times, int code)
{
    int n = 1;

    body_size = LARGE;
    while (run_files_once(kind, n, times, code))
        n++;
    assert_true(n > 1);
    print_message("%d calls failed, one by one\n", n - 1);
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

static void a_segment_that_cannot_be_opened_loses_nothing(void **state)
{
    (void) state;
    run_files(FILE_OPEN, 1, -EIO);
}

static void a_torn_group_loses_nothing(void **state)
{
    (void) state;
    run_files(FILE_WRITE, 1, -EIO);
}

static void a_group_that_may_not_be_on_disk_loses_nothing(void **state)
{
    (void) state;
    run_files(FILE_SYNC, 1, -EIO);
}

static void a_body_that_cannot_be_read_at_once_loses_nothing(void **state)
{
    (void) state;
    run_files(FILE_READ, 2, -EIO);
}

static void a_disk_without_room_for_a_segment_loses_nothing(void **state)
{
    (void) state;
    run_files(FILE_RESERVE, 4, -ENOSPC);
    run_files(FILE_WRITE, 2, -ENOSPC);
}

static void a_folder_that_does_not_change_loses_nothing(void **state)
{
    (void) state;
    run_files(FILE_RENAME, 1, -EIO);
    run_files(FILE_SYNC_FOLDER, 1, -EIO);
}

/* A log of several segments, of which every third message waits. */

enum { MANY = 3300 };

static void make_many(void)
{
    char text[1000];
    struct hub_stored got;

    forget();
    bench_open(&b);
    for (int i = 0; i < MANY; i++) {
        (void) snprintf(text, sizeof text, "%-999d", i);
        assert_int_equal(bench_put1(&b, text, i % 3 ? "gone" : "stays"), 0);
        if (i % 100 == 99)
            bench_settle(&b);
    }
    while (bench_take(&b, "gone", &got) == 0)
        hub_queue_ack(bench_queue(&b, "gone"), got.id);
    bench_close(&b);
}

static void see_that_many_are_there(void)
{
    struct hub_stored got;

    for (int i = 0; i < MANY; i += 3) {
        assert_int_equal(bench_take(&b, "stays", &got), 0);
        assert_int_equal(strtol((const char *) got.data.data, NULL, 10), i);
    }
    bench_expect_empty(&b, "stays");
    assert_int_equal(hub_queue_length(bench_queue(&b, "gone")), 0);
    assert_int_equal(bench_ledger(&b).pending, MANY / 3);
}

/* @return false when the plan met no call any more */
static bool merge_once(enum fault_file kind, int nth)
{
    int failed;
    int rc;

    make_many();
    bench_open(&b);
    assert_true(b.store->log->count > 2);
    fault_files_plan(kind, nth, 1000, -EIO); /* until it gives up */
    rc = hub_log_merge_run(b.store->log, 0, b.store->log->count, NULL);
    failed = fault_files_end();
    assert_true(failed > 0 || rc == 0);
    assert_true(rc < 0 || hub_log_bytes(b.store->log) < MANY * 500);
    see_that_many_are_there();
    bench_close(&b);
    bench_open(&b);
    see_that_many_are_there();
    bench_close(&b);
    return failed > 0;
}

static void a_merge_that_fails_changes_nothing(void **state)
{
    int calls = 0;
    (void) state;

    for (int kind = 0; kind < FILE_KINDS; kind++) {
        int step = kind == FILE_READ ? 11 : 1; /* they are many */

        for (int n = 1; merge_once((enum fault_file) kind, n); n += step)
            calls++;
    }
    assert_true(calls > 10);
    print_message("%d calls failed, one by one\n", calls);
}

static bool is_cut(void)
{
    static int left = -1;

    if (left < 0)
        left = cut_at;
    return --left == 0;
}

static void die_when_cut(void)
{
    if (is_cut())
        _exit(9);
}

/* It dies behind the n-th call. */
static bool die_in_merge(int nth)
{
    int status = 0;
    pid_t child;

    make_many();
    child = fork();
    if (child == 0) {
        struct bench own = b;

        alarm(300); /* who waits for it waits for ever */
        cut_at = nth;
        if (edge_loop_create(&own.loop) < 0)
            _exit(1);
        own.options.loop = own.loop;
        if (hub_store_open(&own.options, &own.store, NULL) < 0)
            _exit(2);
        fault_files_watch(die_when_cut);
        _exit(hub_log_merge_run(own.store->log, 0, own.store->log->count, NULL) == 0 ? 0 : 3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0));
    bench_open(&b);
    see_that_many_are_there();
    bench_close(&b);
    return WEXITSTATUS(status) == 9;
}

static void a_merge_may_be_cut_anywhere(void **state)
{
    int n = 1;
    (void) state;

    while (die_in_merge(n))
        n++;
    assert_true(n > 5);
    print_message("cut at %d places\n", n - 1);
}

/* Documents of a time when rows had no sums. */
static void an_older_file_is_brought_up_to_date(void **state)
{
    static const char older[] = "ALTER TABLE document DROP COLUMN sum;"
                                "PRAGMA user_version=1;PRAGMA application_id=1164199937;";
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/hub.db", b.dir);
    unsigned notices = b.notices;
    sqlite3 *db = NULL;
    bool there = false;
    (void) state;

    forget();
    bench_open(&b);
    assert_int_equal(bench_set(&b, "kind", "name", "v"), 0);
    bench_settle(&b);
    bench_close(&b);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, older, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    for (int i = 0; i < 2; i++) {
        bench_open(&b);
        document_told = false;
        assert_int_equal(hub_store_get(b.store, "kind", "name", on_got, &there), 0);
        bench_run(&b, all_told);
        assert_true(there);
        assert_int_equal(bench_set(&b, "kind", "other", "v"), 0);
        bench_settle(&b);
        bench_close(&b);
    }
    assert_int_equal(b.failed, 0);
    assert_int_equal(b.notices, notices);
}

static int set_up(void **state)
{
    (void) state;
    fault_register();
    bench_init(&b);
    b.options.vfs = FAULT_VFS;
    b.options.files = &fault_files;
    b.options.max_bytes = 16 << 20; /* the smallest segments */
    b.options.cache_bytes = 1;      /* everything taken is read from disk */
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
        cmocka_unit_test(a_segment_that_cannot_be_opened_loses_nothing),
        cmocka_unit_test(a_torn_group_loses_nothing),
        cmocka_unit_test(a_group_that_may_not_be_on_disk_loses_nothing),
        cmocka_unit_test(a_body_that_cannot_be_read_at_once_loses_nothing),
        cmocka_unit_test(a_disk_without_room_for_a_segment_loses_nothing),
        cmocka_unit_test(a_folder_that_does_not_change_loses_nothing),
        cmocka_unit_test(a_merge_that_fails_changes_nothing),
        cmocka_unit_test(a_merge_may_be_cut_anywhere),
        cmocka_unit_test(an_older_file_is_brought_up_to_date),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
