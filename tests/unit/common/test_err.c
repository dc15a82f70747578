#include "tests/unit/test.h"

#include <errno.h>

#include "common/base/err.h"

static void test_context_goes_in_front(void **state)
{
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(edge_fail(&err, -EIO, "disk %s", "sda"), -EIO);
    assert_int_equal(err.code, -EIO);
    err.status = 5;
    assert_int_equal(edge_wrap(&err, EDGE_ESTORE, "store %d", 7), EDGE_ESTORE);
    assert_string_equal(err.text, "store 7: disk sda");
    assert_int_equal(err.code, EDGE_ESTORE);
    assert_int_equal(err.status, 5);
    assert_int_equal(edge_fail(NULL, -EIO, "x"), -EIO);
    assert_int_equal(edge_wrap(NULL, -EIO, "x"), -EIO);
}

static void test_a_wrap_of_nothing_says_what_the_code_means(void **state)
{
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(edge_wrap(&err, -ENOMEM, "module \"cam\""), -ENOMEM);
    assert_string_equal(err.text, "module \"cam\": Cannot allocate memory");
}

static void test_a_text_is_one_line_and_never_too_long(void **state)
{
    struct edge_err err = {0};
    char text[2000];
    (void) state;

    edge_fail(&err, -1, "a\nb\tc\x7f");
    assert_string_equal(err.text, "a b c ");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    edge_fail(&err, -1, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    edge_wrap(&err, -1, "front");
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(strncmp(err.text, "front: xxx", 10), 0);
    edge_wrap(&err, -1, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void test_every_code_has_a_text(void **state)
{
    (void) state;

    assert_string_equal(edge_strerror(0), "success");
    assert_string_equal(edge_strerror(-ENOENT), "No such file or directory");
    for (int code = EDGE_EINVALID; code >= EDGE_ECHILD; code--)
        assert_null(strstr(edge_strerror(code), "Unknown"));
    assert_non_null(edge_strerror(-123456));
    assert_non_null(edge_strerror(123456));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_context_goes_in_front),
        cmocka_unit_test(test_a_wrap_of_nothing_says_what_the_code_means),
        cmocka_unit_test(test_a_text_is_one_line_and_never_too_long),
        cmocka_unit_test(test_every_code_has_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
