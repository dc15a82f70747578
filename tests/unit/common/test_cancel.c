#include "tests/unit/test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "common/base/cancel.h"
#include "common/base/clock.h"

static void count(void *arg)
{
    atomic_fetch_add((atomic_int *) arg, 1);
}

static void test_hooks_are_called_once(void **state)
{
    EDGE_CLEANUP(edge_cancel_unref) struct edge_cancel *cancel = edge_cancel_create();
    atomic_int calls = 0;
    atomic_int others = 0;
    atomic_int late = 0;
    struct edge_cancel_hook a = {.fn = count, .arg = &calls};
    struct edge_cancel_hook b = {.fn = count, .arg = &calls};
    struct edge_cancel_hook gone = {.fn = count, .arg = &others};
    struct edge_cancel_hook after = {.fn = count, .arg = &late};
    (void) state;

    assert_non_null(cancel);
    edge_cancel_add_hook(cancel, &a);
    edge_cancel_add_hook(cancel, &gone);
    edge_cancel_add_hook(cancel, &b);
    edge_cancel_remove_hook(cancel, &gone);
    assert_false(edge_cancelled(cancel));
    edge_cancel_fire(cancel);
    edge_cancel_fire(cancel);
    assert_true(edge_cancelled(cancel));
    assert_int_equal(calls, 2);
    assert_int_equal(others, 0);
    edge_cancel_add_hook(cancel, &after);
    assert_int_equal(late, 1);
    edge_cancel_remove_hook(cancel, &after);
    edge_cancel_remove_hook(cancel, &after);
    edge_cancel_remove_hook(cancel, &a);
    edge_cancel_remove_hook(cancel, &b);
}

static void test_no_token_is_never_cancelled(void **state)
{
    struct edge_cancel_hook hook = {0};
    (void) state;

    assert_false(edge_cancelled(NULL));
    edge_cancel_fire(NULL);
    edge_cancel_add_hook(NULL, &hook);
    edge_cancel_remove_hook(NULL, &hook);
    assert_false(edge_cancel_sleep(NULL, 1));
    assert_null(edge_cancel_ref(NULL));
    assert_null(edge_cancel_unref(NULL));
}

static void *fire(void *arg)
{
    struct edge_cancel *cancel = arg;

    edge_cancel_fire(cancel);
    edge_cancel_unref(cancel);
    return NULL;
}

static void test_fire_wakes_a_sleeper(void **state)
{
    EDGE_CLEANUP(edge_cancel_unref) struct edge_cancel *cancel = edge_cancel_create();
    int64_t before = edge_now_ms();
    pthread_t thread;
    (void) state;

    assert_false(edge_cancel_sleep(cancel, 20));
    assert_in_range(edge_now_ms() - before, 19, 5000);
    assert_int_equal(pthread_create(&thread, NULL, fire, edge_cancel_ref(cancel)), 0);
    assert_true(edge_cancel_sleep(cancel, 60000));
    assert_in_range(edge_now_ms() - before, 0, 30000);
    pthread_join(thread, NULL);
    assert_true(edge_cancel_sleep(cancel, 60000));
}

enum { THREADS = 4, HOOKS = 200 };

struct hooker {
    struct edge_cancel *cancel;
    atomic_int *calls;
};

/* Hooks come and go while the token fires: none is called after its removal. */
static void *hook_and_unhook(void *arg)
{
    struct hooker *h = arg;

    for (int i = 0; i < HOOKS; i++) {
        atomic_int calls = 0;
        struct edge_cancel_hook hook = {.fn = count, .arg = &calls};

        edge_cancel_add_hook(h->cancel, &hook);
        edge_cancel_remove_hook(h->cancel, &hook);
        atomic_fetch_add(h->calls, calls);
        if (calls > 1)
            return h;
    }
    return NULL;
}

static void test_hooks_of_many_threads(void **state)
{
    EDGE_CLEANUP(edge_cancel_unref) struct edge_cancel *cancel = edge_cancel_create();
    atomic_int calls = 0;
    struct hooker hooker = {cancel, &calls};
    pthread_t threads[THREADS];
    (void) state;

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hook_and_unhook, &hooker), 0);
    edge_cancel_fire(cancel);
    for (int i = 0; i < THREADS; i++) {
        void *twice = NULL;

        pthread_join(threads[i], &twice);
        assert_null(twice);
    }
    assert_in_range(calls, 0, THREADS * HOOKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hooks_are_called_once),
        cmocka_unit_test(test_no_token_is_never_cancelled),
        cmocka_unit_test(test_fire_wakes_a_sleeper),
        cmocka_unit_test(test_hooks_of_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
