/* store-bench DIR ROWS SIZE BATCH [QUEUES] - how fast messages go through the hub's store, beside
 * the same rows in a plain SQLite loop. At most BATCH messages are on their way at a time. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "common/base/file.h"
#include "common/loop/loop.h"
#include "hub/store/store.h"

struct run {
    const char *dir;
    size_t rows, size, batch, nqueues;
    uint8_t *body;
    struct edge_loop *loop;
    struct hub_store *store;
    struct hub_queue **queues;
    int route;
    size_t asked, told, failed, taken;
    double *began; /* of each row that is on its way, in a ring of `batch` */
    float *waited; /* milliseconds of each row */
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static double cpu(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static double from_proc(const char *path, const char *name)
{
    char line[256];
    double value = 0;
    FILE *file = fopen(path, "re");

    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtod(line + strlen(name), NULL);
    }
    if (file)
        fclose(file);
    return value;
}

static double written(void)
{
    return from_proc("/proc/self/io", "write_bytes:");
}

static double resident_mib(void)
{
    return from_proc("/proc/self/status", "VmRSS:") / 1024;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *) a;
    float y = *(const float *) b;

    return x < y ? -1 : x > y;
}

static void put_more(struct run *run);

static void on_done(int rc, void *arg)
{
    struct run *run = arg;

    run->waited[run->told] = (float) (now() - run->began[run->told % run->batch]) * 1000;
    run->told++;
    run->failed += rc < 0 ? 1 : 0;
    put_more(run);
}

static void put_more(struct run *run)
{
    while (run->asked < run->rows && run->asked - run->told < run->batch) {
        struct hub_target target = {run->queues[run->asked % run->nqueues], run->route, 0};
        struct edge_bytes data = {run->body, run->size};

        run->began[run->asked % run->batch] = now();
        if (hub_store_put(run->store, data, &target, 1, on_done, run) != 0)
            return;
        run->asked++;
    }
}

static void on_ready(struct hub_queue *queue, void *arg)
{
    struct run *run = arg;
    struct hub_stored got;

    while (hub_queue_take(queue, &got) == 0) {
        hub_queue_ack(queue, got.id);
        run->taken++;
    }
}

static void wait_for(struct run *run, const size_t *count, size_t target)
{
    while (*count < target)
        uv_run(edge_loop_native(run->loop), UV_RUN_ONCE);
}

static void consume(struct run *run)
{
    for (size_t i = 0; i < run->nqueues; i++) {
        hub_queue_consume(run->queues[i], on_ready, run);
        on_ready(run->queues[i], run);
    }
}

static void report(const char *what, const struct run *run, double seconds, double cpu_s,
                   double bytes)
{
    printf("%-22s %9.0f rows/s  %5.2f us CPU/row  %5.2f bytes written per byte\n", what,
           (double) run->rows / seconds, cpu_s / (double) run->rows * 1e6,
           bytes / ((double) run->rows * (double) run->size));
}

static void print_waits(struct run *run)
{
    qsort(run->waited, run->rows, sizeof *run->waited, by_size);
    printf("%-22s p50 %.2f ms, p99 %.2f ms, max %.2f ms\n", "  put to done",
           (double) run->waited[run->rows / 2], (double) run->waited[run->rows / 100 * 99],
           (double) run->waited[run->rows - 1]);
}

static int open_store(struct run *run)
{
    struct hub_store_options options = {
        .loop = run->loop, .dir = run->dir, .max_bytes = UINT64_MAX / 2};
    struct edge_err err = {0};
    int rc = hub_store_open(&options, &run->store, &err);

    if (rc < 0) {
        fprintf(stderr, "%s\n", err.text);
        return rc;
    }
    run->route = hub_store_route(run->store, "bench");
    for (size_t i = 0; i < run->nqueues; i++) {
        char name[32];

        (void) snprintf(name, sizeof name, "queue/%zu", i);
        run->queues[i] = hub_store_queue(run->store, name);
    }
    return 0;
}

static void fill(struct run *run, const char *what)
{
    double began = now();
    double cpu_began = cpu();
    double bytes = written();

    run->asked = run->told = 0;
    put_more(run);
    wait_for(run, &run->told, run->rows);
    report(what, run, now() - began, cpu() - cpu_began, written() - bytes);
    print_waits(run);
}

static int bench_room(struct run *run)
{
    double before = resident_mib();
    double began;
    double cpu_began;
    double bytes;
    int rc = open_store(run);

    if (rc < 0)
        return rc;
    fill(run, "room: put");
    printf("%-22s %.1f MiB more than before\n", "  resident, pending", resident_mib() - before);
    hub_store_close(run->store);
    began = now();
    rc = open_store(run);
    if (rc < 0)
        return rc;
    printf("%-22s %.2f s, %.1f MiB more than before\n", "  opened again", now() - began,
           resident_mib() - before);
    began = now();
    cpu_began = cpu();
    bytes = written();
    consume(run);
    wait_for(run, &run->taken, run->rows);
    report("room: drain", run, now() - began, cpu() - cpu_began, written() - bytes);
    began = now();
    cpu_began = cpu();
    bytes = written();
    run->taken = 0;
    run->asked = run->told = 0;
    put_more(run);
    wait_for(run, &run->taken, run->rows);
    hub_store_close(run->store);
    report("room: put, delivered", run, now() - began, cpu() - cpu_began, written() - bytes);
    return (int) run->failed;
}

static void exec(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
}

static void insert_all(sqlite3 *db, const struct run *run)
{
    sqlite3_stmt *put = NULL;

    sqlite3_prepare_v2(db, "INSERT INTO m VALUES(?1,?2)", -1, &put, NULL);
    for (size_t i = 0; i < run->rows; i++) {
        if (i % run->batch == 0)
            exec(db, "BEGIN");
        sqlite3_bind_int64(put, 1, (sqlite3_int64) i + 1);
        sqlite3_bind_blob(put, 2, run->body, (int) run->size, SQLITE_STATIC);
        sqlite3_step(put);
        sqlite3_reset(put);
        if (i % run->batch == run->batch - 1 || i == run->rows - 1)
            exec(db, "COMMIT");
    }
    sqlite3_finalize(put);
}

static void drain_all(sqlite3 *db, const struct run *run)
{
    sqlite3_stmt *get = NULL;
    sqlite3_stmt *del = NULL;

    sqlite3_prepare_v2(db, "SELECT data FROM m WHERE id BETWEEN ?1 AND ?2", -1, &get, NULL);
    sqlite3_prepare_v2(db, "DELETE FROM m WHERE id BETWEEN ?1 AND ?2", -1, &del, NULL);
    for (size_t i = 0; i < run->rows; i += 100) {
        sqlite3_bind_int64(get, 1, (sqlite3_int64) i + 1);
        sqlite3_bind_int64(get, 2, (sqlite3_int64) i + 100);
        while (sqlite3_step(get) == SQLITE_ROW)
            (void) sqlite3_column_blob(get, 0);
        sqlite3_reset(get);
        sqlite3_bind_int64(del, 1, (sqlite3_int64) i + 1);
        sqlite3_bind_int64(del, 2, (sqlite3_int64) i + 100);
        sqlite3_step(del);
        sqlite3_reset(del);
    }
    sqlite3_finalize(get);
    sqlite3_finalize(del);
}

static void bench_sqlite(const struct run *run)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/plain.db", run->dir);
    double began = now();
    double cpu_began = cpu();
    double bytes = written();
    sqlite3 *db = NULL;

    sqlite3_open(path, &db);
    exec(db, "PRAGMA page_size=16384");
    exec(db, "PRAGMA journal_mode=WAL");
    exec(db, "PRAGMA synchronous=FULL");
    exec(db, "PRAGMA secure_delete=OFF");
    exec(db, "CREATE TABLE m(id INTEGER PRIMARY KEY,data BLOB)");
    insert_all(db, run);
    report("SQLite: insert", run, now() - began, cpu() - cpu_began, written() - bytes);
    began = now();
    cpu_began = cpu();
    bytes = written();
    drain_all(db, run);
    report("SQLite: drain by 100", run, now() - began, cpu() - cpu_began, written() - bytes);
    sqlite3_close(db);
}

int main(int argc, char **argv)
{
    struct run run = {.nqueues = 1};
    int failed;

    if (argc < 5 || edge_loop_create(&run.loop) < 0) {
        fprintf(stderr, "usage: store-bench DIR ROWS SIZE BATCH [QUEUES]\n");
        return 2;
    }
    run.dir = argv[1];
    run.rows = strtoul(argv[2], NULL, 10);
    run.size = strtoul(argv[3], NULL, 10);
    run.batch = strtoul(argv[4], NULL, 10);
    if (argc > 5)
        run.nqueues = strtoul(argv[5], NULL, 10);
    run.body = calloc(1, run.size + 1);
    run.queues = calloc(run.nqueues + 1, sizeof(struct hub_queue *));
    run.began = calloc(run.batch + 1, sizeof *run.began);
    run.waited = calloc(run.rows + 1, sizeof *run.waited);
    if (!run.body || !run.queues || !run.began || !run.waited || run.batch == 0 ||
        edge_mkdirs(run.dir, 0700, NULL) < 0)
        return 1;
    memset(run.waited, 0, run.rows * sizeof *run.waited);
    memset(run.body, 'm', run.size);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("%zu rows of %zu bytes, at most %zu on their way, %zu queues\n", run.rows, run.size,
           run.batch, run.nqueues);
    failed = bench_room(&run);
    bench_sqlite(&run);
    edge_loop_destroy(run.loop);
    free(run.body);
    free(run.queues);
    free(run.began);
    free(run.waited);
    return failed ? 1 : 0;
}
