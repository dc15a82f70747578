/* common/routing/program.h - a condition as it is evaluated: operations on a stack of values, in
 * the order they are due. Pure; immutable once compiled. */
#ifndef EDGE_ROUTING_PROGRAM_H
#define EDGE_ROUTING_PROGRAM_H

#include "common/routing/body.h"
#include "common/routing/value.h"

enum {
    ROUTE_OPS_MAX = 4096,        /* of one condition */
    ROUTE_STACK_MAX = 64,        /* values at a time */
    ROUTE_NESTING_MAX = 64,      /* of parentheses, NOT, -, right sides */
    ROUTE_SCRATCH_MAX = 1 << 20, /* bytes of texts made for one message; more are undefined */
};

enum route_code {
    OP_VALUE,    /* a literal */
    OP_PROPERTY, /* of the application */
    OP_SYSTEM,
    OP_DOLLAR, /* of the application with this very name, or the system's without its $ */
    OP_BODY,
    OP_DOLLAR_BODY, /* of the application with this very name, or the body's */
    OP_NEGATE,
    OP_NOT,
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_MODULO,
    OP_COMPARE,
    OP_AND,
    OP_OR,
    OP_COALESCE,
    OP_CALL,
    OP_IF_FALSE_SKIP, /* the value stays, what it decides is not looked at */
    OP_IF_TRUE_SKIP,
};

struct route_function;
struct route_op {
    enum route_code code;
    enum route_kind type; /* of the operands: BODY when either is */
    int word;             /* of COMPARE: its token */
    uint16_t slot;        /* of the body */
    uint16_t count;       /* arguments of CALL; operations to SKIP, 0: none */
    const struct route_function *function;
    struct route_value value; /* its text: also a property's name */
};

struct route_program {
    struct route_op *ops;
    size_t len;
    enum route_kind type; /* of the whole */
    bool looks_inside;
    struct route_tree tree;
};

/* Memory for the texts made while one message is looked at. */
struct route_scratch {
    char fixed[1024];
    size_t used;
    size_t total; /* allocated */
    struct route_chunk *chunks;
};
/** NULL: no memory, or too much asked. */
char *route_scratch_get(struct route_scratch *scratch, size_t len);

/** One message under evaluation, by any number of programs whose paths are in one tree. */
struct route_look {
    const struct edge_route_message *message;
    const struct route_tree *tree;
    enum { BODY_UNREAD, BODY_SILENT, BODY_READ } body;
    char *body_owned;
    struct route_scratch scratch;
    struct route_value stack[ROUTE_STACK_MAX];
    struct route_value slots[ROUTE_PATHS_MAX];
};
void route_look_init(struct route_look *look, const struct edge_route_message *message,
                     const struct route_tree *tree);
void route_look_fini(struct route_look *look);
/** @param map  of the program's slots to the tree's; NULL: they are the same */
enum edge_route_result route_run(const struct route_program *program, const uint16_t *map,
                                 struct route_look *look);

/* Functions. */

struct route_function {
    const char *name;
    const char *takes; /* a letter an argument: n number, s string, x either, ? anything */
    unsigned least;    /* arguments; the last letter may be missing, or be repeated */
    bool repeats;
    enum route_kind gives;
    struct route_value (*run)(const struct route_value *args, size_t count, enum route_kind type,
                              struct route_scratch *scratch);
};
/** NULL: there is none. */
const struct route_function *route_function_find(struct route_span name);
struct route_value route_number_value(double number);

#endif
