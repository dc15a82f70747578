/* Sets of routes as the twin has them. */
#include "tests/unit/common/route_house.h"

static int read_set(const char *json, const char *schema, bool lenient, struct edge_routes **ret,
                    struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *document = NULL;

    assert_int_equal(edge_json_parse(json, strlen(json), &document, NULL), 0);
    return edge_routes_read(document, schema, lenient, ret, err);
}

static void test_strings_and_objects(void **state)
{
    EDGE_CLEANUP(edge_routes_free) struct edge_routes *set = NULL;
    struct edge_err err = {0};
    const struct edge_route_entry *entry;
    (void) state;

    assert_int_equal(
        read_set("{\"up\":\"FROM /messages/* INTO $upstream\",\"blank\":\" \",\"gone\":null,"
                 "\"hot\":{\"route\":\"FROM /* WHERE $body.l = 'high' INTO "
                 "BrokeredEndpoint('/modules/a/inputs/in')\",\"priority\":0,"
                 "\"timeToLiveSecs\":86400},"
                 "\"plain\":{\"route\":\"FROM /* INTO $upstream\",\"priority\":null}}",
                 "1.1", false, &set, &err),
        0);
    assert_int_equal(edge_routes_count(set), 3);
    entry = edge_routes_at(set, 0);
    assert_string_equal(entry->name, "up");
    assert_int_equal(entry->priority, EDGE_ROUTE_PRIORITY_DEFAULT);
    assert_int_equal(entry->ttl_s, 0);
    assert_true(edge_route_sink(entry->route)->upstream);
    entry = edge_routes_at(set, 1);
    assert_string_equal(entry->name, "hot");
    assert_int_equal(entry->priority, 0);
    assert_int_equal(entry->ttl_s, 86400);
    assert_string_equal(edge_route_sink(entry->route)->module, "a");
    assert_int_equal(edge_routes_at(set, 2)->priority, EDGE_ROUTE_PRIORITY_DEFAULT);
    assert_null(edge_routes_at(set, 3));
}

static void test_schemas(void **state)
{
    static const char *const good[] = {"1.0", "1.1", "1.2", "1.3", "1.0.0", "1.3.12"};
    static const char *const bad[] = {NULL,   "",      "1",    "1.4",     "2.0",  "1.10", "1.1.",
                                      "1.1x", "1.1.x", " 1.1", "1.1.1.1", "01.1", "1.-1"};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(good); i++) {
        EDGE_CLEANUP(edge_routes_free) struct edge_routes *set = NULL;

        assert_int_equal(read_set("{\"r\":\"FROM /* INTO $upstream\"}", good[i], false, &set, NULL),
                         0);
        assert_int_equal(edge_routes_count(set), 1);
    }
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        EDGE_CLEANUP(edge_routes_free) struct edge_routes *set = NULL;

        assert_int_equal(read_set("{}", bad[i], true, &set, NULL), EDGE_ESCHEMA);
    }
}

static void test_what_is_no_set(void **state)
{
    static const struct {
        const char *json;
        const char *schema;
        const char *why;
    } cases[] = {
        {"[]", "1.1", "routes is no object"},
        {"\"FROM /* INTO $upstream\"", "1.1", "routes is no object"},
        {"{\"r\":5}", "1.1", "Error parsing route r - Malformed route specification"},
        {"{\"r\":[]}", "1.0", "Error parsing route r - Malformed route specification"},
        {"{\"r\":{\"route\":\"FROM /* INTO $upstream\"}}", "1.0", "Malformed route specification"},
        {"{\"r\":{\"route\":5}}", "1.1", "Malformed route specification"},
        {"{\"r\":{\"route\":\"FROM /* INTO $upstream\",\"priority\":10}}", "1.1",
         "Error parsing route r - priority is no number from 0 to 9"},
        {"{\"r\":{\"route\":\"FROM /* INTO $upstream\",\"priority\":-1}}", "1.1", "priority"},
        {"{\"r\":{\"route\":\"FROM /* INTO $upstream\",\"priority\":\"high\"}}", "1.1", "priority"},
        {"{\"r\":{\"route\":\"FROM /* INTO $upstream\",\"timeToLiveSecs\":-5}}", "1.1",
         "timeToLiveSecs"},
        {"{\"\":\"FROM /* INTO $upstream\"}", "1.1", "A route has no name"},
        {"{\"ok\":\"FROM /* INTO $upstream\",\"r\":\"FROM /* WHERE temp > 1 INTO $upstream\"}",
         "1.1", "Error parsing route r - line 1, column 20 (1:20-1:21): Invalid operands"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        EDGE_CLEANUP(edge_routes_free) struct edge_routes *set = NULL;
        struct edge_err err = {0};

        assert_int_equal(read_set(cases[i].json, cases[i].schema, false, &set, &err),
                         EDGE_EINVALID);
        assert_null(set);
        if (!strstr(err.text, cases[i].why))
            fail_msg("%s: \"%s\" without \"%s\"", cases[i].json, err.text, cases[i].why);
    }
}

static void test_a_lenient_set_keeps_what_is_wrong(void **state)
{
    EDGE_CLEANUP(edge_routes_free) struct edge_routes *set = NULL;
    struct edge_route_match match[4];
    (void) state;

    assert_int_equal(read_set("{\"bad\":\"FROM\",\"five\":5,\"good\":\"FROM /* INTO $upstream\","
                              "\"worse\":{\"route\":\"FROM /* INTO $upstream\",\"priority\":77}}",
                              "1.1", true, &set, NULL),
                     0);
    assert_int_equal(edge_routes_count(set), 4);
    assert_null(edge_routes_at(set, 0)->route);
    assert_non_null(strstr(edge_routes_at(set, 0)->error, "(1:5-1:6)"));
    assert_non_null(strstr(edge_routes_at(set, 1)->error, "Malformed"));
    assert_null(edge_routes_at(set, 2)->error);
    assert_non_null(strstr(edge_routes_at(set, 3)->error, "priority"));
    assert_null(edge_routes_at(set, 3)->route);
    assert_int_equal(edge_routes_match(set, &house_message, match, 4), 1);
    assert_int_equal(match[0].route, 2);
}

static void test_no_routes(void **state)
{
    EDGE_CLEANUP(edge_routes_free) struct edge_routes *set = NULL;
    EDGE_CLEANUP(edge_routes_free) struct edge_routes *none = NULL;
    (void) state;

    assert_int_equal(read_set("{}", "1.0", false, &set, NULL), 0);
    assert_int_equal(edge_routes_read(NULL, "1.0", false, &none, NULL), 0);
    assert_int_equal(edge_routes_match(set, &house_message, NULL, 0), 0);
    assert_int_equal(edge_routes_match(none, &house_message, NULL, 0), 0);
    assert_false(edge_routes_look_inside(none));
}

static void test_too_many_routes(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1 << 20);
    EDGE_CLEANUP(edge_routes_free) struct edge_routes *set = NULL;
    (void) state;

    for (int i = 0; i <= EDGE_ROUTES_MAX; i++)
        edge_buf_printf(&text, "%s\"r%d\":\"FROM /* INTO $upstream\"", i ? "," : "{", i);
    edge_buf_puts(&text, "}");
    assert_int_equal(read_set(text.data, "1.1", true, &set, NULL), EDGE_ELIMIT);
}

/* Each route has few paths; all together have too many. */
static void test_too_many_paths(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1 << 20);
    EDGE_CLEANUP(edge_routes_free) struct edge_routes *set = NULL;
    struct edge_err err = {0};
    (void) state;

    for (int i = 0; i < 100; i++)
        edge_buf_printf(
            &text,
            "%s\"r%d\":\"FROM /* WHERE $body.a%d = $body.b%d AND $body.c%d = $body.same "
            "INTO $upstream\"",
            i ? "," : "{", i, i, i, i);
    edge_buf_puts(&text, "}");
    assert_int_equal(read_set(text.data, "1.1", false, &set, &err), EDGE_ELIMIT);
    assert_non_null(strstr(err.text, "Error parsing route r85 - More than 256"));
    assert_int_equal(read_set(text.data, "1.1", true, &set, NULL), 0);
    assert_null(edge_routes_at(set, 84)->error);
    assert_non_null(edge_routes_at(set, 85)->error);
    assert_null(edge_routes_at(set, 85)->route);
}

static void test_a_sink_gets_one_copy_by_the_first_priority(void **state)
{
    static const char json[] =
        "{\"a\":{\"route\":\"FROM /* INTO $upstream\",\"priority\":5,\"timeToLiveSecs\":1},"
        "\"b\":{\"route\":\"FROM /* INTO BrokeredEndpoint('/modules/x/inputs/i')\",\"priority\":9},"
        "\"c\":{\"route\":\"FROM /* INTO $upstream\",\"priority\":2,\"timeToLiveSecs\":2},"
        "\"d\":{\"route\":\"FROM /* WHERE none = '1' INTO $upstream\",\"priority\":0},"
        "\"e\":{\"route\":\"FROM /* INTO $upstream\",\"priority\":2,\"timeToLiveSecs\":3},"
        "\"f\":\"FROM /* INTO BrokeredEndpoint('/modules/x/inputs/i2')\","
        "\"g\":\"FROM /* INTO BrokeredEndpoint('modules/x/inputs/i')\"}";
    EDGE_CLEANUP(edge_routes_free) struct edge_routes *set = NULL;
    struct edge_route_match match[8];
    bool seen[8] = {false};
    size_t count;
    (void) state;

    assert_int_equal(read_set(json, "1.1", false, &set, NULL), 0);
    assert_true(edge_routes_look_inside(set));
    count = edge_routes_match(set, &house_message, match, EDGE_ARRAY_LEN(match));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(match[i].sink,
                         edge_route_sink(edge_routes_at(set, match[i].route)->route));
        seen[match[i].route] = true;
    }
    assert_true(seen[2] && seen[1] && seen[5]); /* c, b, f */
}

/* One reading serves all: each route sees its own paths. */
static void test_paths_of_all_routes_share_one_reading(void **state)
{
    static const struct edge_route_property system[] = {{"contentType", "application/json"},
                                                        {"contentEncoding", "utf-8"}};
    static const char body[] = "{\"x\":{\"y\":1,\"z\":\"q\\u0041\"},\"l\":[5,6,7],\"f\":true}";
    static const char json[] =
        "{\"1\":\"FROM /* WHERE $body.l[2] = 7 INTO BrokeredEndpoint('/m/1/i/i')\","
        "\"2\":\"FROM /* WHERE $body.x.z = 'qA' INTO BrokeredEndpoint('/m/2/i/i')\","
        "\"3\":\"FROM /* WHERE $body.x.y = 2 INTO BrokeredEndpoint('/m/3/i/i')\","
        "\"4\":\"FROM /* WHERE $body.f AND $body.x.z = 'qA' INTO BrokeredEndpoint('/m/4/i/i')\","
        "\"5\":\"FROM /* WHERE $body.x.y = 1 INTO BrokeredEndpoint('/m/5/i/i')\","
        "\"6\":\"FROM /other WHERE $body.x.y = 1 INTO BrokeredEndpoint('/m/6/i/i')\"}";
    const struct edge_route_message message = {.source = "/messages",
                                               .system = system,
                                               .nsystem = 2,
                                               .body = {(const uint8_t *) body, sizeof body - 1}};
    EDGE_CLEANUP(edge_routes_free) struct edge_routes *set = NULL;
    struct edge_route_match match[6];
    (void) state;

    assert_int_equal(read_set(json, "1.0", false, &set, NULL), 0);
    assert_int_equal(edge_routes_match(set, &message, match, 6), 4);
    assert_string_equal(match[0].sink->module, "1");
    assert_string_equal(match[1].sink->module, "2");
    assert_string_equal(match[2].sink->module, "4");
    assert_string_equal(match[3].sink->module, "5");
    assert_int_equal(edge_routes_match(set, &message, match, 2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings_and_objects),
        cmocka_unit_test(test_schemas),
        cmocka_unit_test(test_what_is_no_set),
        cmocka_unit_test(test_a_lenient_set_keeps_what_is_wrong),
        cmocka_unit_test(test_no_routes),
        cmocka_unit_test(test_too_many_routes),
        cmocka_unit_test(test_too_many_paths),
        cmocka_unit_test(test_a_sink_gets_one_copy_by_the_first_priority),
        cmocka_unit_test(test_paths_of_all_routes_share_one_reading),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
