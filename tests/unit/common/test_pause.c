#include "tests/unit/test.h"

#include <stdbool.h>

#include "common/base/bytes.h"
#include "common/base/pause.h"

enum { TRIES = 1000 };

static void test_random_numbers_stay_below_and_differ(void **state)
{
    bool seen[3] = {false};
    (void) state;

    for (int i = 0; i < TRIES; i++) {
        uint64_t n = edge_random_below(3);

        assert_true(n < 3);
        seen[n] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    assert_int_equal(edge_random_below(0), 0);
    assert_int_equal(edge_random_below(1), 0);
}

static void test_pauses_double_up_to_the_longest(void **state)
{
    static const struct {
        unsigned doublings;
        uint64_t most;
    } cases[] = {{1, 2000}, {2, 4000}, {5, 32000}, {6, 60000}, {17, 60000}, {UINT32_MAX, 60000}};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        uint64_t longest = 0;

        for (int n = 0; n < TRIES; n++) {
            uint64_t ms = edge_pause_ms(cases[i].doublings, 1000, 60000);

            assert_true(ms >= 1000 && ms < cases[i].most);
            longest = ms > longest ? ms : longest;
        }
        assert_true(longest > 1000 + (cases[i].most - 1000) / 2);
    }
}

static void test_a_least_pause_over_the_longest_counts(void **state)
{
    (void) state;

    assert_int_equal(edge_pause_ms(0, 1000, 60000), 1000);
    assert_int_equal(edge_pause_ms(3, 60000, 5000), 60000);
    assert_int_equal(edge_pause_ms(3, 0, 5000), 0);
}

static void test_a_pause_kept_by_its_owner_doubles_within_its_bounds(void **state)
{
    static const struct edge_pauses pauses = {500, 1600};
    (void) state;

    assert_int_equal(edge_pause_longer(0, &pauses), 500);
    assert_int_equal(edge_pause_longer(500, &pauses), 1000);
    assert_int_equal(edge_pause_longer(1000, &pauses), 1600);
    assert_int_equal(edge_pause_longer(1600, &pauses), 1600);
    for (int n = 0; n < TRIES; n++) {
        uint64_t ms = edge_pause_jittered(1000);

        assert_true(ms >= 500 && ms <= 1000);
    }
    assert_int_equal(edge_pause_jittered(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_numbers_stay_below_and_differ),
        cmocka_unit_test(test_pauses_double_up_to_the_longest),
        cmocka_unit_test(test_a_least_pause_over_the_longest_counts),
        cmocka_unit_test(test_a_pause_kept_by_its_owner_doubles_within_its_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
