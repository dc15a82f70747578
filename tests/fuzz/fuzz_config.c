/* Any bytes: config_tree_parse refuses them with a text or gives a tree within its limits, and the
 * schema takes that tree or refuses it with a text. */
#include <stdlib.h>
#include <string.h>

#include "agent/config/schema.h"
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

static void warn(const char *text, void *arg)
{
    (void) arg;
    if (strncmp(text, "fuzz:", 5) != 0)
        abort();
}

static void apply(const struct config_node *root)
{
    EDGE_CLEANUP(agent_config_free) struct agent_config *config = calloc(1, sizeof *config);
    struct edge_err err = {0};
    struct config_reader r = {.file = "fuzz", .config = config, .warn = warn, .err = &err};

    if (config && (config_schema_apply(&r, root) < 0 || config_provisioning_check(&r) < 0) &&
        strncmp(err.text, "fuzz:", 5) != 0)
        abort();
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
    apply(root);
    return 0;
}
