/* The figures of a load are true to about one percent. */
#include "tests/unit/test.h"

#include "tests/bench/load/histogram.h"

static void test_every_time_is_found_within_two_percent(void **state)
{
    (void) state;
    for (uint64_t us = 0; us < 100000000; us += 1 + us / 37) {
        struct histogram h = {0};

        histogram_add(&h, us);
        assert_in_range(histogram_at(&h, 0.5), us - us / 50, us);
        assert_int_equal(h.max, us);
    }
}

static void test_shares_are_of_the_count(void **state)
{
    struct histogram h = {0};

    (void) state;
    for (uint64_t us = 1; us <= 1000; us++)
        histogram_add(&h, us);
    assert_in_range(histogram_at(&h, 0.50), 490, 501);
    assert_in_range(histogram_at(&h, 0.99), 970, 991);
    assert_int_equal(histogram_at(&h, 1.0), 1000);
}

static void test_the_very_long_is_no_accident(void **state)
{
    struct histogram h = {0};

    (void) state;
    histogram_add(&h, UINT64_MAX / 2);
    assert_int_equal(h.max, UINT64_MAX / 2);
    (void) histogram_at(&h, 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_time_is_found_within_two_percent),
        cmocka_unit_test(test_shares_are_of_the_count),
        cmocka_unit_test(test_the_very_long_is_no_accident),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
