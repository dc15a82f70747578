/* `edgectl routes test`: what each route makes of a message. The same code as the hub's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/cli/cli.h"
#include "agent/cli/table.h"
#include "common/base/file.h"
#include "common/routing/routing.h"

enum { DOCUMENT_MAX = 4 * 1024 * 1024, PROPERTIES_MAX = 256 };

#define BODY_HINT                                                                                  \
    "$body is undefined: the message's systemProperties need contentType application/json and "    \
    "contentEncoding utf-8"

/* MESSAGE.json, and what is borrowed from it. */
struct sample {
    struct edge_json *document;
    char *body;
    struct edge_route_property properties[PROPERTIES_MAX];
    struct edge_route_property system[PROPERTIES_MAX];
    struct edge_route_message message;
    bool json; /* the sender says what a $body term needs to hear */
};

static int read_json(const char *path, struct edge_json **ret)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(DOCUMENT_MAX);
    struct edge_err err = {0};
    int rc = edge_file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text, &err);

    if (rc < 0)
        return cli_fail(CLI_FAILED, "%s", err.text);
    rc = edge_json_parse(text.data ? text.data : "", text.len, ret, &err);
    if (rc < 0)
        return cli_fail(CLI_FAILED, "%s: %s", path, err.text);
    return CLI_OK;
}

static int read_properties(const char *path, const char *what, const struct edge_json *object,
                           struct edge_route_property *ret, size_t *ret_count)
{
    if (!edge_json_is(object, EDGE_JSON_OBJECT) && !edge_json_is(object, EDGE_JSON_NULL))
        return cli_fail(CLI_FAILED, "%s: %s is no object", path, what);
    if (edge_json_len(object) > PROPERTIES_MAX)
        return cli_fail(CLI_FAILED, "%s: more than %d members in %s", path, PROPERTIES_MAX, what);
    *ret_count = 0;
    if (!object)
        return CLI_OK;
    for (edge_json_foreach (it, object)) {
        if (!edge_json_is(it.value, EDGE_JSON_STRING) && !edge_json_is(it.value, EDGE_JSON_NULL))
            return cli_fail(CLI_FAILED,
                            "%s: %s.%s is no string; IoT Hub's properties are strings: write it in "
                            "quotes",
                            path, what, it.name);
        ret[(*ret_count)++] = (struct edge_route_property){it.name, edge_json_str(it.value, NULL)};
    }
    return CLI_OK;
}

static bool says(const struct edge_route_message *message, const char *name, const char *value)
{
    for (size_t i = 0; i < message->nsystem; i++) {
        if (strcasecmp(message->system[i].name, name) == 0)
            return message->system[i].value && strcasecmp(message->system[i].value, value) == 0;
    }
    return false;
}

static int read_body(const char *path, struct sample *sample)
{
    if (!edge_json_has(sample->document, "body"))
        return CLI_OK;
    sample->body = edge_json_text(edge_json_get(sample->document, "body"));
    if (!sample->body)
        return cli_fail(CLI_FAILED, "%s: out of memory", path);
    sample->message.body =
        (struct edge_bytes){(const uint8_t *) sample->body, strlen(sample->body)};
    return CLI_OK;
}

static int read_sample(const char *path, struct sample *sample)
{
    struct edge_route_message *m = &sample->message;
    int exit_code = read_json(path, &sample->document);

    if (exit_code != CLI_OK)
        return exit_code;
    m->source = edge_json_str(edge_json_get(sample->document, "source"), NULL);
    m->properties = sample->properties;
    m->system = sample->system;
    if (!m->source)
        return cli_fail(
            CLI_FAILED,
            "%s: \"source\" is missing: \"/messages/modules/<module>/outputs/<output>\", "
            "\"/messages\" of a device, \"/twinChangeNotifications\"",
            path);
    exit_code = read_properties(path, "properties", edge_json_get(sample->document, "properties"),
                                sample->properties, &m->nproperties);
    if (exit_code == CLI_OK)
        exit_code = read_properties(path, "systemProperties",
                                    edge_json_get(sample->document, "systemProperties"),
                                    sample->system, &m->nsystem);
    if (exit_code == CLI_OK)
        exit_code = read_body(path, sample);
    sample->json =
        says(m, "contentType", "application/json") && says(m, "contentEncoding", "utf-8");
    return exit_code;
}

static char *endpoint_of(const struct edge_route *route)
{
    const struct edge_route_sink *sink = route ? edge_route_sink(route) : NULL;

    if (!sink)
        return NULL;
    return sink->upstream ? edge_strdup("$upstream")
                          : edge_format("/modules/%s/inputs/%s", sink->module, sink->input);
}

static const char *result_of(const struct edge_route_entry *entry, const struct sample *sample)
{
    static const char *const names[] = {
        [EDGE_ROUTE_FALSE] = "false",
        [EDGE_ROUTE_TRUE] = "true",
        [EDGE_ROUTE_UNDEFINED] = "undefined",
    };

    return entry->route ? names[edge_route_test(entry->route, &sample->message)] : "error";
}

static int print_results(const struct edge_routes *routes, const struct sample *sample)
{
    struct edge_json *list = edge_json_new_array();

    for (size_t i = 0; i < edge_routes_count(routes); i++) {
        const struct edge_route_entry *entry = edge_routes_at(routes, i);
        EDGE_CLEANUP(edge_free) char *endpoint = endpoint_of(entry->route);
        struct edge_json *row = edge_json_new_object();

        edge_ignore(edge_json_set_str(row, "route", entry->name));
        edge_ignore(edge_json_set_str(row, "result", result_of(entry, sample)));
        edge_ignore(edge_json_set_str(row, "endpoint", endpoint));
        edge_ignore(edge_json_set_str(row, "error", entry->error));
        edge_ignore(edge_json_append(list, row));
    }
    return cli_print_json(list);
}

static bool asks_for_body(const struct edge_json *spec)
{
    const char *text = edge_json_str(
        edge_json_is(spec, EDGE_JSON_OBJECT) ? edge_json_get_nocase(spec, "route") : spec, "");

    return strcasestr(text, "$body.") != NULL;
}

static int print_table(const struct edge_routes *routes, const struct edge_json *document,
                       const struct sample *sample)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(DOCUMENT_MAX);
    struct cli_table table = {0};

    cli_table_add(&table, (const char *const[]){"ROUTE", "RESULT", "ENDPOINT", "NOTE"});
    for (size_t i = 0; i < edge_routes_count(routes); i++) {
        const struct edge_route_entry *entry = edge_routes_at(routes, i);
        EDGE_CLEANUP(edge_free) char *endpoint = endpoint_of(entry->route);
        bool mute = !sample->json && asks_for_body(edge_json_get(document, entry->name));

        cli_table_add(&table, (const char *const[]){entry->name, result_of(entry, sample), endpoint,
                                                    entry->error ? entry->error
                                                    : mute       ? BODY_HINT
                                                                 : ""});
    }
    cli_table_print(&table, &out);
    cli_table_fini(&table);
    return out.len > 0 && fwrite(out.data, out.len, 1, stdout) == 1 ? CLI_OK : CLI_FAILED;
}

static bool any_error(const struct edge_routes *routes)
{
    for (size_t i = 0; i < edge_routes_count(routes); i++) {
        if (!edge_routes_at(routes, i)->route)
            return true;
    }
    return false;
}

static int test(struct cli *cli, const char *routes_path, struct sample *sample)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *document = NULL;
    EDGE_CLEANUP(edge_routes_free) struct edge_routes *routes = NULL;
    struct edge_err err = {0};
    int exit_code = read_json(routes_path, &document);

    if (exit_code != CLI_OK)
        return exit_code;
    if (!edge_json_is(document, EDGE_JSON_OBJECT))
        return cli_fail(CLI_FAILED, "%s: not an object of routes by name", routes_path);
    if (edge_routes_read(document, "1.1", true, &routes, &err) < 0)
        return cli_fail(CLI_FAILED, "%s: %s", routes_path,
                        err.text[0] ? err.text : "out of memory");
    exit_code = cli->json ? print_results(routes, sample) : print_table(routes, document, sample);
    return exit_code == CLI_OK && any_error(routes) ? CLI_FAILED : exit_code;
}

int cli_routes(struct cli *cli)
{
    EDGE_CLEANUP(edge_free) struct sample *sample = calloc(1, sizeof *sample);
    int exit_code;

    if (strcmp(cli->arguments[0], "test") != 0)
        return cli_fail(CLI_USAGE, "routes can be tested and nothing else; see edgectl --help");
    if (!sample)
        return cli_fail(CLI_FAILED, "out of memory");
    exit_code = read_sample(cli->arguments[2], sample);
    if (exit_code == CLI_OK)
        exit_code = test(cli, cli->arguments[1], sample);
    free(sample->body);
    edge_json_free(sample->document);
    return exit_code;
}
