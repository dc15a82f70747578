/* A body, in any encoding. What our scanner takes json-c takes too, and both find the same. */
#include <string.h>

#include "common/routing/routing.h"
#include "tests/fuzz/fuzz.h"

static const char *const encodings[] = {"utf-8", "utf-16", "utf-32"};

static struct edge_route *compile(const char *condition)
{
    EDGE_CLEANUP(edge_free)
    char *text = edge_format("FROM /messages WHERE %s INTO $upstream", condition);
    struct edge_route *route = NULL;

    fuzz_holds(edge_route_compile(text, strlen(text), &route, NULL) == 0);
    return route;
}

static bool ask(const char *condition, const struct edge_route_message *message)
{
    EDGE_CLEANUP(edge_route_free) struct edge_route *route = compile(condition);

    return edge_route_test(route, message) == EDGE_ROUTE_TRUE;
}

/* Our other reader has fewer levels, no NUL in a text, no number over a double and no byte order
 * mark. */
static bool may_differ(const struct edge_err *err, const struct edge_bytes *body)
{
    return err->code == EDGE_ELIMIT || strstr(err->text, "a number") ||
           memmem(body->data, body->len, "\\u0000", 6) || (body->len > 0 && body->data[0] == 0xef);
}

static void compare(const struct edge_route_message *message)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *document = NULL;
    const struct edge_json *a;
    bool taken = ask("is_defined($body.a[1].never_there)", message);
    struct edge_err err = {0};
    int rc = edge_json_parse((const char *) message->body.data, message->body.len, &document, &err);

    if (!taken)
        return;
    if (rc < 0) {
        fuzz_holds(may_differ(&err, &message->body));
        return;
    }
    fuzz_holds(edge_json_is(document, EDGE_JSON_OBJECT));
    a = edge_json_get(document, "a");
    fuzz_holds(ask("is_string($body.a)", message) == edge_json_is(a, EDGE_JSON_STRING));
    fuzz_holds(ask("is_bool($body.a)", message) == edge_json_is(a, EDGE_JSON_BOOL));
    fuzz_holds(ask("is_null($body.a)", message) ==
               (edge_json_has(document, "a") && edge_json_is(a, EDGE_JSON_NULL)));
    fuzz_holds(ask("is_string($body.a.b)", message) ==
               edge_json_is(edge_json_get(a, "b"), EDGE_JSON_STRING));
    fuzz_holds(
        ask("is_string($body.a[1])", message) ==
        (edge_json_is(a, EDGE_JSON_ARRAY) && edge_json_is(edge_json_at(a, 1), EDGE_JSON_STRING)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct edge_route_property system[] = {{"contentType", "application/json"},
                                           {"contentEncoding", NULL}};
    struct edge_route_message message = {.source = "/messages", .system = system, .nsystem = 2};
    EDGE_CLEANUP(edge_free) uint8_t *copy = NULL;

    if (size == 0)
        return 0;
    /* A copy of just this size, so that a byte too many is seen. */
    copy = malloc(size > 1 ? size - 1 : 1);
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    system[1].value = encodings[data[0] % 3];
    message.body = (struct edge_bytes){copy, size - 1};
    (void) ask("$body.a = 'x' OR $body.a.b[0] > 1 OR length($body.s) > 2", &message);
    (void) ask("lower($body.s) = upper($body.a.b[1].c) OR $body.a || $body.s = '\u00e4'", &message);
    if (data[0] % 3 == 0)
        compare(&message);
    return 0;
}
