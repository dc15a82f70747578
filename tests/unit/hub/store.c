#include "tests/unit/hub/store.h"

#include <stdio.h>
#include <uv.h>

#include "common/base/file.h"
#include "tests/unit/test.h"

static void on_notice(const char *text, void *arg)
{
    struct bench *bench = arg;

    (void) snprintf(bench->notice, sizeof bench->notice, "%s", text);
    bench->notices++;
}

static void on_limit(void *arg)
{
    ((struct bench *) arg)->timed_out = true;
}

void bench_init(struct bench *bench)
{
    *bench = (struct bench){.dir = "/tmp/test-store-XXXXXX"};
    assert_non_null(mkdtemp(bench->dir));
    assert_int_equal(edge_loop_create(&bench->loop), 0);
    bench->limit = edge_timer_create(bench->loop, on_limit, bench);
    assert_non_null(bench->limit);
    bench->options = (struct hub_store_options){.loop = bench->loop,
                                                .dir = bench->dir,
                                                .max_bytes = 1 << 30,
                                                .reserve_bytes = 1,
                                                .notice = on_notice,
                                                .arg = bench};
}

void bench_fini(struct bench *bench)
{
    bench_close(bench);
    bench->limit = edge_timer_destroy(bench->limit);
    bench->loop = edge_loop_destroy(bench->loop);
    assert_int_equal(edge_remove_tree(bench->dir, NULL), 0);
}

void bench_open(struct bench *bench)
{
    struct edge_err err = {0};
    int rc = hub_store_open(&bench->options, &bench->store, &err);

    if (rc != 0)
        print_error("open: %d %s\n", rc, err.text);
    assert_int_equal(rc, 0);
}

void bench_close(struct bench *bench)
{
    bench->store = hub_store_close(bench->store);
    bench_turn(bench);
}

void bench_run(struct bench *bench, bool (*until)(struct bench *bench))
{
    bench->timed_out = false;
    edge_timer_arm(bench->limit, 60000);
    while (!until(bench) && !bench->timed_out)
        uv_run(edge_loop_native(bench->loop), UV_RUN_ONCE);
    edge_timer_disarm(bench->limit);
    assert_false(bench->timed_out);
}

static void on_tick(void *arg)
{
    struct bench *bench = arg;

    edge_timer_arm(bench->tick, 1);
}

void bench_run_each_ms(struct bench *bench, bool (*until)(struct bench *bench))
{
    bench->tick = edge_timer_create(bench->loop, on_tick, bench);
    edge_timer_arm(bench->tick, 1);
    bench_run(bench, until);
    bench->tick = edge_timer_destroy(bench->tick);
}

void bench_turn(struct bench *bench)
{
    for (int i = 0; i < 3; i++)
        uv_run(edge_loop_native(bench->loop), UV_RUN_NOWAIT);
}

static bool all_told(struct bench *bench)
{
    return bench->done + bench->failed == bench->asked;
}

void bench_settle(struct bench *bench)
{
    bench_run(bench, all_told);
}

struct asked {
    struct bench *bench;
    uint64_t number;
};

static void on_done(int rc, void *arg)
{
    struct asked *asked = arg;
    struct bench *bench = asked->bench;

    if (asked->number != bench->done + bench->failed)
        bench->out_of_order++;
    if (rc == 0)
        bench->done++;
    else
        bench->failed++;
    free(asked);
}

int bench_put(struct bench *bench, const char *text, struct hub_queue *const *queues, size_t n,
              int64_t ttl_s)
{
    struct hub_target targets[HUB_STORE_TARGETS_MAX];
    struct edge_bytes data = {(const uint8_t *) text, strlen(text)};
    struct asked *asked = malloc(sizeof *asked);
    int route = hub_store_route(bench->store, "r");
    int rc;

    assert_true(n <= HUB_STORE_TARGETS_MAX && route >= 0);
    assert_non_null(asked);
    *asked = (struct asked){bench, bench->asked};
    for (size_t i = 0; i < n; i++)
        targets[i] = (struct hub_target){queues[i], route, ttl_s};
    rc = hub_store_put(bench->store, data, targets, n, on_done, asked);
    if (rc == 0)
        bench->asked++;
    else
        free(asked);
    return rc;
}

int bench_set(struct bench *bench, const char *kind, const char *name, const char *text)
{
    struct edge_bytes data = {(const uint8_t *) text, text ? strlen(text) : 0};
    struct asked *asked = malloc(sizeof *asked);
    int rc;

    assert_non_null(asked);
    *asked = (struct asked){bench, bench->asked};
    rc = hub_store_set(bench->store, kind, name, data, on_done, asked);
    if (rc == 0)
        bench->asked++;
    else
        free(asked);
    return rc;
}

static void add_name(struct hub_queue *queue, void *arg)
{
    struct bench *bench = arg;
    size_t len = strlen(bench->names);

    (void) snprintf(bench->names + len, sizeof bench->names - len, "%s ", hub_queue_name(queue));
}

const char *bench_names(struct bench *bench)
{
    bench->names[0] = '\0';
    hub_store_each_queue(bench->store, add_name, bench);
    return bench->names;
}

struct hub_queue *bench_queue(struct bench *bench, const char *name)
{
    struct hub_queue *queue = hub_store_queue(bench->store, name);

    assert_non_null(queue);
    return queue;
}

int bench_put1(struct bench *bench, const char *text, const char *queue)
{
    struct hub_queue *q = bench_queue(bench, queue);

    return bench_put(bench, text, &q, 1, 0);
}

static void on_ready(struct hub_queue *queue, void *arg)
{
    (void) queue;
    ((struct bench *) arg)->ready++;
}

static bool is_ready(struct bench *bench)
{
    return bench->ready > 0;
}

int bench_take(struct bench *bench, const char *queue, struct hub_stored *ret)
{
    struct hub_queue *q = bench_queue(bench, queue);
    int rc;

    hub_queue_consume(q, on_ready, bench);
    while ((rc = hub_queue_take(q, ret)) == HUB_QUEUE_WAIT || rc == HUB_QUEUE_FAILING) {
        bench->ready = 0;
        bench_run(bench, is_ready);
    }
    return rc;
}

uint64_t bench_expect(struct bench *bench, const char *queue, const char *text)
{
    struct hub_stored got;

    assert_int_equal(bench_take(bench, queue, &got), 0);
    assert_int_equal(got.data.len, strlen(text));
    assert_memory_equal(got.data.data, text, got.data.len);
    return got.id;
}

void bench_expect_empty(struct bench *bench, const char *queue)
{
    struct hub_stored got;

    assert_int_equal(bench_take(bench, queue, &got), HUB_QUEUE_EMPTY);
}

struct checked {
    int rc;
    bool told;
    struct hub_ledger ledger;
    char text[700];
};

static struct checked *checking;

static void on_checked(int rc, const char *text, void *arg)
{
    struct checked *checked = arg;

    checked->rc = rc;
    checked->told = true;
    (void) snprintf(checked->text, sizeof checked->text, "%s", text);
}

static bool was_checked(struct bench *bench)
{
    (void) bench;
    return checking->told;
}

static void on_route(const char *name, const struct hub_ledger *ledger, void *arg)
{
    if (strcmp(name, "r") == 0)
        ((struct checked *) arg)->ledger = *ledger;
}

struct hub_ledger bench_ledger(struct bench *bench)
{
    struct checked checked = {0};
    uint64_t out;

    checking = &checked;
    assert_int_equal(hub_store_check(bench->store, on_checked, &checked), 0);
    bench_run(bench, was_checked);
    if (checked.rc != 0)
        print_error("check: %s\n", checked.text);
    assert_int_equal(checked.rc, 0);
    hub_store_each_route(bench->store, on_route, &checked);
    out = checked.ledger.delivered + checked.ledger.expired + checked.ledger.pending;
    for (int why = 0; why < HUB_DROP_MAX; why++)
        out += checked.ledger.dropped[why];
    assert_int_equal(checked.ledger.in, out);
    return checked.ledger;
}
