/* Types are known when a route is read; only a body's value is not. */
#include <stdio.h>
#include <string.h>

#include "common/routing/compile.h"

static const char *const names[] = {
    [ROUTE_UNDEFINED] = "undefined", [ROUTE_BOOL] = "bool", [ROUTE_NUMBER] = "number",
    [ROUTE_STRING] = "string",       [ROUTE_NULL] = "null", [ROUTE_BODY] = "body value",
};

/* A body's value goes where a bool, number, string or null goes, and the other way round. */
static bool fits(enum route_kind wanted, enum route_kind given)
{
    return wanted == given || (given == ROUTE_BODY && wanted != ROUTE_UNDEFINED) ||
           (wanted == ROUTE_BODY && given != ROUTE_UNDEFINED);
}

static bool is_logical(enum route_kind type)
{
    return type != ROUTE_NUMBER && type != ROUTE_STRING;
}

/* What the mistake probably was. */
static void hint(const struct route_operand *operand, bool number, char *out, size_t size)
{
    const char *swallowed = operand->name.data ? route_swallowed(operand->name) : NULL;
    int shown = route_shown(operand->name);

    if (swallowed)
        (void) snprintf(out, size,
                        "; '%.*s' is one name: an operator has blanks around it, '%s' too", shown,
                        operand->name.data, swallowed);
    else if (operand->name.data && number && operand->type == ROUTE_STRING)
        (void) snprintf(out, size, "; a property is a string: write as_number(%.*s)", shown,
                        operand->name.data);
}

static void operands_error(struct route_parser *p, struct route_token token, enum route_kind wanted,
                           const struct route_operand *left, const struct route_operand *right)
{
    char why[160] = "";
    bool number = wanted == ROUTE_NUMBER || left->type == ROUTE_NUMBER ||
                  (right && right->type == ROUTE_NUMBER);

    if (right)
        hint(right, number, why, sizeof why);
    if (why[0] == '\0' || route_swallowed(left->name))
        hint(left, number, why, sizeof why);
    if (right)
        route_type_error(p, token.text,
                         "Invalid operands to binary operator '%.*s': have '%s' and '%s', "
                         "expected '%s' and '%s'%s",
                         (int) token.text.len, token.text.data, names[left->type],
                         names[right->type], names[wanted], names[wanted], why);
    else
        route_type_error(
            p, token.text, "Invalid operands to unary operator '%.*s': have '%s', expected '%s'%s",
            (int) token.text.len, token.text.data, names[left->type], names[wanted], why);
}

/* Operators of numbers and strings. A body's value takes no part in %, nor in unary -. */
static enum route_kind type_calculation(struct route_parser *p, struct route_token token,
                                        struct route_operand left, struct route_operand right,
                                        enum route_kind wanted)
{
    bool body = left.type == ROUTE_BODY || right.type == ROUTE_BODY;

    if (!fits(wanted, left.type) || !fits(wanted, right.type) ||
        (body && token.kind == TOKEN_PERCENT))
        operands_error(p, token, wanted, &left, &right);
    return body && wanted == ROUTE_NUMBER ? ROUTE_BODY : wanted;
}

static enum route_kind type_comparison(struct route_parser *p, struct route_token token,
                                       struct route_operand left, struct route_operand right)
{
    if (!fits(left.type, right.type))
        operands_error(p, token, left.type, &left, &right);
    return ROUTE_BOOL;
}

static enum route_kind type_logic(struct route_parser *p, struct route_token token,
                                  struct route_operand left, struct route_operand right)
{
    bool body = left.type == ROUTE_BODY || right.type == ROUTE_BODY;
    bool null = left.type == ROUTE_NULL || right.type == ROUTE_NULL;

    if (!is_logical(left.type) || !is_logical(right.type) || (body && null)) {
        operands_error(p, token, ROUTE_BOOL, &left, &right);
        return ROUTE_BOOL;
    }
    if (token.kind == TOKEN_AND)
        return null ? ROUTE_NULL : ROUTE_BOOL;
    return left.type == ROUTE_NULL && right.type == ROUTE_NULL ? ROUTE_NULL : ROUTE_BOOL;
}

static const enum route_code codes[TOKEN_KIND_MAX] = {
    [TOKEN_PLUS] = OP_ADD,     [TOKEN_MINUS] = OP_SUBTRACT,    [TOKEN_STAR] = OP_MULTIPLY,
    [TOKEN_SLASH] = OP_DIVIDE, [TOKEN_PERCENT] = OP_MODULO,    [TOKEN_AND] = OP_AND,
    [TOKEN_OR] = OP_OR,        [TOKEN_COALESCE] = OP_COALESCE, [TOKEN_CONCAT] = OP_CALL,
    [TOKEN_EQ] = OP_COMPARE,   [TOKEN_NE] = OP_COMPARE,        [TOKEN_LT] = OP_COMPARE,
    [TOKEN_LE] = OP_COMPARE,   [TOKEN_GT] = OP_COMPARE,        [TOKEN_GE] = OP_COMPARE,
};

enum route_kind route_type_binary(struct route_parser *p, struct route_token token,
                                  struct route_operand left, struct route_operand right,
                                  struct route_op *op)
{
    bool body = left.type == ROUTE_BODY || right.type == ROUTE_BODY;

    *op = (struct route_op){.code = codes[token.kind],
                            .word = (int) token.kind,
                            .type = body ? ROUTE_BODY : left.type,
                            .count = 2};
    switch (op->code) {
    case OP_CALL:
        op->function = route_function_find(ROUTE_SPAN("concat"));
        return type_calculation(p, token, left, right, ROUTE_STRING);
    case OP_COMPARE:
        return type_comparison(p, token, left, right);
    case OP_AND:
    case OP_OR:
        return type_logic(p, token, left, right);
    case OP_COALESCE:
        (void) type_comparison(p, token, left, right);
        return op->type;
    default:
        return type_calculation(p, token, left, right, ROUTE_NUMBER);
    }
}

enum route_kind route_type_unary(struct route_parser *p, struct route_token token,
                                 struct route_operand operand, struct route_op *op)
{
    bool minus = token.kind == TOKEN_MINUS;
    enum route_kind wanted = minus ? ROUTE_NUMBER : ROUTE_BOOL;

    *op = (struct route_op){.code = minus ? OP_NEGATE : OP_NOT, .type = operand.type};
    if (operand.type != wanted &&
        (minus || (operand.type != ROUTE_NULL && operand.type != ROUTE_BODY)))
        operands_error(p, token, wanted, &operand, NULL);
    return wanted;
}

static bool takes(const struct route_function *f, size_t i, enum route_kind given)
{
    size_t last = strlen(f->takes) - 1;

    switch (f->takes[i < last ? i : last]) {
    case 'n':
        return fits(ROUTE_NUMBER, given);
    case 's':
        return fits(ROUTE_STRING, given);
    case 'x':
        return fits(ROUTE_STRING, given) || given == ROUTE_NUMBER;
    default:
        return true;
    }
}

static bool all_fit(const struct route_function *f, const struct route_operand *args, size_t count)
{
    if (count < f->least || (count > strlen(f->takes) && !f->repeats))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!takes(f, i, args[i].type))
            return false;
    }
    return true;
}

enum route_kind route_type_call(struct route_parser *p, struct route_span name,
                                const struct route_operand *args, size_t count, struct route_op *op)
{
    const struct route_function *f = route_function_find(name);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf given = EDGE_BUF_INIT(256);
    int shown = route_shown(name);

    if (!f) {
        route_type_error(p, name, "Invalid built-in function '%.*s'", shown, name.data);
        return ROUTE_UNDEFINED;
    }
    *op = (struct route_op){.code = OP_CALL,
                            .function = f,
                            .count = (uint16_t) count,
                            .type = count ? args[0].type : ROUTE_UNDEFINED};
    if (all_fit(f, args, count))
        return f->gives;
    for (size_t i = 0; i < count; i++)
        edge_ignore(edge_buf_printf(&given, "%s%s", i ? ", " : "", names[args[i].type]));
    route_type_error(p, name, "Invalid arguments to built-in function '%.*s': %.*s(%s)", shown,
                     name.data, shown, name.data, given.data ? given.data : "");
    return ROUTE_UNDEFINED;
}
