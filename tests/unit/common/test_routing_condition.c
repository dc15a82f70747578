/* Conditions over properties: what the original says of them, and what is ours. */
#include "tests/unit/common/route_house.h"

static void test_true_as_in_the_original(void **state)
{
    static const char *const conditions[] = {
        "$sys1 = \"sysvalue1\"",
        "$sys2 = '4'",
        "$sys2 = \"4\"",
        "$sys4 = \"value4\"",
        "'3' != '4'",
        "'3' <> '4'",
        "'3' = '3'",
        "'a' < 'b'",
        "'a' <= 'a'",
        "'a' <= 'b'",
        "'a' >= 'a'",
        "'a' || 'b' || 'c' || 'd' = 'abcd'",
        "'a' || key1 || 'd' = 'avalue1d'",
        "'a' || null_value || 'd' = 'ad'",
        "'b' > 'a'",
        "'b' >= 'a'",
        "(3 % 0 ?? 12.34) = 12.34",
        "(3 % as_number(key2)) = 0",
        "(3 * as_number(key2)) = 9",
        "(3 + as_number(key2)) = 6",
        "(3 - as_number(key2)) = 0",
        "(3 / as_number(key2)) = 1",
        "(as_number(key1) ?? 12.34) = 12.34",
        "(as_number(key2) ?? 12.34) = 3",
        "(key1 ?? \"hello\") = \"value1\"",
        "(none ?? \"hello\") = \"hello\"",
        "(none ?? none ?? \"hello\") = \"hello\"",
        "(null and false) = null",
        "(null and null) = null",
        "(null and true) = null",
        "(null or null) = null",
        "-(3 + 4) = -7",
        "-1 < 0",
        "3 != 4",
        "3 * 4 = 12",
        "3 + 4 <= 7",
        "3 + 4 = 7",
        "3 + 4 >= 7",
        "3 - 4 = -1",
        "3 / 4 = 0.75",
        "3 <> 4",
        "3 = 3",
        "4 % 3 = 1",
        "4 < 7",
        "4 <= 7",
        "7 <= 7",
        "7 >= 7",
        "8 > 7",
        "8 >= 7",
        "\"3\" != \"4\"",
        "\"3\" <> \"4\"",
        "\"3\" = \"3\"",
        "abs(-12) = 12",
        "abs(12) = 12",
        "ABS(as_number(key2)) = 3",
        "abs(exp(1) - 2.718281) < 1e-6",
        "abs(EXP(as_number(key2)) - 20.085536) < 1e-6",
        "abs(sqrt(as_number(key2)) - 1.732050) < 1e-6",
        "as_number($sys2) = 4",
        "AS_NUMBER('10000000000000000000000000') = 1e25",
        "AS_NUMBER('10e10') = 10e10",
        "AS_NUMBER('10e1000') = 1/0",
        "AS_NUMBER('10e1000') = 10e1000",
        "as_number(\"3\") = 3",
        "AS_NUMBER(\"3\") = 3",
        "as_number(as_number(4)) * 3 = 12",
        "as_number(key2) != 4",
        "as_number(key2) * 3 = 9",
        "as_number(key2) <> 4",
        "as_number(key2) = 3",
        "CEILING(-2) = -2",
        "ceiling(-2.1) = -2",
        "ceiling(2) = 2",
        "ceiling(2.1) = 3",
        "ceiling(as_number(key2)) = 3",
        "concat('a', 'b') = concat('a', 'b')",
        "concat('a', 'b', 'c', 'd') = 'abcd'",
        "CONCAT('a', 'b', 'c', 'd') = 'abcd'",
        "concat('a', key1, 'd') = 'avalue1d'",
        "concat('a', null_value, 'd') = 'ad'",
        "contains('abc', 'ab')",
        "contains('value1value1', key1)",
        "CONTAINS(key1, 'val')",
        "ends_with('abc', 'bc')",
        "ends_with('value1value1', key1)",
        "ENDS_WITH(key1, 'e1')",
        "exp(0) = 1",
        "exp(4000) = 3/0",
        "false != true",
        "false <> true",
        "false = false",
        "false or true",
        "FLOOR(-2) = -2",
        "floor(-2.1) = -3",
        "floor(2) = 2",
        "floor(2.1) = 2",
        "floor(as_number(key2)) = 3",
        "index_of('abc', 'xz') = -1",
        "index_of('abc', key1) = -1",
        "index_of('abcdef', 'cd') = 2",
        "index_of('lue1value1', key1) = 4",
        "INDEX_OF(key1, 'val') = 0",
        "is_bool(false)",
        "is_bool(true)",
        "IS_BOOL(true)",
        "is_defined('a' || null_value || 'd')",
        "is_defined(10e1000)",
        "is_defined(abs(3 / 0))",
        "is_defined(as_number(\"3\"))",
        "is_defined(ceiling(3 / 0))",
        "is_defined(exp(3 / 0))",
        "is_defined(floor(3 / 0))",
        "is_defined(key1)",
        "is_defined(null)",
        "is_defined(null_value)",
        "is_defined(power(2, 3 / 0))",
        "is_defined(power(3 / 0, 2))",
        "is_defined(sqrt(3 / 0))",
        "is_defined(square(3 / 0))",
        "is_null(null)",
        "IS_NULL(null)",
        "is_null(null_value)",
        "is_number(12.34)",
        "IS_NUMBER(12.34)",
        "is_number(as_number(key2))",
        "is_string('a' || 'b')",
        "is_string('not a number')",
        "IS_STRING('not a number')",
        "is_string(\"not a number\")",
        "is_string(key1)",
        "key1 = \"value1\" and key1 = \"value1\"",
        "key1 = \"value1\"",
        "KEY1 = \"value1\"",
        "key1 = \"value2\" or key1 = \"value1\"",
        "key2 = '3'",
        "key2 = \"3\"",
        "LENGTH('') = 0",
        "length('HELLO') = 5",
        "length(key3) = 6",
        "lower('HELLO') = 'hello'",
        "LOWER('hello') = 'hello'",
        "lower(key3) = 'value3'",
        "none = 'true' or true",
        "not (true and false)",
        "not false",
        "not null",
        "null or true",
        "POWER(10, 4000) = 3/0",
        "power(2, 3) = 8",
        "POWER(3, 2) = 9",
        "power(as_number(key2), as_number(key2)) = 27",
        "SIGN(-2) = -1",
        "sign(-2.1) = -1",
        "sign(-3 / 0) = -1",
        "sign(0) = 0",
        "sign(2) = 1",
        "sign(2.1) = 1",
        "sign(3 / 0) = 1",
        "sign(as_number(key2)) = 1",
        "sqrt(4) = 2",
        "square(2) = 4",
        "SQUARE(3) = 9",
        "square(as_number(key2)) = 9",
        "starts_with('abc', 'ab')",
        "starts_with('value1value1', key1)",
        "STARTS_WITH(key1, 'val')",
        "substring('abc', 1) = 'bc'",
        "substring('abc', 1, 0) = ''",
        "substring('abc', 1, 1) = 'b'",
        "substring('abc', 2) = 'c'",
        "substring('hello', 0, 5) = 'hello'",
        "substring('hello', 1, 4) = 'ello'",
        "substring('hello', 4, 0) = ''",
        "substring('hello', 4, 1) = 'o'",
        "substring('start', 0, 4) = 'star'",
        "substring(key1, 1) = 'alue1'",
        "SUBSTRING(key1, 1, 1) = 'a'",
        "true != false",
        "true <> false",
        "true = true",
        "true AND true",
        "true and true",
        "true or false",
        "true or none = 'true'",
        "true OR true",
        "true or true",
        "true or undefined",
        "true",
        "undefined or true",
        "upper('HELLO') = 'HELLO'",
        "UPPER('hello') = 'HELLO'",
        "upper(key1) = 'VALUE1'",
        "{ $sys1 } = \"sysvalue1\"",
        "{$sys1} = \"sysvalue1\"",
        "{$sys4} = \"sysvalue4\"",
    };
    (void) state;

    HOUSE_ALL(conditions, &house_message, EDGE_ROUTE_TRUE);
}

static void test_false_as_in_the_original(void **state)
{
    static const char *const conditions[] = {
        "'3' != '3'",
        "'3' <> '3'",
        "'3' = '4'",
        "'a' < 'a'",
        "'a' > 'a'",
        "'a' > 'b'",
        "'a' >= 'b'",
        "'b' < 'a'",
        "'b' <= 'a'",
        "3 != 3",
        "3 + 4 < 7",
        "3 + 4 > 7",
        "3 <> 3",
        "3 = 4",
        "4 > 7",
        "4 >= 7",
        "7 < 7",
        "7 > 7",
        "8 < 7",
        "8 <= 7",
        "\"3\" != \"3\"",
        "\"3\" <> \"3\"",
        "\"3\" = \"4\"",
        "as_number($sys2) = 3",
        "as_number(key2) != 3",
        "as_number(key2) <> 3",
        "as_number(key2) = 4",
        "contains('abc', 'xz')",
        "contains('abc', key1)",
        "ends_with('abc', 'xz')",
        "ends_with('abc', key1)",
        "false != false",
        "false <> false",
        "false = true",
        "false and false",
        "false and none = 'true'",
        "false and true",
        "false and undefined",
        "false or false",
        "false",
        "is_bool('not a number')",
        "is_bool(12.34)",
        "is_bool(\"not a number\")",
        "is_bool(key1)",
        "is_bool(none)",
        "is_defined($none)",
        "is_defined('a' || none || 'd')",
        "is_defined(-undefined)",
        "is_defined(3 % 0)",
        "is_defined(3 % as_number(key1))",
        "is_defined(3 % as_number(none))",
        "is_defined(3 * as_number(key1))",
        "is_defined(3 * as_number(key4))",
        "is_defined(3 * as_number(none))",
        "is_defined(3 + as_number(key1))",
        "is_defined(3 + as_number(none))",
        "is_defined(3 - as_number(key1))",
        "is_defined(3 - as_number(none))",
        "is_defined(3 / as_number(key1))",
        "is_defined(3 / as_number(none))",
        "is_defined(abs(3 % 0))",
        "is_defined(abs(as_number(key1)))",
        "is_defined(as_number(\"apple\"))",
        "is_defined(ceiling(3 % 0))",
        "is_defined(ceiling(as_number(key1)))",
        "is_defined(concat('a', none, 'd'))",
        "is_defined(exp(3 % 0))",
        "is_defined(exp(as_number(key1)))",
        "is_defined(floor(3 % 0))",
        "is_defined(floor(as_number(key1)))",
        "is_defined(key4)",
        "is_defined(length(none))",
        "is_defined(length(null_value))",
        "is_defined(lower(none))",
        "is_defined(lower(null_value))",
        "is_defined(none = \"4\")",
        "is_defined(power(2, 3 % 0))",
        "is_defined(power(3 % 0, 2))",
        "is_defined(power(as_number(key1), as_number(key1)))",
        "is_defined(sign(3 % 0))",
        "is_defined(sign(as_number(key1)))",
        "is_defined(sqrt(3 % 0))",
        "is_defined(sqrt(as_number(key1)))",
        "is_defined(square(3 % 0))",
        "is_defined(square(as_number(key1)))",
        "is_defined(undefined and true)",
        "is_defined(undefined)",
        "IS_DEFINED(undefined)",
        "is_defined(upper(none))",
        "is_defined(upper(null_value))",
        "is_null('not a number')",
        "is_null(12.34)",
        "is_null(3 / 0)",
        "is_null(\"not a number\")",
        "is_null(as_number(key1) / as_number(key2))",
        "is_null(as_number(key1))",
        "is_null(as_number(key2))",
        "is_null(false)",
        "is_null(none)",
        "is_null(true)",
        "is_number('not a number')",
        "is_number(3 / 0)",
        "is_number(\"not a number\")",
        "is_number(as_number(key1) / as_number(key2))",
        "is_number(as_number(key1))",
        "is_number(false)",
        "is_number(true)",
        "is_string(12.34)",
        "is_string(false)",
        "is_string(none)",
        "is_string(null_value)",
        "is_string(true)",
        "key1 = \"value2\"",
        "key2 != '3'",
        "key2 != \"3\"",
        "key2 <> '3'",
        "key2 <> \"3\"",
        "key2 = \"value1\"",
        "none = 'true' and false",
        "not true",
        "null and null",
        "null or false",
        "null",
        "starts_with('abc', 'xz')",
        "starts_with('abc', key1)",
        "SUBSTRING('abc', 3) = 'c'",
        "true != true",
        "true <> true",
        "true = false",
        "true and false",
        "true AND not true",
        "undefined and false",
    };
    (void) state;

    HOUSE_ALL(conditions, &house_message, EDGE_ROUTE_FALSE);
}

static void test_undefined_as_in_the_original(void **state)
{
    static const char *const conditions[] = {
        "'a string'",
        "'a' < none",
        "'a' <= none",
        "'a' > none",
        "(none ?? none) = \"value\"",
        "3 < as_number(none)",
        "3 < as_number(null_value)",
        "3 <= as_number(none)",
        "3 <= as_number(null_value)",
        "3 > as_number(none)",
        "3 > as_number(null_value)",
        "3 >= as_number(none)",
        "3 >= as_number(null_value)",
        "3",
        "\"a string\"",
        "as_number($none) = 3",
        "as_number(key1) = 3",
        "as_number(key3) * 3 = 9",
        "as_number(key3) = 3",
        "as_number(none) != 3",
        "as_number(none) * 3 = 9",
        "as_number(none) <> 3",
        "as_number(none) = 3",
        "as_number(null_value) * 3 = 9",
        "contains(none, '1')",
        "contains(null_value, '1')",
        "ends_with(none, '1')",
        "ends_with(null_value, '1')",
        "false or none = 'true'",
        "false or undefined",
        "index_of(none, '1') = 0",
        "index_of(null_value, '1') = 0",
        "none != \"4\"",
        "none <> \"4\"",
        "none = 'true' and none2 = 'true'",
        "none = 'true' and true",
        "none = 'true' or false",
        "none = 'true' or none2 = 'true'",
        "none = \"value1\"",
        "not (none = 'true')",
        "SQRT(-4) = -2",
        "starts_with(none, '1')",
        "starts_with(null_value, '1')",
        "substring('abc', -1) = ''",
        "substring('abc', -1, 0) = ''",
        "substring('abc', 1 % 0) = ''",
        "substring('abc', 1 % 0, 1) = ''",
        "substring('abc', 1, -2) = ''",
        "substring('abc', 1, 1 % 0) = ''",
        "SUBSTRING('abc', 4) = 'c'",
        "substring(none, 1) = 'a'",
        "substring(none, 1, 1) = 'a'",
        "substring(null_value, 1) = 'a'",
        "substring(null_value, 1, 1) = 'a'",
        "true and none = 'true'",
        "true and undefined",
        "undefined < undefined",
        "undefined ?? undefined",
        "undefined and undefined",
        "undefined or false",
        "undefined or undefined",
        "undefined",
    };
    (void) state;

    HOUSE_ALL(conditions, &house_message, EDGE_ROUTE_UNDEFINED);
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
        cmocka_unit_test(test_true_as_in_the_original),
        cmocka_unit_test(test_false_as_in_the_original),
        cmocka_unit_test(test_undefined_as_in_the_original),
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
