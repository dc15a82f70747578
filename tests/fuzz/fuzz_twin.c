/* Two documents, one a line: the difference leads from the first to the second, and any document
 * may be merged into any other. */
#include <string.h>

#include "common/iothub/twin.h"
#include "tests/fuzz/fuzz.h"

/* Nulls and names with '$' at the top cannot come about by merging: not what a twin holds. */
static struct edge_json *settle(struct edge_json *document)
{
    struct edge_json *clean = edge_json_new_object();

    fuzz_holds(edge_twin_merge(clean, document) == 0);
    edge_json_free(document);
    return clean;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *) data;
    const char *line = memchr(text, '\n', size);
    struct edge_json *from = NULL;
    struct edge_json *to = NULL;
    struct edge_err err = {0};
    size_t n;

    if (!line)
        return 0;
    n = (size_t) (line - text);
    if (edge_json_parse(text, n, &from, &err) == 0 &&
        edge_json_parse(line + 1, size - n - 1, &to, &err) == 0 &&
        edge_json_is(from, EDGE_JSON_OBJECT) && edge_json_is(to, EDGE_JSON_OBJECT)) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *patch = NULL;

        edge_ignore(edge_twin_check(to, &edge_twin_limits_properties, &err));
        from = settle(from);
        to = settle(to);
        patch = edge_twin_diff(from, to);
        fuzz_holds(edge_twin_merge(from, patch) == 0);
        fuzz_holds(edge_json_equal(from, to));
    }
    edge_json_free(from);
    edge_json_free(to);
    return 0;
}
