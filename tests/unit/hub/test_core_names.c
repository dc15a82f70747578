/* Names of queues; locks. */
#include "hub/core/flights.h"
#include "hub/core/names.h"
#include "tests/unit/test.h"

static void test_names_read_back(void **state)
{
    static const struct {
        struct hub_queue_name name;
        const char *text;
    } cases[] = {
        {{true, 2000000000, {"leaf", ""}, NULL}, "up/2000000000/leaf"},
        {{true, 0, {"edge1", "a"}, NULL}, "up/0/edge1/a"},
        {{false, 9, {"edge1", "a"}, "in"}, "in/9/edge1/a/in"},
        {{false, 9, {"edge1", "a"}, "in/x/ y"}, "in/9/edge1/a/in/x/ y"},
    };
    char text[HUB_STORE_NAME_MAX + 1];
    struct hub_queue_name read;

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        assert_int_equal(hub_queue_name_write(&cases[i].name, text), 0);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(hub_queue_name_read(text, &read), 0);
        assert_int_equal(read.upstream, cases[i].name.upstream);
        assert_int_equal(read.priority, cases[i].name.priority);
        assert_true(edge_identity_equal(&read.who, &cases[i].name.who));
        if (read.upstream)
            assert_null(read.input);
        else
            assert_string_equal(read.input, cases[i].name.input);
    }
}

static void test_other_names_are_refused(void **state)
{
    static const char *const names[] = {
        "",
        "up",
        "up/",
        "up/1",
        "up/1/",
        "up/x/dev",
        "up/-1/d",
        "up/1/d/m/in",
        "in/1/dev/mod",
        "in/1/dev/mod/",
        "in/1/dev",
        "out/1/dev/mod/in",
        "in/ 1/d",
        "in/1//m/i",
        "in/1/d//i",
        "up/4294967296/d",
    };
    struct hub_queue_name read;

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++)
        assert_int_equal(hub_queue_name_read(names[i], &read), EDGE_EINVALID);
}

static void test_a_name_that_is_too_long_is_refused(void **state)
{
    static char input[HUB_STORE_NAME_MAX + 1];
    const struct hub_queue_name name = {false, 1, {"d", "m"}, input};
    char text[HUB_STORE_NAME_MAX + 1];

    (void) state;
    memset(input, 'x', HUB_STORE_NAME_MAX);
    assert_int_equal(hub_queue_name_write(&name, text), EDGE_ELIMIT);
}

static void test_a_lock_is_found_once_and_never_again(void **state)
{
    struct hub_flights f = {0};
    uint64_t locks[100], reused;

    (void) state;
    for (unsigned i = 0; i < 100; i++)
        locks[i] = hub_flights_add(&f)->lock;
    assert_int_equal(f.count, 100);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(hub_flights_find(&f, locks[i])->lock, locks[i]);
    hub_flights_remove(&f, hub_flights_find(&f, locks[50]));
    assert_null(hub_flights_find(&f, locks[50]));
    reused = hub_flights_add(&f)->lock;
    assert_null(hub_flights_find(&f, locks[50]));
    assert_non_null(hub_flights_find(&f, reused));
    assert_null(hub_flights_find(&f, 0));
    assert_null(hub_flights_find(&f, UINT64_MAX));
    hub_flights_fini(&f);
}

static void test_locks_have_a_limit(void **state)
{
    struct hub_flights f = {0};

    (void) state;
    for (unsigned i = 0; i < HUB_FLIGHTS_MAX; i++)
        assert_non_null(hub_flights_add(&f));
    assert_null(hub_flights_add(&f));
    hub_flights_clear(&f);
    assert_non_null(hub_flights_add(&f));
    hub_flights_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_read_back),
        cmocka_unit_test(test_other_names_are_refused),
        cmocka_unit_test(test_a_name_that_is_too_long_is_refused),
        cmocka_unit_test(test_a_lock_is_found_once_and_never_again),
        cmocka_unit_test(test_locks_have_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
