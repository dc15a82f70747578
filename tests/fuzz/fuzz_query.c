/* Any text: query_parse refuses it or gives a query that can be asked about a twin. */
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/query/query.h"
#include "tests/fuzz/fuzz.h"

static const char documents[] =
    "[{\"deviceId\":\"d\",\"tags\":{\"env\":\"t\",\"n\":3,\"l\":[1,[2]],\"z\":null},\"properties\":"
    "{\"desired\":{\"$version\":4,\"x\":{\"y\":2.5}}},\"configurations\":{\"a\":{\"status\":"
    "\"Applied\"}}},{\"deviceId\":\"e\",\"tags\":{}}]";

static void ask(const struct query *query)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *all = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *rows = NULL;

    if (edge_json_parse(documents, sizeof documents - 1, &all, NULL) < 0)
        abort();
    for (size_t i = 0; i < edge_json_len(all); i++)
        (void) query_matches(query, edge_json_at(all, i));
    if (query_finish(query, all, &rows) < 0 || edge_json_len(rows) > edge_json_len(all) + 1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EDGE_CLEANUP(query_free) struct query *query = NULL;
    EDGE_CLEANUP(query_free) struct query *condition = NULL;
    EDGE_CLEANUP(edge_free) char *text = malloc(size > 0 ? size : 1);

    if (!text)
        return 0;
    memcpy(text, data, size); /* of its own: what is read beyond it is found */
    if (query_parse(text, size, &query, NULL) == 0)
        ask(query);
    if (query_parse_condition(text, size, &condition, NULL) == 0)
        ask(condition);
    return 0;
}
