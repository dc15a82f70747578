/* agent/config/tree.h - a YAML file as a small tree that remembers where everything stood.
 * For this room only. Pure; any thread. */
#ifndef AGENT_CONFIG_TREE_H
#define AGENT_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

enum config_kind { CONFIG_NULL, CONFIG_SCALAR, CONFIG_LIST, CONFIG_MAP };
const char *config_kind_name(enum config_kind kind);

struct config_member;

/** Lines and columns count from 1, as editors do. */
struct config_node {
    enum config_kind kind;
    size_t line;
    size_t column;
    char *text;                    /* of a scalar, else NULL */
    struct config_member *members; /* of a map or list */
    size_t nmembers;
};

struct config_member {
    char *key; /* NULL in a list */
    size_t line;
    size_t column;
    struct config_node *value;
};

enum {
    CONFIG_MAX_DEPTH = 16,
    CONFIG_MAX_NODES = 8192, /* counted after aliases are filled in */
    CONFIG_MAX_TEXT = 4096,
};

/**
 * One YAML document. Aliases become copies of what they stand for.
 * @param name  of the file, for error texts
 * @param ret   CONFIG_NULL for an empty document
 * @return 0, EDGE_EINVALID (syntax, a key given twice, …) or EDGE_ELIMIT; "name:line:column: " in
 * front
 */
EDGE_MUST_CHECK int config_tree_parse(const char *name, struct edge_bytes text,
                                      struct config_node **ret, struct edge_err *err);
struct config_node *config_tree_free(struct config_node *node);
EDGE_DEFINE_CLEANUP(struct config_node *, config_tree_free)

/** An empty slot at the end of a map or list; NULL without memory. Earlier slots may move. */
struct config_member *config_node_grow(struct config_node *node);

#endif
