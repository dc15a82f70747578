#include "tests/unit/test.h"

#include "agent/module/life.h"
#include "common/base/clock.h"

/* A fake containerd: counts what it is asked for and never answers by itself. */
struct fake {
    struct agent_module m;
    int creates, starts, stops, kills, reaps, removes, changes;
    int64_t armed; /* ms, -1: not */
};

static struct fake *fake_of(struct agent_module *m)
{
    return EDGE_CONTAINER_OF(m, struct fake, m);
}

static void fake_create(struct agent_module *m)
{
    fake_of(m)->creates++;
}

static void fake_start(struct agent_module *m)
{
    fake_of(m)->starts++;
}

static void fake_signal(struct agent_module *m, bool kill)
{
    if (kill)
        fake_of(m)->kills++;
    else
        fake_of(m)->stops++;
}

static void fake_reap(struct agent_module *m)
{
    fake_of(m)->reaps++;
}

static void fake_remove(struct agent_module *m)
{
    fake_of(m)->removes++;
}

static void fake_arm(struct agent_module *m, int64_t ms)
{
    fake_of(m)->armed = ms;
}

static void fake_disarm(struct agent_module *m)
{
    fake_of(m)->armed = -1;
}

static void fake_changed(struct agent_module *m)
{
    fake_of(m)->changes++;
}

static const struct agent_module_ops fake_ops = {fake_create, fake_start,  fake_signal,
                                                 fake_reap,   fake_remove, fake_arm,
                                                 fake_disarm, fake_changed};
static struct agent_restart_rules rules;

static struct fake fake_new(enum agent_policy policy)
{
    rules = (struct agent_restart_rules){.unit_s = 10, .care_minutes = 10};
    return (struct fake){
        .m = {.ops = &fake_ops,
              .rules = &rules,
              .policy = policy,
              .stop_timeout_ms = 10000,
              .started_ns = EDGE_TIME_NEVER,
              .exited_ns = EDGE_TIME_NEVER},
        .armed = -1,
    };
}

static int step(struct fake *f, enum agent_module_event ev)
{
    return agent_module_step(&f->m, ev);
}

static void run_it(struct fake *f)
{
    assert_int_equal(step(f, MODULE_EV_CREATE), 0);
    assert_int_equal(step(f, MODULE_EV_DONE), 0);
    assert_int_equal(f->m.state, MODULE_STOPPED);
    assert_int_equal(step(f, MODULE_EV_UP), 0);
    assert_int_equal(step(f, MODULE_EV_DONE), 0);
    assert_int_equal(f->m.state, MODULE_RUNNING);
}

static void end_it(struct fake *f, int64_t code)
{
    assert_int_equal(step(f, MODULE_EV_EXITED), 0);
    assert_int_equal(f->m.state, MODULE_REAPING);
    f->m.exit_code = code;
    f->m.exited_ns = edge_wall_ns();
    assert_int_equal(step(f, MODULE_EV_DONE), 0);
}

static void test_a_module_runs_after_create_and_start(void **state)
{
    struct fake f = fake_new(AGENT_POLICY_ALWAYS);
    (void) state;

    run_it(&f);
    assert_int_equal(f.creates, 1);
    assert_int_equal(f.starts, 1);
    assert_int_equal(agent_module_life(&f.m), AGENT_LIFE_RUNNING);
}

static void test_a_crash_waits_then_starts_again_and_counts(void **state)
{
    struct fake f = fake_new(AGENT_POLICY_ON_FAILURE);
    (void) state;

    run_it(&f);
    end_it(&f, 1);
    assert_int_equal(f.m.state, MODULE_BACKOFF);
    assert_true(f.armed >= 9500 && f.armed <= 11000);
    assert_int_equal(step(&f, MODULE_EV_TIMER), 0);
    assert_int_equal(f.m.state, MODULE_STARTING);
    assert_int_equal(f.m.restart_count, 1);
    assert_int_equal(step(&f, MODULE_EV_DONE), 0);
    end_it(&f, 1);
    assert_true(f.armed >= 19500 && f.armed <= 22000);
}

static void test_a_clean_exit_stays_down_unless_always(void **state)
{
    static const enum agent_policy stay[] = {AGENT_POLICY_NEVER, AGENT_POLICY_ON_FAILURE,
                                             AGENT_POLICY_ON_UNHEALTHY};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(stay); i++) {
        struct fake f = fake_new(stay[i]);

        run_it(&f);
        end_it(&f, 0);
        assert_int_equal(f.m.state, MODULE_STOPPED);
        assert_true(agent_module_ended_by_itself(&f.m));
        assert_int_equal(f.armed, -1);
    }
    struct fake always = fake_new(AGENT_POLICY_ALWAYS);
    run_it(&always);
    end_it(&always, 0);
    assert_int_equal(always.m.state, MODULE_BACKOFF);
}

static void test_never_leaves_a_crash_failed(void **state)
{
    struct fake f = fake_new(AGENT_POLICY_NEVER);
    (void) state;

    run_it(&f);
    end_it(&f, 137);
    assert_int_equal(f.m.state, MODULE_FAILED);
    assert_int_equal(agent_module_life(&f.m), AGENT_LIFE_FAILED);
}

static void test_max_restart_count_gives_up_only_when_set(void **state)
{
    struct fake f = fake_new(AGENT_POLICY_ALWAYS);
    (void) state;

    run_it(&f);
    for (int i = 0; i < 50; i++) {
        end_it(&f, 1);
        assert_int_equal(f.m.state, MODULE_BACKOFF);
        assert_int_equal(step(&f, MODULE_EV_TIMER), 0);
        assert_int_equal(step(&f, MODULE_EV_DONE), 0);
    }
    rules.max_count = 50;
    end_it(&f, 1);
    assert_int_equal(f.m.state, MODULE_FAILED);
}

static void test_stop_asks_then_kills(void **state)
{
    struct fake f = fake_new(AGENT_POLICY_ALWAYS);
    (void) state;

    run_it(&f);
    assert_int_equal(step(&f, MODULE_EV_DOWN), 0);
    assert_int_equal(f.m.state, MODULE_STOPPING);
    assert_int_equal(f.stops, 1);
    assert_int_equal(f.armed, 10000);
    assert_int_equal(step(&f, MODULE_EV_TIMER), 0);
    assert_int_equal(f.kills, 1);
    end_it(&f, 137);
    assert_int_equal(f.m.state, MODULE_STOPPED);
    assert_false(agent_module_ended_by_itself(&f.m));
    assert_int_equal(f.m.restart_count, 0);
}

static void test_a_restart_comes_up_again_without_counting(void **state)
{
    struct fake f = fake_new(AGENT_POLICY_NEVER);
    (void) state;

    run_it(&f);
    assert_int_equal(step(&f, MODULE_EV_RESTART), 0);
    end_it(&f, 143);
    assert_int_equal(f.m.state, MODULE_STARTING);
    assert_int_equal(f.starts, 2);
    assert_int_equal(f.m.restart_count, 0);
    assert_int_equal(step(&f, MODULE_EV_DONE), 0);
    end_it(&f, 0);
    assert_int_equal(f.m.state, MODULE_STOPPED); /* the next end is its own again */
}

static void test_a_restart_of_what_is_going_down_skips_the_pause(void **state)
{
    struct fake f = fake_new(AGENT_POLICY_ALWAYS);
    (void) state;

    run_it(&f);
    assert_int_equal(step(&f, MODULE_EV_EXITED), 0);
    assert_int_equal(step(&f, MODULE_EV_RESTART), 0);
    assert_int_equal(f.m.state, MODULE_REAPING);
    f.m.exit_code = 1;
    assert_int_equal(step(&f, MODULE_EV_DONE), 0);
    assert_int_equal(f.m.state, MODULE_STARTING);
    assert_int_equal(f.m.restart_count, 0);
}

static void test_removal_of_a_running_module_stops_it_first(void **state)
{
    struct fake f = fake_new(AGENT_POLICY_ALWAYS);
    (void) state;

    run_it(&f);
    assert_int_equal(step(&f, MODULE_EV_REMOVE), 0);
    assert_int_equal(f.stops, 1);
    end_it(&f, 143);
    assert_int_equal(f.m.state, MODULE_REMOVING);
    assert_int_equal(step(&f, MODULE_EV_DONE), 0);
    assert_int_equal(f.m.state, MODULE_ABSENT);
    assert_int_equal(f.removes, 1);
}

static void test_an_end_before_the_start_is_reported_is_not_lost(void **state)
{
    struct fake f = fake_new(AGENT_POLICY_ON_FAILURE);
    (void) state;

    assert_int_equal(step(&f, MODULE_EV_CREATE), 0);
    assert_int_equal(step(&f, MODULE_EV_DONE), 0);
    assert_int_equal(step(&f, MODULE_EV_UP), 0);
    assert_int_equal(step(&f, MODULE_EV_EXITED), 0);
    assert_int_equal(f.m.state, MODULE_STARTING);
    assert_int_equal(step(&f, MODULE_EV_DONE), 0);
    assert_int_equal(f.m.state, MODULE_REAPING);
    assert_int_equal(f.reaps, 1);
}

static void test_what_cannot_start_is_tried_again_under_every_policy(void **state)
{
    struct fake f = fake_new(AGENT_POLICY_NEVER);
    (void) state;

    assert_int_equal(step(&f, MODULE_EV_CREATE), 0);
    assert_int_equal(step(&f, MODULE_EV_DONE), 0);
    assert_int_equal(step(&f, MODULE_EV_UP), 0);
    assert_int_equal(step(&f, MODULE_EV_ERROR), 0);
    assert_int_equal(f.m.state, MODULE_BACKOFF);
    assert_true(f.armed > 0);
}

static void test_unhealthy_restarts_or_stays_by_policy(void **state)
{
    struct fake leave = fake_new(AGENT_POLICY_ON_FAILURE);
    struct fake restart = fake_new(AGENT_POLICY_ON_UNHEALTHY);
    (void) state;

    run_it(&leave);
    assert_int_equal(step(&leave, MODULE_EV_SICK), 0);
    assert_int_equal(leave.m.state, MODULE_UNHEALTHY);
    assert_int_equal(step(&leave, MODULE_EV_WELL), 0);
    assert_int_equal(leave.m.state, MODULE_RUNNING);

    run_it(&restart);
    assert_int_equal(step(&restart, MODULE_EV_SICK), 0);
    assert_int_equal(restart.m.state, MODULE_STOPPING);
    end_it(&restart, 0);
    assert_int_equal(restart.m.state, MODULE_BACKOFF); /* though its exit was clean */
}

static void test_another_policy_restarts_what_the_old_one_left_down(void **state)
{
    struct fake ended = fake_new(AGENT_POLICY_ON_FAILURE);
    struct fake failed = fake_new(AGENT_POLICY_NEVER);
    struct fake stopped = fake_new(AGENT_POLICY_NEVER);
    struct fake sick = fake_new(AGENT_POLICY_ON_FAILURE);
    (void) state;

    run_it(&ended);
    end_it(&ended, 0);
    agent_module_policy_changed(&ended.m);
    assert_int_equal(ended.m.state, MODULE_STOPPED);
    ended.m.policy = AGENT_POLICY_ALWAYS;
    agent_module_policy_changed(&ended.m);
    assert_int_equal(ended.m.state, MODULE_BACKOFF);

    run_it(&failed);
    end_it(&failed, 1);
    failed.m.policy = AGENT_POLICY_ON_FAILURE;
    agent_module_policy_changed(&failed.m);
    assert_int_equal(failed.m.state, MODULE_BACKOFF);

    run_it(&stopped);
    assert_int_equal(step(&stopped, MODULE_EV_DOWN), 0);
    end_it(&stopped, 143);
    stopped.m.policy = AGENT_POLICY_ALWAYS;
    agent_module_policy_changed(&stopped.m);
    assert_int_equal(stopped.m.state, MODULE_STOPPED);

    run_it(&sick);
    assert_int_equal(step(&sick, MODULE_EV_SICK), 0);
    sick.m.policy = AGENT_POLICY_ON_UNHEALTHY;
    assert_int_equal(step(&sick, MODULE_EV_SICK), 0);
    assert_int_equal(sick.m.state, MODULE_STOPPING);
}

static void test_ten_good_minutes_forgive_earlier_restarts(void **state)
{
    struct fake f = fake_new(AGENT_POLICY_ALWAYS);
    (void) state;

    run_it(&f);
    end_it(&f, 1);
    assert_int_equal(step(&f, MODULE_EV_TIMER), 0);
    assert_int_equal(step(&f, MODULE_EV_DONE), 0);
    assert_int_equal(f.m.restart_count, 1);
    assert_int_equal(f.armed, 600000);
    assert_int_equal(step(&f, MODULE_EV_TIMER), 0);
    assert_int_equal(f.m.state, MODULE_RUNNING);
    assert_int_equal(f.m.restart_count, 0);
}

static void test_a_list_finds_missed_exits_and_foreign_starts(void **state)
{
    struct fake f = fake_new(AGENT_POLICY_ALWAYS);
    (void) state;

    run_it(&f);
    agent_module_see(&f.m, AGENT_SEEN_RUNNING);
    assert_int_equal(f.m.state, MODULE_RUNNING);
    agent_module_see(&f.m, AGENT_SEEN_ENDED);
    assert_int_equal(f.m.state, MODULE_REAPING);
    f.m.exit_code = 3;
    f.m.exited_ns = edge_wall_ns();
    assert_int_equal(step(&f, MODULE_EV_DONE), 0);
    assert_int_equal(f.m.state, MODULE_BACKOFF);
    agent_module_see(&f.m, AGENT_SEEN_CONTAINER);
    assert_int_equal(f.m.state, MODULE_BACKOFF);
    agent_module_see(&f.m, AGENT_SEEN_RUNNING); /* somebody started it by hand */
    assert_int_equal(f.m.state, MODULE_RUNNING);
    agent_module_see(&f.m, AGENT_SEEN_NOTHING);
    assert_int_equal(f.m.state, MODULE_ABSENT);
}

static void test_adoption_goes_on_where_an_earlier_life_ended(void **state)
{
    struct fake running = fake_new(AGENT_POLICY_ALWAYS);
    struct fake waiting = fake_new(AGENT_POLICY_ALWAYS);
    struct fake forgotten = fake_new(AGENT_POLICY_ON_FAILURE);
    int64_t now = edge_wall_ns();
    (void) state;

    agent_module_see(&running.m, AGENT_SEEN_RUNNING);
    assert_int_equal(running.m.state, MODULE_RUNNING);
    assert_int_equal(running.starts, 0);

    waiting.m.down = AGENT_DOWN_ENDED; /* its end is on record, 4 s ago: the pause goes on */
    waiting.m.exit_code = 1;
    waiting.m.started_ns = now - 9 * INT64_C(1000000000);
    waiting.m.exited_ns = now - 4 * INT64_C(1000000000);
    agent_module_see(&waiting.m, AGENT_SEEN_CONTAINER);
    assert_int_equal(waiting.m.state, MODULE_BACKOFF);
    assert_int_equal(waiting.reaps, 0);
    assert_true(waiting.armed > 4000 && waiting.armed <= 7000);

    forgotten.m.down = AGENT_DOWN_ENDED; /* it ran when last seen; containerd knows no more */
    forgotten.m.started_ns = now - 9 * INT64_C(1000000000);
    agent_module_see(&forgotten.m, AGENT_SEEN_CONTAINER);
    assert_int_equal(forgotten.m.state, MODULE_REAPING);
    forgotten.m.exit_code = -1;
    forgotten.m.exited_ns = now;
    assert_int_equal(step(&forgotten, MODULE_EV_DONE), 0);
    assert_int_equal(forgotten.m.state, MODULE_BACKOFF);
}

static void test_a_lost_job_waits_for_the_list(void **state)
{
    struct fake f = fake_new(AGENT_POLICY_ALWAYS);
    (void) state;

    assert_int_equal(step(&f, MODULE_EV_CREATE), 0);
    assert_int_equal(step(&f, MODULE_EV_LOST), 0);
    assert_int_equal(f.m.state, MODULE_LOST);
    assert_int_equal(step(&f, MODULE_EV_UP), AGENT_MODULE_IGNORED);
    agent_module_see(&f.m, AGENT_SEEN_CONTAINER);
    assert_int_equal(f.m.state, MODULE_STOPPED);
}

static void test_no_event_is_taken_while_a_job_works_but_its_own(void **state)
{
    static const enum agent_module_event foreign[] = {
        MODULE_EV_CREATE, MODULE_EV_UP,   MODULE_EV_DOWN,  MODULE_EV_REMOVE,
        MODULE_EV_SICK,   MODULE_EV_WELL, MODULE_EV_TIMER,
    };
    static const enum agent_module_state busy[] = {MODULE_CREATING, MODULE_STARTING, MODULE_REAPING,
                                                   MODULE_REMOVING};
    (void) state;

    for (size_t s = 0; s < EDGE_ARRAY_LEN(busy); s++) {
        for (size_t e = 0; e < EDGE_ARRAY_LEN(foreign); e++) {
            struct fake f = fake_new(AGENT_POLICY_ALWAYS);

            f.m.state = busy[s];
            assert_true(agent_module_busy(&f.m));
            assert_int_equal(step(&f, foreign[e]), AGENT_MODULE_IGNORED);
            assert_int_equal(f.m.state, busy[s]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_module_runs_after_create_and_start),
        cmocka_unit_test(test_a_crash_waits_then_starts_again_and_counts),
        cmocka_unit_test(test_a_clean_exit_stays_down_unless_always),
        cmocka_unit_test(test_never_leaves_a_crash_failed),
        cmocka_unit_test(test_max_restart_count_gives_up_only_when_set),
        cmocka_unit_test(test_stop_asks_then_kills),
        cmocka_unit_test(test_a_restart_comes_up_again_without_counting),
        cmocka_unit_test(test_a_restart_of_what_is_going_down_skips_the_pause),
        cmocka_unit_test(test_removal_of_a_running_module_stops_it_first),
        cmocka_unit_test(test_an_end_before_the_start_is_reported_is_not_lost),
        cmocka_unit_test(test_what_cannot_start_is_tried_again_under_every_policy),
        cmocka_unit_test(test_unhealthy_restarts_or_stays_by_policy),
        cmocka_unit_test(test_another_policy_restarts_what_the_old_one_left_down),
        cmocka_unit_test(test_ten_good_minutes_forgive_earlier_restarts),
        cmocka_unit_test(test_a_list_finds_missed_exits_and_foreign_starts),
        cmocka_unit_test(test_adoption_goes_on_where_an_earlier_life_ended),
        cmocka_unit_test(test_a_lost_job_waits_for_the_list),
        cmocka_unit_test(test_no_event_is_taken_while_a_job_works_but_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
