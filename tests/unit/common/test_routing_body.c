/* $body: which bodies are read, what a path finds, how its value compares. */
#include "tests/unit/common/route_house.h"

static const char weather[] =
    "{\"message\": {\"Weather\": {\"Temperature\": 50, \"Freezing\": -50.4, \"Precise\": 50.4,"
    " \"Conflict\": 50, \"NullValue\": null, \"Time\": \"2017-03-09T00:00:00.000Z\","
    " \"Previous\": [20, 30, 40], \"IsEnabled\": true, \"IsDisabled\": false,"
    " \"Location\": {\"Street\": \"One Microsoft Way\", \"City\": \"Redmond\", \"State\": \"WA\"},"
    " \"History\": [{\"Month\": \"Feb\", \"Temperature\": 40},"
    " {\"Month\": \"Jan\", \"Temperature\": 30}]}}}";

static const struct edge_route_property properties[] = {
    {"City", "Redmond"},        {"$State", "WA"},     {"$body.message.Weather.Conflict", "100"},
    {"IntegerProperty", "110"}, {"null_value", NULL},
};
static const struct edge_route_property json_system[] = {
    {"State", "CA"},
    {"body.message.Weather.Location.State", "CA"},
    {"contentEncoding", "UTF-8"},
    {"ContentType", "Application/JSON"},
};

static struct edge_route_message message_of(const char *body, size_t len)
{
    return (struct edge_route_message){
        .source = "/messages/modules/m/outputs/o",
        .properties = properties,
        .nproperties = EDGE_ARRAY_LEN(properties),
        .system = json_system,
        .nsystem = EDGE_ARRAY_LEN(json_system),
        .body = {(const uint8_t *) body, len},
    };
}

#define W "$body.message.Weather."

static void test_values_of_the_body(void **state)
{
    static const char *const yes[] = {
        "50 >= " W "Temperature",
        "$BODY.message.Weather.Temperature >= 50",
        "$bODy.message.Weather.Temperature = 50",
        W "Temperature != 60",
        W "Temperature = 40 + 10",
        W "Temperature >= " W "Previous[0] + " W "Previous[1] ",
        W "Previous[0] + " W "Previous[1]= 50 ",
        W "Previous[1] * " W "Previous[2] = 1200",
        W "Previous[1] / " W "Previous[0] = 1.5",
        W "History[0].Temperature - 10 = " W "History[1].Temperature",
        W "History[0].Month = 'Feb'",
        W "Temperature <> '100'",
        W "Location.City = City",
        "City = " W "Location.City",
        W "Location.State = $State",
        W "IsEnabled",
        W "IsEnabled = true",
        W "IsDisabled <> true",
        "NOT " W "IsDisabled",
        W "InvalidKey <> '100'",
        W "IsEnabled AND " W "IsEnabled",
        W "IsDisabled OR NOT(" W "IsDisabled)",
        "true AND " W "IsEnabled", /* a body's value may stand on either side */
        W "Conflict = '100'",      /* the property of this name wins */
        "as_number(" W "Conflict) = 100",
        "{" W "Conflict} <> 100",
        "{" W "Conflict} = 50",
        "{" W "Location.State} <> 'CA'",
        W "NullValue = null",
        "$body.message.Temperature = null",
        W "Temperature != null",
        W "Temperature.below = null", /* through a scalar */
        W "Previous[3] = null",
        W "Location[0] = null",
        W "Previous.x = null",
        "NOT (" W "InvalidProperty != null)",
        "is_defined(" W "InvalidProperty)",
        W "Time = '2017-03-09T00:00:00.000Z'", /* a date is a string */
        W "Time <> '100'",
        "starts_with(" W "Time, '2017')",
        "null = " W "NullValue",
        "(" W "NullValue ?? 'x') = null",
    };
    static const char *const no[] = {
        "10 >= " W "Temperature",
        W "Temperature < 50",
        W "Temperature = '50'", /* a number is no string */
        W "Temperature != 50",
        W "Temperature <= " W "Previous[0]",
        W "Location.City != City",
        W "Location.State = City",
        W "IsDisabled",
        W "Location.city <> null", /* names are as they are written */
        W "NullValue <> null",
        "NOT " W "IsEnabled",
    };
    static const char *const neither[] = {
        "$body",
        W "History[0].Temperature.InvalidKey",
        "$City <> " W "InvalidKey",
        W "Location <> null", /* no scalar */
        W "Previous = null",
        W "NullValue",
        W "Temperature",
        "NOT " W "Temperature",
        W "IsDisabled AND " W "Missing",
        W "IsEnabled OR " W "Missing",
        W "IsDisabled AND none = 'x'",
        W "Location.City + 1 = 2",
        W "Temperature = as_number('x')",
    };
    struct edge_route_message message = message_of(weather, sizeof weather - 1);
    (void) state;

    HOUSE_ALL(yes, &message, EDGE_ROUTE_TRUE);
    HOUSE_ALL(neither, &message, EDGE_ROUTE_UNDEFINED);
    HOUSE_ALL(no, &message, EDGE_ROUTE_FALSE);
}

static void test_functions_of_the_body(void **state)
{
    static const char *const yes[] = {
        "abs(" W "Freezing) = 50.4",
        "ceiling(as_number(" W "Precise)) = 51",
        "concat(" W "Location.Street, ', ', " W "Location.City) = 'One Microsoft Way, Redmond'",
        W "Location.City || '!' = 'Redmond!'",
        "contains(" W "Location.Street, 'Microsoft')",
        "ends_with(" W "Location.Street, 'Way')",
        "exp((" W "Temperature - 49)) < (" W "Temperature - 47)",
        "index_of(" W "Location.Street, 'Way') > 6",
        "is_defined(" W "Location.Street)",
        "is_null(" W "NullValue)",
        "is_null({" W "NullValue})",
        "not is_null(" W "Temperature)",
        "not is_null(" W "Missing)",
        "is_string(" W "Location.Street)",
        "is_number(" W "Temperature)",
        "is_bool(" W "IsDisabled)",
        "length(" W "Location.State) = 2",
        "lower(" W "Location.State) = 'wa'",
        "upper(" W "Location.City) = 'REDMOND'",
        "power(" W "Temperature, length(" W "Location.State)) = square(" W "Temperature)",
        "sign(" W "Freezing) = -1",
        "substring(" W "Location.Street, 4, length('Microsoft')) = 'Microsoft'",
    };
    static const char *const no[] = {
        "is_number(" W "Location.City)",
        "is_string(" W "NullValue)",
        "is_bool(" W "NullValue)",
        "is_defined(" W "Location)",
        "is_defined(lower(" W "Temperature))",
        "is_defined(concat('a', " W "NullValue))",
    };
    static const char *const neither[] = {"is_null(" W "Location)", "is_bool(" W "Location)"};
    struct edge_route_message message = message_of(weather, sizeof weather - 1);
    (void) state;

    HOUSE_ALL(yes, &message, EDGE_ROUTE_TRUE);
    HOUSE_ALL(no, &message, EDGE_ROUTE_FALSE);
    HOUSE_ALL(neither, &message, EDGE_ROUTE_UNDEFINED);
}

/* Bools are before numbers, these before strings, these before null. */
static void test_kinds_have_an_order(void **state)
{
    static const char body[] = "{\"b\":true,\"n\":1,\"s\":\"a\",\"z\":null}";
    static const char *const yes[] = {
        "$body.b < $body.n",    "$body.n < $body.s", "$body.s < $body.z", "$body.n < 'a'",
        "$body.s > 5",          "$body.z > 'zzz'",   "$body.b < 0",       "$body.z >= null",
        "$body.s > null_value", "true <= $body.b",
    };
    struct edge_route_message message = message_of(body, sizeof body - 1);
    (void) state;

    HOUSE_ALL(yes, &message, EDGE_ROUTE_TRUE);
}

static void test_paths_that_are_none(void **state)
{
    static const char *const bad[] = {
        "$body.properties[]",
        "$body.properties[1:2]",
        "$body.",
        "$body.a.",
        "$body.a..b",
        "$body.a[",
        "$body.a[x]",
        "$body.a[-1]",
        "$body.a[1",
        "$body.a]",
        "$body.a[1]x",
        "$body.[0]",
        "$body.a.[1]",
        "$body.0",
        "$body.a.1",
        "$body.*",
        "$body.a[*]",
        "$body.a['b']",
        "$body.a[12345678901]",
        "{$body.a[]}",
        "$body .a = 1",
        "$ body.a = 1",
        "$body.a b",
        "$body.a % 2 = 0",
        "- $body.a = 1",
        "-($body.a) = 1",
        "$body.a AND 3",
        "$body.a and null",
        "$body.a = undefined",
        "undefined = $body.a",
        "abs($body.a, 1) = 1",
    };
    static const char *const good[] = {
        "$body.a[0].b[12] = null", "$body.a[0][1] = null", "$body.Welcome!.x = null",
        "$body.123abc = null",     "$body.a-b = null",     "$body.I'm%1 = null",
        "$body.$metadata = null",  "$body.\u00e4 = null",
    };
    struct edge_route_message message = message_of("{}", 2);
    (void) state;

    HOUSE_ALL(bad, &message, HOUSE_ERROR);
    HOUSE_ALL(good, &message, EDGE_ROUTE_TRUE);
}

static int ask_body(const char *condition, const char *body)
{
    struct edge_route_message message = message_of(body, strlen(body));
    char why[700] = "";

    return house_ask(condition, &message, why, sizeof why);
}

static void test_only_whole_json_objects_are_read(void **state)
{
    static const char *const good[] = {
        "{\"a\":1}",
        " \t\r\n{ \"a\" : 1 } \n",
        "\xef\xbb\xbf{\"a\":1}",
        "{\"z\":[{},[],[[]],\"\\u0041\\n\\\"\",-0.5e+10,true,false,null],\"a\":1}",
        "{\"a\":2,\"a\":1}", /* the last one counts */
        "{\"\\u0061\":1}",
        "{\"a\":1.0e0,\"\xc3\xa4\":\"\xf0\x9f\x98\x80\"}",
        "{\"long enough for eight at a time\":\"and this one is even longer than that\",\"a\":1}",
        "{\"a\":1,\"x\":\"\\ud83d\\ude00\\ud800\"}",
    };
    static const char *const bad[] = {
        "",
        " ",
        "1",
        "[{\"a\":1}]",
        "\"a\"",
        "null",
        "{\"a\":1",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{\"a\":1,}",
        "{,\"a\":1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\"1}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1,\"b\":01}",
        "{\"a\":1,\"b\":1.}",
        "{\"a\":1,\"b\":.5}",
        "{\"a\":1,\"b\":1e}",
        "{\"a\":1,\"b\":-}",
        "{\"a\":1,\"b\":+1}",
        "{\"a\":1,\"b\":NaN}",
        "{\"a\":1,\"b\":tru}",
        "{\"a\":1,\"b\":True}",
        "{\"a\":1,\"b\":[1,]}",
        "{\"a\":1,\"b\":[1 2]}",
        "{\"a\":1,\"b\":\"\\x\"}",
        "{\"a\":1,\"b\":\"\\u12\"}",
        "{\"a\":1,\"b\":\"\n\"}",
        "{\"a\":1,\"b\":\"open}",
        "{\"a\":1,\"b\":\"12345678\x1f\"}",
        "{\"a\":1,\"b\":\"\xff\"}",
        "{\"a\":1,\"b\":\"\xc0\x80\"}",
        "{\"a\":1,\"b\":\"\xed\xa0\x80\"}",
        "{\"a\":1}/* c */",
        "Invalid Json",
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(good); i++) {
        if (ask_body("$body.a = 1", good[i]) != EDGE_ROUTE_TRUE)
            fail_msg("not read: %s", good[i]);
    }
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        if (ask_body("is_defined($body.a)", bad[i]) != EDGE_ROUTE_FALSE)
            fail_msg("read: %s", bad[i]);
        assert_int_equal(ask_body("$body.a = 1", bad[i]), EDGE_ROUTE_UNDEFINED);
    }
}

/* Cut anywhere, it is no JSON; and nothing is read behind the end. */
static void test_a_body_that_is_cut_says_nothing(void **state)
{
    static const char body[] =
        "{\"k\":[1.5e3,\"\\u00e4\xc3\xa4\",true,null,{\"b\":false}],\"a\":1}";
    (void) state;

    for (size_t len = 0; len < sizeof body; len++) {
        EDGE_CLEANUP(edge_free) char *copy = malloc(len + 1);
        struct edge_route_message message = message_of(copy, len);
        char why[700];

        assert_non_null(copy);
        memcpy(copy, body, len);
        assert_int_equal(house_ask("$body.a = 1", &message, why, sizeof why),
                         len == sizeof body - 1 ? EDGE_ROUTE_TRUE : EDGE_ROUTE_UNDEFINED);
    }
}

static void test_a_later_member_of_the_same_name_replaces_all_of_an_earlier(void **state)
{
    (void) state;
    assert_int_equal(ask_body("$body.a.b = null", "{\"a\":{\"b\":1},\"a\":{\"c\":1}}"),
                     EDGE_ROUTE_TRUE);
    assert_int_equal(ask_body("$body.a.b = null", "{\"a\":{\"b\":1},\"a\":5}"), EDGE_ROUTE_TRUE);
    assert_int_equal(ask_body("$body.a[1] = 4", "{\"a\":[1,2],\"a\":[3,4]}"), EDGE_ROUTE_TRUE);
}

static void test_texts_of_the_body_lose_their_escapes(void **state)
{
    static const char body[] =
        "{\"a\":\"x\\n\\t\\\\\\\"\\/\\u00e4\\ud83d\\ude00\\ud800!\",\"q\\\"k\":1}";
    (void) state;

    assert_int_equal(ask_body("$body.a = 'x\n\t\\\\\"/\u00e4\U0001f600\ufffd!'", body),
                     EDGE_ROUTE_TRUE);
    assert_int_equal(ask_body("$body.a = $body.a and length($body.a) = 11", body), EDGE_ROUTE_TRUE);
}

static void test_depth_has_a_limit(void **state)
{
    char deep[400] = "{\"a\":1,\"d\":";
    size_t head = strlen(deep);
    (void) state;

    for (size_t levels = 63; levels <= 64; levels++) {
        memset(deep + head, '[', levels);
        memset(deep + head + levels, ']', levels);
        strcpy(deep + head + 2 * levels, "}");
        assert_int_equal(ask_body("$body.a = 1", deep),
                         levels == 63 ? EDGE_ROUTE_TRUE : EDGE_ROUTE_UNDEFINED);
    }
}

/* The sender must say that it is JSON, and how it is encoded. */
static void test_what_the_sender_says_of_the_body(void **state)
{
    static const char utf8[] = "{\"a\":\"\xe2\x82\xac\"}";
    static const char utf16[] = "{\0\"\0a\0\"\0:\0\"\0\xac\x20\"\0}\0";
    static const char pairs[] = "{\0\"\0a\0\"\0:\0\"\0\x3d\xd8\0\xde\"\0}\0";
    static const char utf32[] =
        "{\0\0\0\"\0\0\0a\0\0\0\"\0\0\0:\0\0\0\"\0\0\0\xac\x20\0\0\"\0\0\0}\0\0\0";
    static const struct {
        const char *type;
        const char *encoding;
        const char *body;
        size_t len;
        const char *condition;
        int want;
    } cases[] = {
#define BODY(text) text, sizeof(text) - 1
        {"application/json", "utf-8", BODY(utf8), "$body.a = '\u20ac'", EDGE_ROUTE_TRUE},
        {"APPLICATION/JSON", "Utf-16", BODY(utf16), "$body.a = '\u20ac'", EDGE_ROUTE_TRUE},
        {"application/json", "utf-16", BODY(pairs), "$body.a = '\U0001f600'", EDGE_ROUTE_TRUE},
        {"application/json", "UTF-32", BODY(utf32), "$body.a = '\u20ac'", EDGE_ROUTE_TRUE},
        {"application/json", "utf-16", BODY(utf8), "$body.a = '\u20ac'", EDGE_ROUTE_UNDEFINED},
        {"application/json", "utf-32", BODY(utf16), "$body.a = '\u20ac'", EDGE_ROUTE_UNDEFINED},
        {"application/json", "utf-16", utf16, sizeof utf16 - 2, "is_defined($body.a)",
         EDGE_ROUTE_FALSE},
        {"application/json", "utf-8", BODY(utf16), "is_defined($body.a)", EDGE_ROUTE_FALSE},
        {"application/json", NULL, BODY(utf8), "is_defined($body.a)", EDGE_ROUTE_FALSE},
        {NULL, "utf-8", BODY(utf8), "is_defined($body.a)", EDGE_ROUTE_FALSE},
        {"application/json", "utf-7", BODY(utf8), "is_defined($body.a)", EDGE_ROUTE_FALSE},
        {"application/json; charset=utf-8", "utf-8", BODY(utf8), "is_defined($body.a)",
         EDGE_ROUTE_FALSE},
        {"text/plain", "utf-8", BODY(utf8), "is_defined($body.a)", EDGE_ROUTE_FALSE},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        const struct edge_route_property system[] = {{"contentType", cases[i].type},
                                                     {"contentEncoding", cases[i].encoding}};
        const struct edge_route_message message = {
            .source = "/messages",
            .system = system,
            .nsystem = 2,
            .body = {(const uint8_t *) cases[i].body, cases[i].len}};

        house_all(&cases[i].condition, 1, &message, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_of_the_body),
        cmocka_unit_test(test_functions_of_the_body),
        cmocka_unit_test(test_kinds_have_an_order),
        cmocka_unit_test(test_paths_that_are_none),
        cmocka_unit_test(test_only_whole_json_objects_are_read),
        cmocka_unit_test(test_a_body_that_is_cut_says_nothing),
        cmocka_unit_test(test_a_later_member_of_the_same_name_replaces_all_of_an_earlier),
        cmocka_unit_test(test_texts_of_the_body_lose_their_escapes),
        cmocka_unit_test(test_depth_has_a_limit),
        cmocka_unit_test(test_what_the_sender_says_of_the_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
