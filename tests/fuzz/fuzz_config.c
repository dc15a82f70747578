/* Any bytes: config_tree_parse refuses them with a text or gives a tree within its limits. */
#include <stdlib.h>
#include <string.h>

#include "agent/config/tree.h"
#include "tests/fuzz/fuzz.h"

static size_t count(const struct config_node *node)
{
    size_t n = 1;

    if ((node->kind == CONFIG_SCALAR) != (node->text != NULL) || node->line == 0)
        abort();
    for (size_t i = 0; i < node->nmembers; i++) {
        if ((node->kind == CONFIG_MAP) != (node->members[i].key != NULL))
            abort();
        n += count(node->members[i].value);
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EDGE_CLEANUP(config_tree_free) struct config_node *root = NULL;
    struct edge_err err = {0};

    if (config_tree_parse("fuzz", (struct edge_bytes){data, size}, &root, &err) < 0) {
        if (root || strncmp(err.text, "fuzz:", 5) != 0)
            abort();
        return 0;
    }
    if (count(root) > CONFIG_MAX_NODES)
        abort();
    return 0;
}
