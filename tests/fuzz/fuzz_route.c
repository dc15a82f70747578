/* A route: what compiles can be asked anything, and says the same alone and in a set. */
#include <string.h>

#include "common/routing/routing.h"
#include "tests/fuzz/fuzz.h"

static const struct edge_route_property properties[] = {
    {"key1", "value1"}, {"key2", "3"}, {"a", ""}, {"null_value", NULL}, {"$body.a", "mine"},
};
static const struct edge_route_property json[] = {
    {"contentType", "application/json"}, {"contentEncoding", "utf-8"}, {"connectionDeviceId", "d"}};
static const char body[] =
    "{\"a\":{\"b\":[1,\"\\u00e4\",{\"c\":null}]},\"t\":21.5,\"s\":\"x\\ud83d\\ude00\",\"f\":false}";

static void ask(const struct edge_route *route, const struct edge_routes *set,
                const struct edge_route_message *message)
{
    struct edge_route_match match[1];
    enum edge_route_result result = edge_route_test(route, message);

    fuzz_holds(edge_routes_match(set, message, match, 1) == (result == EDGE_ROUTE_TRUE ? 1U : 0U));
    fuzz_holds(edge_route_test(route, message) == result);
}

static void ask_all(const struct edge_route *route, const char *text)
{
    const struct edge_bytes bytes = {(const uint8_t *) body, sizeof body - 1};
    const struct edge_route_message messages[] = {
        {.source = "/messages/modules/m/outputs/o",
         .properties = properties,
         .nproperties = 5,
         .system = json,
         .nsystem = 3,
         .body = bytes},
        {.source = "/messages", .system = json, .nsystem = 3},
        {.source = "/twinChangeNotifications"},
    };
    struct edge_json *document = edge_json_new_object();
    EDGE_CLEANUP(edge_routes_free) struct edge_routes *set = NULL;

    edge_ignore(edge_json_set_str(document, "r", text));
    fuzz_holds(edge_routes_read(document, "1.1", false, &set, NULL) == 0);
    edge_json_free(document);
    fuzz_holds(edge_routes_count(set) == 1);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(messages); i++)
        ask(route, set, &messages[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EDGE_CLEANUP(edge_route_free) struct edge_route *route = NULL;
    EDGE_CLEANUP(edge_free) char *text = malloc(size + 1);
    struct edge_err err = {0};
    const struct edge_route_sink *sink;

    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (edge_route_compile(text, size, &route, &err) < 0) {
        fuzz_holds(err.code < 0 && err.text[0] != '\0');
        return 0;
    }
    sink = edge_route_sink(route);
    fuzz_holds(sink->upstream == (sink->module[0] == '\0'));
    ask_all(route, text);
    return 0;
}
