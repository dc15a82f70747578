#include "tests/unit/test.h"

#include "common/base/bytes.h"
#include "common/http/path.h"

enum { MAX = 3 };

static void test_a_path_falls_into_its_parts(void **state)
{
    char path[] = "/modules/a%20b/logs/";
    const char *parts[MAX];
    (void) state;

    assert_true(http_path_split(path, parts, MAX));
    assert_string_equal(parts[0], "modules");
    assert_string_equal(parts[1], "a%20b");
    assert_string_equal(parts[2], "logs");
}

static void test_what_is_behind_the_last_part_is_null(void **state)
{
    char root[] = "/", one[] = "/plan";
    const char *parts[MAX] = {"old", "old", "old"};
    (void) state;

    assert_true(http_path_split(root, parts, MAX));
    assert_null(parts[0]);
    assert_true(http_path_split(one, parts, MAX));
    assert_string_equal(parts[0], "plan");
    assert_null(parts[1]);
    assert_null(parts[2]);
}

static void test_empty_and_too_many_parts_are_refused(void **state)
{
    static const char *const bad[] = {"//", "//a", "/a//b", "/a/b//", "/a/b/c/d"};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        EDGE_CLEANUP(edge_free) char *path = edge_strdup(bad[i]);
        const char *parts[MAX];

        if (http_path_split(path, parts, MAX))
            fail_msg("%s", bad[i]);
    }
}

static void test_patterns(void **state)
{
    static const char *const pattern[MAX] = {"modules", "*"};
    (void) state;

    assert_true(http_path_is((const char *[MAX]){"modules", "a"}, pattern, MAX));
    assert_true(http_path_is((const char *[MAX]){"modules", "*"}, pattern, MAX));
    assert_false(http_path_is((const char *[MAX]){"module", "a"}, pattern, MAX));
    assert_false(http_path_is((const char *[MAX]){"modules"}, pattern, MAX));
    assert_false(http_path_is((const char *[MAX]){"modules", "a", "logs"}, pattern, MAX));
    assert_false(http_path_is((const char *[MAX]){NULL}, pattern, MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_path_falls_into_its_parts),
        cmocka_unit_test(test_what_is_behind_the_last_part_is_null),
        cmocka_unit_test(test_empty_and_too_many_parts_are_refused),
        cmocka_unit_test(test_patterns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
