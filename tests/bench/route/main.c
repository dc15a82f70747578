/* route-bench: what a route that looks into the body costs, beside a tree of json-c made for the
 * same question. Prints "name value" lines, nanoseconds a message: the best of several turns, taken
 * in turns, so that both meet the same machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/routing/routing.h"

enum { TURNS = 9, TURN_NS = 20 * 1000 * 1000 };

static const struct edge_route_property system_properties[] = {
    {"connectionDeviceId", "dev-1"},
    {"connectionModuleId", "sensor"},
    {"contentType", "application/json"},
    {"contentEncoding", "utf-8"},
};
static const struct edge_route_property properties[] = {{"level", "high"}, {"site", "north"}};

struct subject {
    struct edge_buf body;
    struct edge_route *route;
    struct edge_routes *set; /* ten routes */
    struct edge_route_message message;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000U + (uint64_t) now.tv_nsec;
}

/* A sensor's report; the member that is asked for is the first or the last. */
static void make_body(struct edge_buf *out, size_t size, bool last)
{
    static const char machine[] = "\"machine\":{\"temperature\":71.25,\"pressure\":1.0012}";

    edge_ignore(edge_buf_printf(out, "{%s", last ? "" : machine));
    for (int i = 0; out->len + sizeof machine < size; i++)
        edge_ignore(edge_buf_printf(
            out, "%s\"sensor%d\":{\"unit\":\"celsius\",\"value\":%d.%d,\"ok\":true}",
            out->len > 1 ? "," : "", i, 20 + i, i * 7));
    edge_ignore(edge_buf_printf(out, ",%s}", last ? machine : "\"end\":null"));
}

static int compile(const char *condition, struct edge_route **ret)
{
    char text[512];
    int len = snprintf(text, sizeof text, "FROM /messages/* WHERE %s INTO $upstream", condition);

    return edge_route_compile(text, (size_t) len, ret, NULL);
}

static int compile_ten(struct edge_routes **ret)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *routes = edge_json_new_object();

    for (int i = 0; i < 10; i++) {
        char name[8];
        char text[256];

        (void) snprintf(name, sizeof name, "r%d", i);
        (void) snprintf(
            text, sizeof text,
            "FROM /messages/* WHERE $body.machine.temperature > %d AND $body.x%d = null "
            "INTO BrokeredEndpoint('/modules/m%d/inputs/i')",
            i * 10, i, i);
        edge_ignore(edge_json_set_str(routes, name, text));
    }
    return edge_routes_read(routes, "1.1", false, ret, NULL);
}

static bool ask_route(const struct subject *s)
{
    return edge_route_test(s->route, &s->message) == EDGE_ROUTE_TRUE;
}

static bool ask_set(const struct subject *s)
{
    struct edge_route_match match[10];

    return edge_routes_match(s->set, &s->message, match, 10) == 8;
}

static bool ask_tree(const struct subject *s)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *tree = NULL;
    const struct edge_json *machine;

    if (edge_json_parse(s->body.data, s->body.len, &tree, NULL) < 0)
        return false;
    machine = edge_json_get(tree, "machine");
    return edge_json_is(edge_json_get(machine, "temperature"), EDGE_JSON_DOUBLE);
}

/* One turn: nanoseconds a message; 0 when an answer was wrong. */
static double turn(bool (*ask)(const struct subject *s), const struct subject *s)
{
    uint64_t start = now_ns();
    uint64_t end = start;
    size_t count = 0;

    while (end - start < TURN_NS) {
        for (int i = 0; i < 64; i++) {
            if (!ask(s))
                return 0;
        }
        count += 64;
        end = now_ns();
    }
    return (double) (end - start) / (double) count;
}

static const struct way {
    const char *name;
    bool (*ask)(const struct subject *s);
} ways[] = {{"route", ask_route}, {"ten_routes", ask_set}, {"json_c", ask_tree}};

static int measure(const char *name, size_t size, bool last)
{
    double best[EDGE_ARRAY_LEN(ways)];
    struct subject s = {.body = EDGE_BUF_INIT(1 << 20)};
    int rc = compile("$body.machine.temperature > 70", &s.route);

    if (rc == 0)
        rc = compile_ten(&s.set);
    make_body(&s.body, size, last);
    s.message = (struct edge_route_message){
        .source = "/messages/modules/sensor/outputs/o",
        .properties = properties,
        .nproperties = EDGE_ARRAY_LEN(properties),
        .system = system_properties,
        .nsystem = EDGE_ARRAY_LEN(system_properties),
        .body = {(const uint8_t *) s.body.data, s.body.len},
    };
    for (int t = 0; rc == 0 && t < TURNS; t++) {
        for (size_t w = 0; w < EDGE_ARRAY_LEN(ways); w++) {
            double ns = turn(ways[w].ask, &s);

            rc = ns > 0 ? rc : 1;
            best[w] = t == 0 || ns < best[w] ? ns : best[w];
        }
    }
    for (size_t w = 0; rc == 0 && w < EDGE_ARRAY_LEN(ways); w++)
        printf("%s_%s %.0f\n", ways[w].name, name, best[w]);
    edge_route_free(s.route);
    edge_routes_free(s.set);
    edge_buf_fini(&s.body);
    return rc;
}

static int measure_property(void)
{
    struct subject s = {.message = {.source = "/messages/modules/sensor/outputs/o",
                                    .properties = properties,
                                    .nproperties = EDGE_ARRAY_LEN(properties),
                                    .system = system_properties,
                                    .nsystem = EDGE_ARRAY_LEN(system_properties)}};
    double best = 0;

    if (compile("level = 'high'", &s.route) < 0)
        return 1;
    for (int t = 0; t < TURNS; t++) {
        double ns = turn(ask_route, &s);

        best = t == 0 || ns < best ? ns : best;
    }
    printf("route_property %.0f\n", best);
    edge_route_free(s.route);
    return best > 0 ? 0 : 1;
}

int main(void)
{
    if (measure("200", 200, false) != 0 || measure("200_last", 200, true) != 0 ||
        measure("2048", 2048, false) != 0 || measure("2048_last", 2048, true) != 0 ||
        measure_property() != 0) {
        fputs("route-bench: a wrong answer\n", stderr);
        return 1;
    }
    return 0;
}
