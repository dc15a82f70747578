/* tests/emulator/query/ast.h - what parse.c makes and eval.c walks. */
#ifndef TESTS_EMULATOR_QUERY_AST_H
#define TESTS_EMULATOR_QUERY_AST_H

#include "tests/emulator/query/query.h"

enum query_op {
    OP_LITERAL, /* value */
    OP_PATH,    /* steps */
    OP_ARRAY,   /* args */
    OP_CALL,    /* function, args */
    OP_AND,     /* args 0, 1; the same for all below */
    OP_OR,
    OP_NOT, /* args 0 */
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_IN,
};

struct query_node {
    enum query_op op;
    struct edge_json *value;
    char **steps; /* names; "0" and so on index an array */
    size_t nsteps;
    int function;
    struct query_node **args;
    size_t nargs;
};

enum query_aggregate { AGG_NONE, AGG_COUNT, AGG_SUM, AGG_AVG, AGG_MIN, AGG_MAX };
struct query_item {
    enum query_aggregate aggregate;
    struct query_node *path; /* NULL of COUNT() */
    char *name;              /* the alias, or the path's last step */
};
struct query_order {
    struct query_node *path;
    bool descending;
};

enum { QUERY_ITEMS_MAX = 64 };
struct query {
    struct query_node **nodes; /* all of them, for the end */
    size_t nnodes;
    bool star;
    int64_t top;
    enum query_source source;
    struct query_item items[QUERY_ITEMS_MAX];
    size_t nitems;
    struct query_node *where; /* NULL: all */
    struct query_node *groups[QUERY_ITEMS_MAX];
    size_t ngroups;
    struct query_order orders[QUERY_ITEMS_MAX];
    size_t norders;
};

/** The index of a function with its number of arguments, or -1. */
int query_function(const char *name, size_t len, size_t *ret_nargs);

#endif
