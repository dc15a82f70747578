#include "tests/unit/test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "common/base/bytes.h"
#include "common/base/cancel.h"
#include "common/loop/pool.h"

enum { JOBS = 500, PATIENCE_MS = 20000 };

struct world {
    struct edge_loop *loop;
    struct edge_pool *pool;
    struct edge_cancel *cancel;
    pthread_t loop_thread;
    atomic_int running;
    atomic_int most;
    atomic_int worked;
    int done;
    int stop_at;
    int wrong_thread;
    int out_of_order;
};

struct job {
    struct world *world;
    int number;
    bool worked;
};

static void set_up(struct world *w, unsigned threads)
{
    *w = (struct world){.loop_thread = pthread_self(), .cancel = edge_cancel_create()};
    assert_non_null(w->cancel);
    assert_int_equal(edge_loop_create(&w->loop), 0);
    assert_int_equal(edge_pool_create(w->loop, "test", threads, &w->pool), 0);
}

static void tear_down(struct world *w)
{
    edge_pool_destroy(w->pool);
    edge_loop_destroy(w->loop);
    edge_cancel_unref(w->cancel);
}

static void note_most(struct world *w, int running)
{
    int most = atomic_load(&w->most);

    while (running > most && !atomic_compare_exchange_weak(&w->most, &most, running))
        continue;
}

static void work(void *arg)
{
    struct job *job = arg;
    struct world *w = job->world;

    note_most(w, atomic_fetch_add(&w->running, 1) + 1);
    if (pthread_equal(pthread_self(), w->loop_thread))
        abort();
    job->worked = true;
    atomic_fetch_add(&w->worked, 1);
    atomic_fetch_sub(&w->running, 1);
}

static void wait_then_work(void *arg)
{
    struct job *job = arg;

    (void) edge_cancel_sleep(job->world->cancel, PATIENCE_MS);
    work(arg);
}

static void done(void *arg)
{
    struct job *job = arg;
    struct world *w = job->world;

    if (!pthread_equal(pthread_self(), w->loop_thread) || !job->worked)
        w->wrong_thread++;
    if (job->number != w->done)
        w->out_of_order++;
    if (++w->done == w->stop_at)
        edge_loop_stop(w->loop);
    free(job);
}

static void submit(struct world *w, int n, void (*fn)(void *arg))
{
    for (int i = 0; i < n; i++) {
        struct job *job = malloc(sizeof *job);

        assert_non_null(job);
        *job = (struct job){w, i, false};
        edge_pool_submit(w->pool, fn, done, job);
    }
}

static void test_every_job_is_worked_and_done(void **state)
{
    struct world w;
    (void) state;

    set_up(&w, 4);
    w.stop_at = JOBS;
    submit(&w, JOBS, work);
    edge_loop_run(w.loop);
    assert_int_equal(w.worked, JOBS);
    assert_int_equal(w.done, JOBS);
    assert_int_equal(w.wrong_thread, 0);
    assert_in_range(w.most, 1, 4);
    tear_down(&w);
}

static void test_one_thread_is_a_serial_queue(void **state)
{
    struct world w;
    (void) state;

    set_up(&w, 1);
    w.stop_at = JOBS;
    submit(&w, JOBS, work);
    edge_loop_run(w.loop);
    assert_int_equal(w.most, 1);
    assert_int_equal(w.out_of_order, 0);
    tear_down(&w);
}

static void meet(void *arg)
{
    struct job *job = arg;
    struct world *w = job->world;
    static const int wanted = 3;

    /* Each waits for the others: fewer threads than that and the first would wait for ever. */
    if (atomic_fetch_add(&w->running, 1) + 1 == wanted)
        edge_cancel_fire(w->cancel);
    job->worked = edge_cancel_sleep(w->cancel, PATIENCE_MS);
}

static void test_as_many_threads_as_asked_for_work_at_once(void **state)
{
    struct world w;
    (void) state;

    set_up(&w, 3);
    w.stop_at = 3;
    submit(&w, 3, meet);
    edge_loop_run(w.loop);
    assert_int_equal(w.wrong_thread, 0);
    tear_down(&w);
}

static void test_destroy_waits_for_outstanding_work(void **state)
{
    struct world w;
    (void) state;

    set_up(&w, 2);
    submit(&w, 20, wait_then_work);
    edge_cancel_fire(w.cancel);
    w.pool = edge_pool_destroy(w.pool);
    assert_null(w.pool);
    assert_int_equal(w.worked, 20);
    tear_down(&w); /* what is done is told when the loop goes */
    assert_int_equal(w.done, 20);
    assert_int_equal(w.wrong_thread, 0);
}

static void test_an_unused_pool_starts_no_threads(void **state)
{
    struct world w;
    (void) state;

    set_up(&w, 8);
    tear_down(&w);
    assert_null(edge_pool_destroy(NULL));
    assert_null(edge_loop_destroy(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_job_is_worked_and_done),
        cmocka_unit_test(test_one_thread_is_a_serial_queue),
        cmocka_unit_test(test_as_many_threads_as_asked_for_work_at_once),
        cmocka_unit_test(test_destroy_waits_for_outstanding_work),
        cmocka_unit_test(test_an_unused_pool_starts_no_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
