/* common/routing/compile.h - what the parts of the compiler share: route.c reads a route,
 * condition.c its condition, types.c knows which types fit. Pure.
 *
 * One pass: operations are emitted as they are read. Of errors the first of syntax is told, and
 * only without one the first of types. */
#ifndef EDGE_ROUTING_COMPILE_H
#define EDGE_ROUTING_COMPILE_H

#include "common/routing/program.h"

struct route_parser {
    struct route_lexer lexer;
    struct route_token token; /* the next one */
    struct route_program *program;
    char *pool; /* for string literals; as long as the text */
    size_t pooled;
    size_t nesting;
    size_t stack; /* values on it after the last operation */
    struct edge_err *err;
    struct edge_err type_error; /* code 0: none */
};

/** A term that was read. */
struct route_operand {
    enum route_kind type;
    struct route_span name; /* of a property alone; data NULL: it is something else */
};

/** Fail at @p where. The place is put before it: "line 1, column 7 (1:7-1:9): …". @return @p code
 */
int route_fail(struct route_parser *p, int code, struct route_span where, const char *fmt, ...)
    EDGE_PRINTF(4, 5);
/** The same for types: kept, and compiling goes on. */
void route_type_error(struct route_parser *p, struct route_span where, const char *fmt, ...)
    EDGE_PRINTF(3, 4);
/** Fail at the next token, which is not what was expected. @return EDGE_EINVALID */
int route_unexpected(struct route_parser *p, const char *expected);
void route_advance(struct route_parser *p);
/** Step over a token of this kind, or fail. */
EDGE_MUST_CHECK int route_expect(struct route_parser *p, enum route_token_kind kind,
                                 const char *expected);
/** How much of a text an error shows. */
int route_shown(struct route_span text);

/** From the token behind WHERE to the one behind the condition. */
EDGE_MUST_CHECK int route_condition(struct route_parser *p);

/** Do the types fit the operator? Sets op->code, word and type; says what is wrong.
 * @return the result's type */
enum route_kind route_type_binary(struct route_parser *p, struct route_token token,
                                  struct route_operand left, struct route_operand right,
                                  struct route_op *op);
enum route_kind route_type_unary(struct route_parser *p, struct route_token token,
                                 struct route_operand operand, struct route_op *op);
enum route_kind route_type_call(struct route_parser *p, struct route_span name,
                                const struct route_operand *args, size_t count,
                                struct route_op *op);

#endif
