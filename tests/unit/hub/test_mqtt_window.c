/* What is under way of one client's requests. */
#include "tests/unit/test.h"

#include "hub/mqtt/window.h"

static void test_large_requests_fill_the_window_before_many_do(void **state)
{
    struct mqtt_requests requests = {.max = 8, .max_bytes = 100};
    struct mqtt_request large = {.id = 1, .bytes = 60};
    struct mqtt_request out;
    uint32_t tickets[2];

    (void) state;
    assert_int_equal(mqtt_requests_add(&requests, &large, &tickets[0]), 0);
    assert_false(mqtt_requests_full(&requests));
    assert_int_equal(mqtt_requests_add(&requests, &large, &tickets[1]), 0);
    assert_true(mqtt_requests_full(&requests));
    mqtt_requests_done(&requests, tickets[1], 0);
    assert_false(mqtt_requests_next(&requests, &out));
    assert_true(mqtt_requests_full(&requests));
    mqtt_requests_done(&requests, tickets[0], 0);
    assert_true(mqtt_requests_next(&requests, &out));
    assert_false(mqtt_requests_full(&requests));
    mqtt_requests_fini(&requests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_requests_fill_the_window_before_many_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
