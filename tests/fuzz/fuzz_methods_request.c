/* A payload of GetModuleLogs, and a line of log behind its first line end: refused or usable, and
 * what a line says of itself lies inside it. */
#include <string.h>

#include "agent/methods/entry.h"
#include "agent/methods/request.h"
#include "tests/fuzz/fuzz.h"

static void check_entry(const char *line, size_t len, const struct methods_logs_request *request)
{
    struct methods_entry entry;

    methods_entry_parse(line, len, &entry);
    fuzz_holds(entry.text >= line && entry.text + entry.len <= line + len);
    fuzz_holds(entry.level >= 0 && entry.level <= 9);
    for (size_t i = 0; i < request->nitems && i < 4; i++) {
        struct methods_pattern *regex = request->items[i].regex;

        fuzz_holds(!regex || methods_pattern_match(regex, entry.text, entry.len, NULL) <= 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *) data;
    const char *line = memchr(text, '\n', size);
    EDGE_CLEANUP(edge_json_free) struct edge_json *payload = NULL;
    struct methods_logs_request request;
    const struct methods_item *item = NULL;
    struct edge_err err;
    size_t n = line ? (size_t) (line - text) : size;

    if (edge_json_parse(text, n, &payload, NULL) < 0)
        return 0;
    if (methods_logs_request_parse(payload, INT64_C(1700000000000000000), &request, &err) == 0) {
        fuzz_holds(methods_logs_request_find(&request, "edgeHub", &item, &err) != 1 || item);
        if (line)
            check_entry(line + 1, size - n - 1, &request);
    }
    methods_logs_request_fini(&request);
    return 0;
}
