#include "tests/unit/test.h"

#include "common/base/bytes.h"
#include "common/base/err.h"

static void test_text_grows_up_to_the_ceiling(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf buf = EDGE_BUF_INIT(10);
    (void) state;

    assert_int_equal(edge_buf_puts(&buf, "hello"), 0);
    assert_int_equal(edge_buf_printf(&buf, "%d", 12345), 0);
    assert_int_equal(buf.len, 10);
    assert_string_equal(buf.data, "hello12345");
    assert_int_equal(edge_buf_error(&buf), 0);
    assert_int_equal(edge_buf_append(&buf, "", 0), 0);
    assert_int_equal(edge_buf_puts(&buf, "!"), EDGE_ELIMIT);
    assert_int_equal(edge_buf_printf(&buf, "%d", 1), EDGE_ELIMIT);
    assert_string_equal(buf.data, "hello12345");
}

static void test_the_first_error_stays_until_fini(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf buf = EDGE_BUF_INIT(3);
    (void) state;

    assert_int_equal(edge_buf_puts(&buf, "four"), EDGE_ELIMIT);
    assert_int_equal(edge_buf_puts(&buf, "abc"), 0);
    assert_int_equal(edge_buf_error(&buf), EDGE_ELIMIT);
    assert_null(edge_buf_take(&buf));
    edge_buf_fini(&buf);
    assert_int_equal(edge_buf_error(&buf), 0);
    assert_int_equal(edge_buf_puts(&buf, "abc"), 0);
    assert_string_equal(buf.data, "abc");
}

static void test_bytes_may_hold_nul_and_are_terminated(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf buf = EDGE_BUF_INIT(1000);
    (void) state;

    for (int i = 0; i < 100; i++) {
        assert_int_equal(edge_buf_append(&buf, "a\0b", 3), 0);
        assert_int_equal(buf.data[buf.len], '\0');
    }
    assert_int_equal(buf.len, 300);
    edge_buf_consume(&buf, 297);
    assert_memory_equal(buf.data, "a\0b", 4);
    edge_buf_consume(&buf, 3);
    assert_int_equal(buf.len, 0);
    edge_buf_consume(&buf, 0);
    assert_int_equal(edge_buf_puts(&buf, "again"), 0);
    assert_string_equal(buf.data, "again");
}

static void test_take_gives_the_text_away(void **state)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    EDGE_CLEANUP(edge_free) char *empty = NULL;
    struct edge_buf buf;
    (void) state;

    edge_buf_init(&buf, 100);
    edge_buf_puts(&buf, "mine");
    text = edge_buf_take(&buf);
    assert_string_equal(text, "mine");
    assert_null(buf.data);
    empty = edge_buf_take(&buf);
    assert_string_equal(empty, "");
    assert_int_equal(edge_buf_puts(&buf, "next"), 0);
    assert_string_equal(buf.data, "next");
    edge_buf_fini(&buf);
}

static void test_an_empty_append_to_nothing_is_a_text(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf buf = EDGE_BUF_INIT(0);
    (void) state;

    assert_int_equal(edge_buf_append(&buf, NULL, 0), 0);
    assert_string_equal(buf.data, "");
    assert_int_equal(edge_buf_append(&buf, "x", 1), EDGE_ELIMIT);
}

static void test_take_of_a_variable_leaves_null(void **state)
{
    char *a = edge_format("%s-%d", "x", 1);
    EDGE_CLEANUP(edge_free) char *b = EDGE_TAKE(a);
    (void) state;

    assert_null(a);
    assert_string_equal(b, "x-1");
    assert_null(edge_strdup(NULL));
}

static void test_a_trimmed_copy_keeps_what_is_inside(void **state)
{
    static const char *const all[][2] = {
        {"", ""}, {" \t\r\n", ""}, {"a", "a"}, {"\n a b\r\n", "a b"}, {"a\n", "a"}, {" a", "a"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        EDGE_CLEANUP(edge_free) char *text = edge_trimmed(all[i][0]);

        assert_string_equal(text, all[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_grows_up_to_the_ceiling),
        cmocka_unit_test(test_the_first_error_stays_until_fini),
        cmocka_unit_test(test_bytes_may_hold_nul_and_are_terminated),
        cmocka_unit_test(test_take_gives_the_text_away),
        cmocka_unit_test(test_an_empty_append_to_nothing_is_a_text),
        cmocka_unit_test(test_take_of_a_variable_leaves_null),
        cmocka_unit_test(test_a_trimmed_copy_keeps_what_is_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
