/* What does not compile, and what is said of it. */
#include "tests/unit/common/route_house.h"

static void refuse(const char *condition)
{
    char why[700] = "";

    if (house_ask(condition, &house_message, why, sizeof why) != HOUSE_ERROR)
        fail_msg("compiles: %s", condition);
    assert_non_null(strstr(why, "line 2, column "));
}

static void test_operators_take_only_their_types(void **state)
{
    static const char *const arithmetic[] = {"+", "-", "*", "/", "%"};
    static const char *const bad_pairs[][2] = {
        {"3", "none"},
        {"3", "null_value"},
        {"true", "3"},
        {"3", "true"},
        {"'a'", "'b'"},
        {"undefined", "3"},
        {"undefined", "undefined"},
        {"3", "undefined"},
        {"null", "3"},
    };
    static const char *const comparing[] = {"=", "!=", "<>", "<", "<=", ">", ">=", "??"};
    static const char *const unlike[][2] = {
        {"3", "none"},           {"none", "3"},
        {"3", "null_value"},     {"key1", "null"},
        {"null", "key1"},        {"key1", "true"},
        {"true", "1"},           {"undefined", "'a'"},
        {"none", "undefined"},   {"as_number(key2)", "key1"},
        {"3", "none.key1.key2"},
    };
    static const char *const logical[] = {"and", "or"};
    static const char *const no_bools[][2] = {
        {"none", "true"}, {"undefined", "'hello'"}, {"true", "3"}, {"1", "null"}};
    (void) state;

    for (size_t o = 0; o < EDGE_ARRAY_LEN(arithmetic); o++) {
        for (size_t i = 0; i < EDGE_ARRAY_LEN(bad_pairs); i++) {
            EDGE_CLEANUP(edge_free)
            char *text = edge_format("is_defined(%s %s %s)", bad_pairs[i][0], arithmetic[o],
                                     bad_pairs[i][1]);

            refuse(text);
        }
    }
    for (size_t o = 0; o < EDGE_ARRAY_LEN(comparing); o++) {
        for (size_t i = 0; i < EDGE_ARRAY_LEN(unlike); i++) {
            EDGE_CLEANUP(edge_free)
            char *text =
                edge_format("is_defined(%s %s %s)", unlike[i][0], comparing[o], unlike[i][1]);

            refuse(text);
        }
    }
    for (size_t o = 0; o < EDGE_ARRAY_LEN(logical); o++) {
        for (size_t i = 0; i < EDGE_ARRAY_LEN(no_bools); i++) {
            EDGE_CLEANUP(edge_free)
            char *text = edge_format("%s %s %s", no_bools[i][0], logical[o], no_bools[i][1]);

            refuse(text);
        }
    }
}

static void test_functions_take_only_their_arguments(void **state)
{
    static const char *const numeric[] = {"abs",   "exp",  "square", "ceiling",
                                          "floor", "sign", "sqrt"};
    static const char *const no_number[] = {"null", "undefined", "true", "false",
                                            "key1", "3, 4",      ""};
    static const char *const pairs[] = {"index_of", "starts_with", "ends_with", "contains"};
    static const char *const no_pair[] = {
        "", "'a'", "'a', 'b', 'c'", "'a', 1", "1, 'a'", "null, 'a'", "'a', undefined", "true, 'a'",
    };
    static const char *const others[] = {
        "power(null, 2)",
        "power(2, key1)",
        "power(2, 3, 4)",
        "power(2)",
        "power(true, true)",
        "concat()",
        "concat('a')",
        "concat('a', null)",
        "concat('a', undefined)",
        "concat('a', true)",
        "concat(3)",
        "'a' || null",
        "'a' || undefined",
        "'a' || true",
        "3 || 'a'",
        "length(12.34)",
        "length(null)",
        "lower(true)",
        "upper(undefined)",
        "lower('a', 'b')",
        "substring()",
        "substring('a')",
        "substring('a', 'b')",
        "substring('a', 1, 'b')",
        "substring(1, 1)",
        "substring('a', 1, 2, 3)",
        "as_number(null)",
        "as_number(true)",
        "as_number(undefined)",
        "as_number()",
        "as_number(key1, key2)",
        "is_defined()",
        "is_defined(1, 2)",
        "is_null()",
        "is_bool(1, 2)",
        "nope(1)",
        "twin_change_includes(properties.reported.x)",
        "- (key1)",
        "- (true)",
        "- (null)",
        "not key1",
        "not 3",
        "not undefined",
    };
    (void) state;

    for (size_t f = 0; f < EDGE_ARRAY_LEN(numeric); f++) {
        for (size_t i = 0; i < EDGE_ARRAY_LEN(no_number); i++) {
            EDGE_CLEANUP(edge_free)
            char *text = edge_format("is_defined(%s(%s))", numeric[f], no_number[i]);

            refuse(text);
        }
    }
    for (size_t f = 0; f < EDGE_ARRAY_LEN(pairs); f++) {
        for (size_t i = 0; i < EDGE_ARRAY_LEN(no_pair); i++) {
            EDGE_CLEANUP(edge_free)
            char *text = edge_format("is_defined(%s(%s))", pairs[f], no_pair[i]);

            refuse(text);
        }
    }
    for (size_t i = 0; i < EDGE_ARRAY_LEN(others); i++) {
        EDGE_CLEANUP(edge_free) char *text = edge_format("is_defined(%s)", others[i]);

        refuse(text);
    }
}

static void test_what_is_said_and_where(void **state)
{
    static const struct {
        const char *condition;
        const char *text;
    } cases[] = {
        {"3 + '4' = 7", "line 2, column 3 (2:3-2:4): Invalid operands to binary operator '+': have "
                        "'number' and 'string', expected 'number' and 'number'"},
        {"as_number(true) = true", "line 2, column 1 (2:1-2:10): Invalid arguments to built-in "
                                   "function 'as_number': as_number(bool)"},
        {"nope(true) = true", "(2:1-2:5): Invalid built-in function 'nope'"},
        {"Twin_Change_Includes(a.b)",
         "(2:1-2:21): Invalid built-in function 'Twin_Change_Includes'"},
        {"(2 + 22 = 24", "(2:1-2:2): Syntax error: missing closing ')'"},
        {"((2 + 22) = 24", "(2:1-2:2): Syntax error: missing closing ')'"},
        {"(2 + 22 )) = 24", "(2:10-2:11): Syntax error: unmatched closing ')'"},
        {"as_number(\"2\")) = 24", "(2:15-2:16): Syntax error: unmatched closing ')'"},
        {"as_number(\"2\" = 24", "(3:1-3:5): Syntax error: ')' expected, not 'INTO'"},
        {"\"2 = 24", "(2:1-2:8): Syntax error: unterminated string"},
        {"none = \"", "(2:8-2:9): Syntax error: unterminated string"},
        {"none = 'a", "(2:8-2:10): Syntax error: unterminated string"},
        {"3 = @ 3", "(2:5-2:6): Syntax error: invalid symbol '@'"},
        {"$body;@", "(2:6-2:7): Syntax error: invalid symbol ';'"},
        {"a ? b", "(2:3-2:4): Syntax error: invalid symbol '?'"},
        {"a[0] = 'x'", "(2:2-2:3): Syntax error: invalid symbol '['"},
        {"'\\x41' = key1", "(2:2-2:3): Syntax error: invalid escape"},
        {"'\\u00' = key1", "(2:2-2:3): Syntax error: invalid escape"},
        {"'\\ud800' = key1", "(2:1-2:9): Syntax error: \\uD800 to \\uDFFF come in pairs"},
        {"- (key1) = 1", "(2:1-2:2): Invalid operands to unary operator '-': have 'string', "
                         "expected 'number'"},
        {"NOT key1", "(2:1-2:4): Invalid operands to unary operator 'NOT': have 'string', "
                     "expected 'bool'"},
        {"\u00e4\u20ac = 3", "(2:4-2:5): Invalid operands"}, /* columns are characters */
        {"key1 = 'a' key2", "(2:12-2:16): Syntax error: an operator or INTO expected, not 'key2'"},
        {"{sys1} = 'x'", "(2:2-2:6): Syntax error: a system property, $name, expected"},
        {"key1 = from", "(2:8-2:12): Syntax error: a term expected, not 'from'"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        char why[700] = "";

        assert_int_equal(house_ask(cases[i].condition, &house_message, why, sizeof why),
                         HOUSE_ERROR);
        if (!strstr(why, cases[i].text))
            fail_msg("%s: \"%s\", not \"%s\"", cases[i].condition, why, cases[i].text);
    }
}

/* Mistakes that the original takes for names, or leaves unexplained. */
static void test_what_probably_was_meant(void **state)
{
    static const struct {
        const char *condition;
        const char *hint;
    } cases[] = {
        {"key1!='x'", "(2:1-2:6): Syntax error: the '!' belongs to this name; put a blank before"},
        {"$body.x!='x'", "the '!' belongs to this name"},
        {"key1||key3 = 'x'", "put blanks around '||'"},
        {"'a'||key1 = 'x'", "put a blank behind the string"},
        {"key1='x'and true", "put a blank behind the string"},
        {"a+b > 1", "'a+b' is one name: an operator has blanks around it, '+' too"},
        {"5*3 = 15", "'5*3' is one name: an operator has blanks around it, '*' too"},
        {"1 < a%b", "'a%b' is one name"},
        {"a-1 > 1", "'a-1' is one name: an operator has blanks around it, '-' too"},
        {"1 -1 = 0", "not '-1'; an operator has blanks around it"},
        {"as_number(key2)+1 = 4", "not '+1'; an operator has blanks around it"},
        {"temp > 100", "a property is a string: write as_number(temp)"},
        {"key1 == 'value1'", "'==' does not exist"},
        {"true && false", "write AND"},
        {"e5 = 'x'", "'e5' reads as a number, and is none"},
        {"0x11111111111111111 = 1", "reads as a number, and is none"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        char why[700] = "";

        assert_int_equal(house_ask(cases[i].condition, &house_message, why, sizeof why),
                         HOUSE_ERROR);
        if (!strstr(why, cases[i].hint))
            fail_msg("%s: \"%s\" without \"%s\"", cases[i].condition, why, cases[i].hint);
    }
}

static char *repeat(const char *head, const char *part, size_t count, const char *tail)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(1 << 20);

    edge_ignore(edge_buf_puts(&out, head));
    for (size_t i = 0; i < count; i++)
        edge_ignore(edge_buf_puts(&out, part));
    edge_ignore(edge_buf_puts(&out, tail));
    return edge_buf_take(&out);
}

static void test_everything_has_a_limit(void **state)
{
    static const struct {
        const char *head;
        const char *part;
        size_t count;
        const char *tail;
        int rc;
    } cases[] = {
        {"", "(", 20, "true))))))))))))))))))))", 0},
        {"", "(", 5000, "true", EDGE_ELIMIT},
        {"", "not ", 3000, "true", EDGE_ELIMIT},
        {"", "abs(", 3000, "1", EDGE_ELIMIT},
        {"'a' = concat('a'", ",'b'", 40, ")", 0},
        {"'a' = concat('a'", ",'b'", 100, ")", EDGE_ELIMIT},
        {"true", " or true", 1000, "", 0},
        {"1", "=1", 4000, "", EDGE_ELIMIT},
        {"$body.a", ".a", 31, " = 1", 0},
        {"$body.a", ".a", 100, " = 1", EDGE_ELIMIT},
        {"$body.a", "[0]", 5000, " = 1", EDGE_ELIMIT},
        {"", " ", 17000, "true", EDGE_ELIMIT},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        EDGE_CLEANUP(edge_free)
        char *condition = repeat(cases[i].head, cases[i].part, cases[i].count, cases[i].tail);
        struct edge_route *route = NULL;
        char why[700] = "";
        int rc = house_compile(condition, &route, why, sizeof why);

        edge_route_free(route);
        if (rc != cases[i].rc)
            fail_msg("case %zu: %d %s", i, rc, why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operators_take_only_their_types),
        cmocka_unit_test(test_functions_take_only_their_arguments),
        cmocka_unit_test(test_what_is_said_and_where),
        cmocka_unit_test(test_what_probably_was_meant),
        cmocka_unit_test(test_everything_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
