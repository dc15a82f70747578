/* Any bytes: edge_json_parse refuses them or gives a value whose canonical text parses to an equal
 * one. */
#include <stdlib.h>
#include <string.h>

#include "common/json/json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *value = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *again = NULL;
    EDGE_CLEANUP(edge_free) char *text = NULL;

    if (edge_json_parse((const char *) data, size, &value, NULL) < 0)
        return 0;
    text = edge_json_canonical(value);
    if (!text || edge_json_parse(text, strlen(text), &again, NULL) < 0)
        abort();
    if (!edge_json_equal(value, again))
        abort();
    return 0;
}
