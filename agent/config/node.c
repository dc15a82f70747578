#include <stdlib.h>

#include "agent/config/tree.h"

const char *config_kind_name(enum config_kind kind)
{
    static const char *const names[] = {
        [CONFIG_NULL] = "nothing",
        [CONFIG_SCALAR] = "a text",
        [CONFIG_LIST] = "a list",
        [CONFIG_MAP] = "a group of keys",
    };

    return names[kind];
}

struct config_node *config_tree_free(struct config_node *node)
{
    if (!node)
        return NULL;
    for (size_t i = 0; i < node->nmembers; i++) {
        free(node->members[i].key);
        config_tree_free(node->members[i].value);
    }
    free(node->members);
    free(node->text);
    free(node);
    return NULL;
}

struct config_member *config_node_grow(struct config_node *node)
{
    struct config_member *members;
    size_t n = node->nmembers;

    if ((n & (n - 1)) == 0) { /* full at every power of two */
        members = realloc(node->members, (n ? 2 * n : 1) * sizeof *members);
        if (!members)
            return NULL;
        node->members = members;
    }
    node->members[n] = (struct config_member){0};
    node->nmembers++;
    return &node->members[n];
}
