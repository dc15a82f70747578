/* A route around its condition: source and sink. */
#include "tests/unit/common/route_house.h"

static int compile(const char *text, struct edge_route **ret, struct edge_err *err)
{
    return edge_route_compile(text, strlen(text), ret, err);
}

static bool takes(const char *source, const char *from)
{
    EDGE_CLEANUP(edge_route_free) struct edge_route *route = NULL;
    EDGE_CLEANUP(edge_free) char *text = edge_format("FROM %s INTO $upstream", source);
    struct edge_err err = {0};

    if (compile(text, &route, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return edge_route_test(route, &(struct edge_route_message){.source = from}) == EDGE_ROUTE_TRUE;
}

static void test_a_source_is_a_prefix(void **state)
{
    enum { OUTPUT, MODULE, DEVICE, TWIN, KINDS };
    static const char *const from[KINDS] = {"/messages/modules/m/outputs/o", "/messages/modules/m",
                                            "/messages", "/twinChangeNotifications"};
    static const struct {
        const char *source;
        const char *taken; /* OUTPUT, MODULE, DEVICE, TWIN */
    } cases[] = {
        {"/*", "yyyy"},
        {"/messages", "yyyn"},
        {"/messages/*", "yyyn"},
        {"/MESSAGES/*", "yyyn"},
        {"/messages/modules", "yynn"},
        {"/messages/modules/*", "yynn"},
        {"/messages/modules/m", "yynn"},
        {"/messages/modules/M/*", "yynn"},
        {"/messages/modules/m/outputs/*", "ynnn"},
        {"/messages/modules/m/outputs/o", "ynnn"},
        {"/messages/modules/m/outputs/o2", "nnnn"},
        {"/messages/modules/m/outputs", "ynnn"},
        {"/messages/modules/*/outputs/o", "nnnn"},
        {"/messages/modules/mm", "nnnn"},
        {"/messages/events", "nnnn"},
        {"/message", "nnnn"},
        {"/*/messages/*", "nnnn"},
        {"/foo/*", "nnnn"},
        {"/twinChangeNotifications", "nnny"},
        {"/twinchangenotifications/*", "nnny"},
        {"/messages/modules/m*", "yynn"}, /* stars at the end do not count */
        {" / messages /\tmodules\n/ m ", "yynn"},
        {"/messages /* a comment */ /modules", "yynn"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        for (int kind = 0; kind < KINDS; kind++) {
            EDGE_CLEANUP(edge_free) char *slash = edge_format("%s/", from[kind]);
            bool want = cases[i].taken[kind] == 'y';

            if (takes(cases[i].source, from[kind]) != want || takes(cases[i].source, slash) != want)
                fail_msg("%s of %s", cases[i].source, from[kind]);
        }
    }
    assert_true(takes("/*", ""));
    assert_false(takes("/messages/*", ""));
}

static void test_where_a_route_leads(void **state)
{
    static const struct {
        const char *sink;
        const char *module; /* NULL: upstream */
        const char *input;
    } cases[] = {
        {"$upstream", NULL, NULL},
        {"$UpStream  ", NULL, NULL},
        {"BrokeredEndpoint(\"/modules/a/inputs/in\")", "a", "in"},
        {"brokeredENDPOINT ( 'modules/a/inputs/in/' ) ", "a", "in"},
        {"BrokeredEndpoint(\" /modules/a/inputs/in \")", "a", "in"},
        {"BrokeredEndpoint(\"/a/b/c/d\")", "b", "d"},
        {"BrokeredEndpoint('/modules/alert\"Logic/inputs/in')", "alert\"Logic", "in"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        EDGE_CLEANUP(edge_route_free) struct edge_route *route = NULL;
        EDGE_CLEANUP(edge_free) char *text = edge_format("from /* into %s", cases[i].sink);
        struct edge_err err = {0};
        const struct edge_route_sink *sink;

        if (compile(text, &route, &err) < 0)
            fail_msg("%s: %s", text, err.text);
        sink = edge_route_sink(route);
        assert_int_equal(sink->upstream, cases[i].module == NULL);
        assert_string_equal(sink->module, cases[i].module ? cases[i].module : "");
        assert_string_equal(sink->input, cases[i].input ? cases[i].input : "");
    }
}

static void test_routes_of_the_documentation(void **state)
{
    static const char *const good[] = {
        "FROM /messages/* INTO $upstream",
        " SELECT * FROM /messages WHERE    messageType = \"alert\" AND humidity = 'high' INTO "
        "$upstream ",
        "FROM /messages/modules/m/outputs/c WHERE t = \"a\" AND ( h = '50' OR p = \"b\") INTO "
        "BrokeredEndpoint(\"/modules/adapter/inputs/write\")",
        "FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) INTO $upstream",
        "FROM /messages/* WHERE {$connectionDeviceId} = 'd' INTO $upstream",
        "FROM /messages WHERE true INTO $upstream /* a comment at the end */",
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(good); i++) {
        EDGE_CLEANUP(edge_route_free) struct edge_route *route = NULL;
        struct edge_err err = {0};

        if (compile(good[i], &route, &err) < 0)
            fail_msg("%s: %s", good[i], err.text);
    }
}

#define IN "BrokeredEndpoint(\"/modules/a/inputs/in\")"

static void test_what_is_no_route(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", "(1:1-1:2): The route is empty"},
        {" \n", "The route is empty"},
        {"FORM /messages/* INTO " IN, "(1:1-1:5): Syntax error: FROM expected, not 'FORM'"},
        {"SELECT FROM /messages/* INTO " IN, "(1:8-1:12): Syntax error: '*' expected"},
        {"FROM INTO " IN, "(1:6-1:10): Syntax error: a source, /messages/* or so, expected"},
        {"FROM messages INTO " IN, "(1:6-1:14): Syntax error: a source"},
        {"FROM / INTO " IN, "(1:8-1:12): Syntax error: a part of the source"},
        {"FROM /messages/ INTO " IN, "(1:17-1:21): Syntax error: a part of the source"},
        {"FROM /messages/modules/m/outputs/1 INTO " IN, "(1:34-1:35): Syntax error: a part of"},
        {"FROM /messages/modules/from INTO " IN, "(1:24-1:28): Syntax error: a part of"},
        {"FROM /messages/modules/$edgeAgent INTO " IN, "(1:24-1:34): Syntax error"},
        {"FROM /messages/*/a/*/b INTO " IN, "(1:22-1:23): Syntax error: WHERE or INTO expected, "
                                            "not 'b'; '/*' and '*/' make a comment"},
        {"FROM /* WHERE x = '1' INTO $upstream /* why */", "make a comment of all between them"},
        {"FROM /* INTO BrokeredEndpoint(\"/modules/a/inputs/in')", "unterminated string"},
        {"FROM /* INTO BrokeredEndpoint('/modules/a/inputs/in\")", "unterminated string"},
        {"FROM /* INTO BrokeredEndpoint(\"\"/modules/a/inputs/in\"\")", "')' expected"},
        {"FROM /* INTO BrokeredEndpoint(''/modules/a/inputs/in'')", "')' expected"},
        {"FROM /* INTO BrokeredEndpoint('\"/modules/a/inputs/in'\")", "unterminated string"},
        {"FROM /* WHERE temp == 100 INTO " IN, "(1:21-1:22): Syntax error"},
        {"FROM /* WHERE INTO " IN, "(1:15-1:19): Syntax error: a term expected, not 'INTO'"},
        {"FROM /* WHERE", "(1:14-1:15): Syntax error: a term expected, not the end"},
        {"FROM /* WHERE temp = 'high' INTO", "(1:33-1:34): Syntax error: $upstream or"},
        {"FROM /* WHERE temp = 'high'", "an operator or INTO expected, not the end"},
        {"FROM /* INTO BrokeredEndpoint(\"/modules/a/inputs/in\"", "')' expected"},
        {"FROM /* INTO BrokeredEndpoint \"/modules/a/inputs/in\")", "'(' expected"},
        {"FROM /* INTO BrokeredEndpoint(/modules/a/inputs/in\")", "an address in quotes expected"},
        {"FROM /* INTO \"/modules/a/inputs/in\"", "$upstream or BrokeredEndpoint"},
        {"FROM /* INTO /modules/a/inputs/in", "$upstream or BrokeredEndpoint"},
        {"FROM /* INTO upstream", "(1:14-1:22): Syntax error: write $upstream"},
        {"FROM /* INTO $downstream", "System endpoint type '$downstream' is not supported"},
        {"FROM /* INTO Endpoint(\"/modules/a/inputs/in\")", "Function endpoint type 'Endpoint'"},
        {"FROM /* INTO BrokeredEndpoint(\"/modules/a\")", "is not \"/modules/<module>/inputs/"},
        {"FROM /* INTO BrokeredEndpoint(\"/modules/a/inputs/in/x\")", "is not \"/modules/"},
        {"FROM /* INTO BrokeredEndpoint(\"/modules//inputs/in\")", "is not \"/modules/"},
        {"FROM /* INTO BrokeredEndpoint(\"/modules/a/inputs/ \")", "is not \"/modules/"},
        {"FROM /* INTO BrokeredEndpoint(\"//\")", "is not \"/modules/"},
        {"FROM /* INTO $upstream WHERE x='1'",
         "(1:24-1:29): Syntax error: 'WHERE' behind the sink"},
        {"FROM /* INTO $upstream, $upstream", "(1:23-1:24): Syntax error: ',' behind"},
        {"FROM /* INTO " IN " x", "'x' behind the sink"},
        {"FROM /* INTO $upstream;", "behind the sink"},
        {"FROM /* INTO $upstream \xff", "a byte that is no character"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        EDGE_CLEANUP(edge_route_free) struct edge_route *route = NULL;
        struct edge_err err = {0};

        assert_int_equal(compile(cases[i].text, &route, &err), EDGE_EINVALID);
        if (!strstr(err.text, cases[i].why))
            fail_msg("%s: \"%s\" without \"%s\"", cases[i].text, err.text, cases[i].why);
        assert_int_equal(compile(cases[i].text, &route, NULL), EDGE_EINVALID);
    }
    {
        EDGE_CLEANUP(edge_route_free) struct edge_route *route = NULL;

        assert_int_equal(edge_route_compile("FROM /*\0 INTO $upstream", 23, &route, NULL),
                         EDGE_EINVALID);
    }
}

/* The source decides first: of another one nothing is looked at. */
static void test_a_source_that_does_not_match_is_false(void **state)
{
    EDGE_CLEANUP(edge_route_free) struct edge_route *route = NULL;
    (void) state;

    assert_int_equal(compile("FROM /messages/* WHERE none = 'x' INTO $upstream", &route, NULL), 0);
    assert_int_equal(edge_route_test(route, &house_message), EDGE_ROUTE_UNDEFINED);
    assert_int_equal(
        edge_route_test(route, &(struct edge_route_message){.source = "/twinChangeNotifications"}),
        EDGE_ROUTE_FALSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_source_is_a_prefix),
        cmocka_unit_test(test_where_a_route_leads),
        cmocka_unit_test(test_routes_of_the_documentation),
        cmocka_unit_test(test_what_is_no_route),
        cmocka_unit_test(test_a_source_that_does_not_match_is_false),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
