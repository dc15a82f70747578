/* Conditions over properties: what the original says of them, and what is ours. */
#include "tests/unit/common/route_house.h"

#include "common/base/file.h"

static int result_named(const char *name)
{
    return strcmp(name, "true") == 0        ? EDGE_ROUTE_TRUE
           : strcmp(name, "false") == 0     ? EDGE_ROUTE_FALSE
           : strcmp(name, "undefined") == 0 ? EDGE_ROUTE_UNDEFINED
                                            : HOUSE_ERROR;
}

/* A line is a result and a condition. */
static void test_results_are_the_original_s(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1 << 20);
    size_t count = 0;
    char *rest = NULL;
    (void) state;

    assert_int_equal(edge_file_read(TEST_DATA "/routing/conditions.txt", &text, NULL), 0);
    for (char *line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        const char *condition = strchr(line, ' ');

        if (line[0] == '#')
            continue;
        assert_non_null(condition);
        line[condition++ - line] = '\0';
        assert_int_not_equal(result_named(line), HOUSE_ERROR);
        house_all(&condition, 1, &house_message, result_named(line));
        count++;
    }
    assert_true(count > 350);
}

static void test_how_tight_operators_bind(void **state)
{
    static const char *const conditions[] = {
        "2 + 3 * 4 = 14",
        "(2 + 3) * 4 = 20",
        "10 - 3 - 2 = 5",
        "100 / 10 / 2 = 5",
        "7 % 4 * 2 = 6",
        "1 + 2 < 4 = true", /* < before = */
        "1 = 1 = true",
        "not false = true", /* (not false) = true */
        "not (1 = 2)",
        "true or false and false",
        "not true or true",
        "false = false and true",
        "- (2) * 3 = -6",
        "- (2) + 3 = 1",
        "(none ?? none ?? 'x' || 'y') = 'xy'",
        "((none ?? key1) = 'value1')",
        "not not true",
        "- - (4) = 4",
    };
    static const char *const refused[] = {"not 1 = 1", "key1 ?? 'a' = 'a'"};
    (void) state;

    HOUSE_ALL(refused, &house_message, HOUSE_ERROR);
    HOUSE_ALL(conditions, &house_message, EDGE_ROUTE_TRUE);
}

static void test_words_and_blanks(void **state)
{
    static const char *const conditions[] = {
        "key1='value1'",
        "key1=\"value1\"and/**/true",
        "key1 /* a comment, = 'x' */ = 'value1'",
        "KEY1\t=\r\n'value1'",
        "TRUE = 'x' or true", /* a property of this name */
        "3/4=0.75",
        "0xFF = 255 and 0Xff = 255",
        "0x8000000000000000 < 0", /* 64 bits with a sign, as there */
        ".5 = 0.5 and 1e2 = 100 and -1.5E+1 = -15 and 2.50e-1 = 0.25",
        "'it\\'s' = \"it's\" and \"\\\"\" = '\"' and '\\\\' = \"\\\\\"",
        "'\\u0041\\u00e4\\u20ac\\ud83d\\ude00' = 'A\u00e4\u20ac\U0001f600'",
        "'a\nb' = 'a\\u000ab'",
        "is_defined(null_value)and true",
        "{$sys4}=\"sysvalue4\"and true",
    };
    static const char *const undefined_names[] = {
        "a-1 = 'x'", "-undefined = 'x'", "5*3 = 'x'",    "a+b = 'x'",  "a%b = 'x'",
        "a! = 'x'",  "$ = 'x'",          "\u00e4 = 'x'", "it's = 'x'",
    };
    (void) state;

    HOUSE_ALL(undefined_names, &house_message, EDGE_ROUTE_UNDEFINED);
    HOUSE_ALL(conditions, &house_message, EDGE_ROUTE_TRUE);
}

static void test_names_and_values_of_properties(void **state)
{
    static const struct edge_route_property properties[] = {
        {"a-1", "dash"}, {"$body", "mine"},       {"$state", "app"},
        {"empty", ""},   {"$body.x", "property"}, {"e5x", "y"},
    };
    static const struct edge_route_property system[] = {{"state", "sys"}, {"other", "o"}};
    static const struct edge_route_message message = {
        .source = "/messages",
        .properties = properties,
        .nproperties = 6,
        .system = system,
        .nsystem = 2,
    };
    static const char *const yes[] = {
        "A-1 = 'dash'",         "$BODY = 'mine'",     "$state = 'app'", "{$STATE} = 'sys'",
        "$Other = 'o'",         "{$other} = 'o'",     "empty = ''",     "length(empty) = 0",
        "$body.x = 'property'", "as_number('5') = 5", "e5x = 'y'",      "not is_defined($x[0])",
    };
    (void) state;

    HOUSE_ALL(yes, &message, EDGE_ROUTE_TRUE);
}

static void test_texts_are_counted_as_utf16_and_ordered_so(void **state)
{
    static const char *const yes[] = {
        "length('\u00e4\u20ac\U0001f600') = 4",
        "substring('\u00e4\u20acx', 2) = 'x'",
        "substring('\U0001f600x', 2) = 'x'",
        "index_of('\U0001f600\u20acx', 'x') = 3",
        "'\U0001f600' < '\uff5e'", /* a pair is before U+E000 there */
        "'\ud7fb' < '\U0001f600'",
        "'a' < 'aa' and 'B' < 'a' and '' < ' '",
        "upper('stra\u00dfe \u00e4\u017e\u03c9\u044f') = 'STRA\u00dfE \u00c4\u017d\u03a9\u042f'",
        "lower('\u00c4\u017d\u03a9\u042f\u0401') = '\u00e4\u017e\u03c9\u044f\u0451'",
        "upper('\u0451\u00ff\u20ac') = '\u0401\u00ff\u20ac'",
        "substring('hello', 1.9) = 'ello'",
        "contains('abc', '') and starts_with('', '') and index_of('', '') = 0",
    };
    static const char *const neither[] = {
        "substring('\U0001f600x', 1) = 'x'", /* half a character */
        "substring('hello', 5, 0) = ''",     /* with a length the start is before the end */
    };
    (void) state;

    HOUSE_ALL(yes, &house_message, EDGE_ROUTE_TRUE);
    HOUSE_ALL(neither, &house_message, EDGE_ROUTE_UNDEFINED);
}

static void test_numbers_as_people_write_them(void **state)
{
    static const char *const yes[] = {
        "as_number(' 42 ') = 42",
        "as_number('-42') = -42",
        "as_number('+4.5') = 4.5",
        "as_number('1,234.5') = 1234.5",
        "as_number('(7)') = -7",
        "as_number('7-') = -7",
        "as_number('1e3') = 1000",
        "as_number('.5') = 0.5",
        "as_number('5.') = 5",
        "as_number('Infinity') = 1/0",
        "as_number('-infinity') = -1/0",
        "as_number('0.1') + as_number('0.2') = 0.1 + 0.2",
        "as_number('9007199254740993') = 9007199254740992",
        "as_number('123456789012345678901') > 1e20",
        "sqrt(as_number('16')) = 4",
    };
    static const char *const none[] = {
        "is_defined(as_number(''))",      "is_defined(as_number(' '))",
        "is_defined(as_number('1 2'))",   "is_defined(as_number('0x1'))",
        "is_defined(as_number('1e'))",    "is_defined(as_number('NaN'))",
        "is_defined(as_number('--1'))",   "is_defined(as_number(','))",
        "is_defined(as_number('1.2.3'))",
    };
    (void) state;

    HOUSE_ALL(yes, &house_message, EDGE_ROUTE_TRUE);
    HOUSE_ALL(none, &house_message, EDGE_ROUTE_FALSE);
}

/* What decides alone does not hide what the other side would: the same with and without. */
static void test_a_side_that_is_skipped_changes_nothing(void **state)
{
    static const char *const no[] = {
        "false and key1 = 'value1'",
        "false and (true or key1 = 'value1') and true",
        "not (true or none = 'x') or false",
        "(true or none = 'x') and false",
        "(false and none = 'x') or (false and (key1 = 'value1' or true))",
    };
    static const char *const yes[] = {
        "true or none = 'x' and none = 'y'",
        "(false and none = 'x') or true",
        "not (false and none = 'x')",
        "true and (true or none = 'x') and key1 = 'value1'",
    };
    (void) state;

    HOUSE_ALL(no, &house_message, EDGE_ROUTE_FALSE);
    HOUSE_ALL(yes, &house_message, EDGE_ROUTE_TRUE);
}

static void test_texts_that_grow_have_a_limit(void **state)
{
    char *big = calloc(1, 600 * 1024);
    const struct edge_route_property properties[] = {{"big", big}};
    const struct edge_route_message message = {
        .source = "/messages", .properties = properties, .nproperties = 1};
    char why[700];
    (void) state;

    assert_non_null(big);
    memset(big, 'x', 600 * 1024 - 1);
    assert_int_equal(house_ask("length(lower(big)) = 614399", &message, why, sizeof why),
                     EDGE_ROUTE_TRUE);
    assert_int_equal(house_ask("is_defined(big || big)", &message, why, sizeof why),
                     EDGE_ROUTE_FALSE);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_are_the_original_s),
        cmocka_unit_test(test_how_tight_operators_bind),
        cmocka_unit_test(test_words_and_blanks),
        cmocka_unit_test(test_names_and_values_of_properties),
        cmocka_unit_test(test_texts_are_counted_as_utf16_and_ordered_so),
        cmocka_unit_test(test_numbers_as_people_write_them),
        cmocka_unit_test(test_a_side_that_is_skipped_changes_nothing),
        cmocka_unit_test(test_texts_that_grow_have_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
