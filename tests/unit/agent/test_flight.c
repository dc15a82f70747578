#include "tests/unit/test.h"

#include <errno.h>
#include <stdatomic.h>

#include "agent/image/flight.h"
#include "agent/image/progress.h"

enum { THREADS = 4, ROUNDS = 50 };

struct shared {
    struct agent_flights flights;
    atomic_int inside;
    atomic_int most;
};

static void *come_and_go(void *arg)
{
    struct shared *shared = arg;

    for (int i = 0; i < ROUNDS; i++) {
        struct agent_flight *flight = NULL;
        int now;

        if (agent_flight_enter(&shared->flights, "blob", "x", NULL, &flight) < 0)
            abort();
        now = atomic_fetch_add(&shared->inside, 1) + 1;
        if (now > atomic_load(&shared->most))
            atomic_store(&shared->most, now);
        atomic_fetch_sub(&shared->inside, 1);
        agent_flight_leave(flight);
    }
    return NULL;
}

static void test_one_at_a_time_has_a_key(void **state)
{
    struct shared shared = {0};
    pthread_t threads[THREADS];
    (void) state;

    agent_flights_init(&shared.flights);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &shared), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&shared.most), 1);
    assert_false(agent_flight_busy(&shared.flights, "blob", "x"));
    agent_flights_fini(&shared.flights);
}

static void test_other_keys_and_kinds_are_free_meanwhile(void **state)
{
    struct agent_flights flights;
    struct agent_flight *a = NULL;
    struct agent_flight *b = NULL;
    struct agent_flight *c = NULL;
    (void) state;

    agent_flights_init(&flights);
    assert_int_equal(agent_flight_enter(&flights, "blob", "x", NULL, &a), 0);
    assert_int_equal(agent_flight_enter(&flights, "blob", "y", NULL, &b), 0);
    assert_int_equal(agent_flight_enter(&flights, "chain", "x", NULL, &c), 0);
    assert_true(agent_flight_busy(&flights, "chain", "x"));
    agent_flight_leave(c);
    agent_flight_leave(a);
    agent_flight_leave(b);
    agent_flights_fini(&flights);
}

static void test_cancelled_waiter_goes_away_without_it(void **state)
{
    EDGE_CLEANUP(edge_cancel_unref) struct edge_cancel *cancel = edge_cancel_create();
    struct agent_flights flights;
    struct agent_flight *a = NULL;
    struct agent_flight *b = NULL;
    (void) state;

    agent_flights_init(&flights);
    assert_int_equal(agent_flight_enter(&flights, "blob", "x", NULL, &a), 0);
    edge_cancel_fire(cancel);
    assert_int_equal(agent_flight_enter(&flights, "blob", "x", cancel, &b), -ECANCELED);
    assert_null(b);
    agent_flight_leave(a);
    agent_flights_fini(&flights);
}

static void listen_to(const struct agent_pull_progress *progress, void *arg)
{
    *(struct agent_pull_progress *) arg = *progress;
}

static void test_progress_never_goes_back(void **state)
{
    struct agent_pull_progress seen = {0};
    const struct agent_pull pull = {.on_progress = listen_to, .arg = &seen};
    struct agent_progress progress;
    int64_t counted = 0;
    (void) state;

    agent_progress_init(&progress, &pull);
    agent_progress_total(&progress, 100);
    assert_int_equal(seen.total_bytes, 100);
    agent_progress_blob(&progress, 80, &counted);
    agent_progress_unpacking(&progress);
    assert_int_equal(seen.done_bytes, 80);
    agent_progress_blob(&progress, 0, &counted); /* begun again */
    agent_progress_blob(&progress, 30, &counted);
    agent_progress_unpacking(&progress);
    assert_int_equal(seen.done_bytes, 80);
    assert_true(seen.unpacking);
    agent_progress_blob(&progress, 100, &counted);
    agent_progress_unpacking(&progress);
    assert_int_equal(seen.done_bytes, 100);
    agent_progress_fini(&progress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time_has_a_key),
        cmocka_unit_test(test_other_keys_and_kinds_are_free_meanwhile),
        cmocka_unit_test(test_cancelled_waiter_goes_away_without_it),
        cmocka_unit_test(test_progress_never_goes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
