#include "common/routing/body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/routing/text.h"

enum { NODES_MAX = 2048 };

void route_tree_fini(struct route_tree *tree)
{
    free(tree->nodes);
    *tree = (struct route_tree){0};
}

static int add_node(struct route_tree *tree, struct route_node node, uint16_t *ret)
{
    if (tree->len >= NODES_MAX)
        return EDGE_ELIMIT;
    if ((tree->len & (tree->len - 1)) == 0) {
        size_t cap = tree->len ? tree->len * 2 : 4;
        struct route_node *nodes = realloc(tree->nodes, cap * sizeof *nodes);

        if (!nodes)
            return -ENOMEM;
        tree->nodes = nodes;
    }
    *ret = (uint16_t) tree->len;
    tree->nodes[tree->len++] = node;
    return 0;
}

static int need_root(struct route_tree *tree)
{
    uint16_t root;

    return tree->len ? 0 : add_node(tree, (struct route_node){.index = -1, .slot = -1}, &root);
}

/* The child of @p parent for this step, made when absent. */
static int need_child(struct route_tree *tree, uint16_t parent, struct route_span name,
                      int64_t index, uint16_t *ret)
{
    struct route_node node = {.name = name, .index = index, .slot = -1};
    int rc;

    for (uint16_t at = tree->nodes[parent].child; at; at = tree->nodes[at].next) {
        const struct route_node *n = &tree->nodes[at];

        if (n->index == index && n->name.len == name.len &&
            (name.len == 0 || memcmp(n->name.data, name.data, name.len) == 0)) {
            *ret = at;
            return 0;
        }
    }
    node.next = tree->nodes[parent].child;
    rc = add_node(tree, node, ret);
    if (rc == 0)
        tree->nodes[parent].child = *ret;
    return rc;
}

static int need_slot(struct route_tree *tree, uint16_t node, uint16_t *ret)
{
    if (tree->nodes[node].slot < 0) {
        if (tree->slots >= ROUTE_PATHS_MAX)
            return EDGE_ELIMIT;
        tree->nodes[node].slot = (int16_t) tree->slots++;
    }
    *ret = (uint16_t) tree->nodes[node].slot;
    return 0;
}

/* "[12]" at the front of @p rest: its length, 0 when it is none. */
static size_t read_index(struct route_span rest, int64_t *ret)
{
    size_t digits = route_digits(rest, 1);

    if (digits == 0 || digits > 9 || digits + 1 >= rest.len || rest.data[digits + 1] != ']')
        return 0;
    *ret = 0;
    for (size_t i = 1; i <= digits; i++)
        *ret = *ret * 10 + (rest.data[i] - '0');
    return digits + 2;
}

static size_t name_len(struct route_span rest)
{
    size_t len = 0;

    while (len < rest.len && !strchr(".[]", rest.data[len]))
        len++;
    return len;
}

static const char *bad_name(struct route_span name)
{
    if (name.len == 0)
        return "a name is missing";
    if (route_digits(name, 0) == name.len)
        return "an element is written [n], behind the array's name";
    return name.len == 1 && name.data[0] == '*' ? "there are no wildcards" : NULL;
}

/* One name and its indices. @return as route_tree_add; *node moves on */
static int add_member(struct route_tree *tree, struct route_span *rest, uint16_t *node,
                      size_t *steps, const char **ret_why)
{
    struct route_span name = {rest->data, name_len(*rest)};
    int rc;

    *ret_why = bad_name(name);
    if (*ret_why)
        return EDGE_EINVALID;
    rc = need_child(tree, *node, name, -1, node);
    *rest = (struct route_span){rest->data + name.len, rest->len - name.len};
    for (++*steps; rc == 0 && rest->len > 0 && rest->data[0] != '.'; ++*steps) {
        int64_t index;
        size_t len = rest->data[0] == '[' ? read_index(*rest, &index) : 0;

        if (len == 0) {
            *ret_why = "an element is written [n], with a number and nothing else";
            return EDGE_EINVALID;
        }
        rc = need_child(tree, *node, (struct route_span){NULL, 0}, index, node);
        *rest = (struct route_span){rest->data + len, rest->len - len};
    }
    return rc;
}

int route_tree_add(struct route_tree *tree, struct route_span path, uint16_t *ret_slot,
                   const char **ret_why)
{
    uint16_t node = 0;
    size_t steps = 0;
    int rc = need_root(tree);

    *ret_why = "too many paths";
    while (rc == 0) {
        rc = add_member(tree, &path, &node, &steps, ret_why);
        if (rc < 0 || path.len == 0)
            break;
        path = (struct route_span){path.data + 1, path.len - 1}; /* '.' */
        if (steps > ROUTE_PATH_STEPS) {
            *ret_why = "the path is too long";
            return EDGE_ELIMIT;
        }
    }
    if (rc == 0)
        rc = need_slot(tree, node, ret_slot);
    if (rc == EDGE_ELIMIT)
        *ret_why = "too many paths";
    return rc;
}

/* As deep as a path is long. */
static int merge_below(struct route_tree *tree, uint16_t to, const struct route_tree *other,
                       uint16_t from, uint16_t *map)
{
    int rc = 0;

    for (uint16_t at = other->nodes[from].child; rc == 0 && at; at = other->nodes[at].next) {
        const struct route_node *node = &other->nodes[at];
        uint16_t twin;

        rc = need_child(tree, to, node->name, node->index, &twin);
        if (rc == 0 && node->slot >= 0)
            rc = need_slot(tree, twin, &map[node->slot]);
        if (rc == 0)
            rc = merge_below(tree, twin, other, at, map);
    }
    return rc;
}

int route_tree_merge(struct route_tree *tree, const struct route_tree *other, uint16_t *ret_map)
{
    int rc = need_root(tree);

    return rc == 0 && other->len ? merge_below(tree, 0, other, 0, ret_map) : rc;
}
