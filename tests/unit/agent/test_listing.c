/* When containers are listed next, with a containerd that is not there. */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "agent/supervisor/internal.h"
#include "common/base/bytes.h"

enum { PATIENCE_MS = 20000, SOON_MS = 300, LATE_MS = 5000 };

static struct world {
    struct agent_supervisor sup;
    struct agent_runtime rt;
    struct edge_timer *patience;
    bool impatient;
} w;

static void on_impatience(void *arg)
{
    (void) arg;
    w.impatient = true;
    edge_loop_stop(w.sup.cfg.loop);
}

static void on_change(void *arg)
{
    (void) arg;
    edge_loop_stop(w.sup.cfg.loop);
}

static void nothing(void *arg)
{
    (void) arg;
}

static int set_up(void **state)
{
    struct edge_loop *loop;

    (void) state;
    w = (struct world){.sup = {.listed = true}};
    if (edge_loop_create(&loop) < 0 ||
        agent_ctrd_open("unix:///nonexistent/containerd.sock", "edge", &w.rt.ctrd, NULL) < 0)
        return -1;
    w.sup.cfg = (struct agent_supervisor_config){.loop = loop, .rt = &w.rt, .on_change = on_change};
    w.sup.list_timer = edge_timer_create(loop, nothing, NULL);
    w.patience = edge_timer_create(loop, on_impatience, NULL);
    return edge_pool_create(loop, "container", 1, &w.sup.work);
}

static int tear_down(void **state)
{
    (void) state;
    w.sup.ending = true;
    edge_pool_destroy(w.sup.work);
    edge_timer_destroy(w.sup.list_timer);
    edge_timer_destroy(w.patience);
    edge_loop_destroy(w.sup.cfg.loop);
    agent_ctrd_close(w.rt.ctrd);
    return 0;
}

static void test_the_earliest_wish_counts(void **state)
{
    (void) state;

    sup_list_in(&w.sup, LATE_MS);
    assert_true(edge_timer_left(w.sup.list_timer) > SOON_MS);
    sup_list_in(&w.sup, SOON_MS);
    assert_true(edge_timer_left(w.sup.list_timer) <= SOON_MS);
    sup_list_in(&w.sup, LATE_MS);
    assert_true(edge_timer_left(w.sup.list_timer) <= SOON_MS);
}

/* A module was lost sight of while containers were being listed: the list in flight, which may not
 * judge it, does not put off the one that will. */
static void test_a_list_in_flight_does_not_put_off_the_next(void **state)
{
    (void) state;

    sup_list_in(&w.sup, 0);
    assert_true(w.sup.listing);
    sup_list_in(&w.sup, SOON_MS);
    edge_timer_arm(w.patience, PATIENCE_MS);
    while (w.sup.listing && !w.impatient)
        edge_loop_run(w.sup.cfg.loop);
    assert_false(w.impatient);
    assert_true(*w.sup.list_error != '\0');
    assert_true(edge_timer_left(w.sup.list_timer) <= SOON_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_earliest_wish_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_list_in_flight_does_not_put_off_the_next, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
