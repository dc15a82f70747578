#include "tests/unit/test.h"

#include "agent/module/policy.h"

static void test_each_policy_restarts_what_its_name_says(void **state)
{
    static const struct {
        enum agent_policy policy;
        bool clean, crash, unhealthy;
    } rows[] = {
        {AGENT_POLICY_NEVER, false, false, false},
        {AGENT_POLICY_ON_FAILURE, false, true, false},
        {AGENT_POLICY_ON_UNHEALTHY, false, true, true},
        {AGENT_POLICY_ALWAYS, true, true, true},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(rows); i++) {
        assert_int_equal(agent_policy_restarts(rows[i].policy, AGENT_END_CLEAN), rows[i].clean);
        assert_int_equal(agent_policy_restarts(rows[i].policy, AGENT_END_CRASH), rows[i].crash);
        assert_int_equal(agent_policy_restarts(rows[i].policy, AGENT_END_UNHEALTHY),
                         rows[i].unhealthy);
    }
}

static void test_pauses_double_up_to_five_minutes_for_ever(void **state)
{
    static const int64_t seconds[] = {10, 20, 40, 80, 160, 300, 300, 300};
    const struct agent_restart_rules rules = {.unit_s = 10};
    (void) state;

    for (uint32_t i = 0; i < EDGE_ARRAY_LEN(seconds); i++)
        assert_int_equal(agent_restart_pause_ms(&rules, i), seconds[i] * 1000);
    assert_int_equal(agent_restart_pause_ms(&rules, UINT32_MAX), 300000);
}

static void test_without_a_unit_there_is_no_pause(void **state)
{
    const struct agent_restart_rules rules = {.unit_s = 0};
    (void) state;

    assert_int_equal(agent_restart_pause_ms(&rules, 0), 0);
    assert_int_equal(agent_restart_pause_ms(&rules, 30), 0);
}

static void test_jitter_adds_at_most_a_tenth(void **state)
{
    (void) state;

    for (uint32_t dice = 0; dice < 5000; dice += 7) {
        int64_t ms = agent_with_jitter(10000, dice);

        assert_true(ms >= 10000 && ms <= 11000);
    }
    assert_int_equal(agent_with_jitter(0, 77), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_policy_restarts_what_its_name_says),
        cmocka_unit_test(test_pauses_double_up_to_five_minutes_for_ever),
        cmocka_unit_test(test_without_a_unit_there_is_no_pause),
        cmocka_unit_test(test_jitter_adds_at_most_a_tenth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
