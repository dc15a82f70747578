/* Conditions, by precedence climbing. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/routing/compile.h"
#include "common/routing/text.h"

/* How tight an operator binds; 0: it is none. All are left-associative. */
static const unsigned char binding[TOKEN_KIND_MAX] = {
    [TOKEN_COALESCE] = 1, [TOKEN_OR] = 2,    [TOKEN_AND] = 3,     [TOKEN_EQ] = 4,
    [TOKEN_NE] = 4,       [TOKEN_LT] = 5,    [TOKEN_LE] = 5,      [TOKEN_GT] = 5,
    [TOKEN_GE] = 5,       [TOKEN_PLUS] = 6,  [TOKEN_MINUS] = 6,   [TOKEN_CONCAT] = 6,
    [TOKEN_STAR] = 7,     [TOKEN_SLASH] = 7, [TOKEN_PERCENT] = 7,
};
enum { BINDS_UNARY = 8 };

static int expression(struct route_parser *p, unsigned least, struct route_operand *ret);

/* Each operation takes @p takes values off the stack and puts one on it. */
static int emit(struct route_parser *p, const struct route_op *op, size_t takes)
{
    struct route_program *program = p->program;
    struct route_op *ops;

    p->stack = p->stack - takes + 1;
    if (program->len >= ROUTE_OPS_MAX || p->stack > ROUTE_STACK_MAX)
        return route_fail(p, EDGE_ELIMIT, p->token.text, "The condition is too long");
    if ((program->len & (program->len - 1)) == 0) {
        ops = realloc(program->ops, (program->len ? program->len * 2 : 4) * sizeof *ops);
        if (!ops)
            return -ENOMEM;
        program->ops = ops;
    }
    program->ops[program->len++] = *op;
    return 0;
}

static int emit_value(struct route_parser *p, struct route_value value, struct route_operand *ret)
{
    *ret = (struct route_operand){.type = value.kind};
    return emit(p, &(struct route_op){.code = OP_VALUE, .value = value}, 0);
}

static int string_literal(struct route_parser *p, struct route_span text, struct route_operand *ret)
{
    char *out = p->pool + p->pooled;
    long len = route_unquote(text, out);

    if (len < 0)
        return route_fail(p, EDGE_EINVALID, text, "Syntax error: \\uD800 to \\uDFFF come in pairs");
    p->pooled += (size_t) len;
    return emit_value(p, (struct route_value){.kind = ROUTE_STRING, .text = {out, (size_t) len}},
                      ret);
}

static int number_literal(struct route_parser *p, struct route_span text, struct route_operand *ret)
{
    bool hex = text.len > 2 && (text.data[1] == 'x' || text.data[1] == 'X');
    double number = NAN;

    if (hex && text.len <= 2 + 16) {
        uint64_t bits = 0;

        for (size_t i = 2; i < text.len; i++)
            bits = bits << 4 | (uint64_t) route_hex_digit(text.data[i]);
        number = (double) (int64_t) bits;
    } else if (!hex && memchr("0123456789.", text.data[text.data[0] == '-'], 11)) {
        number = route_number(text);
    }
    if (isnan(number))
        return route_fail(p, EDGE_EINVALID, text,
                          "Syntax error: '%.*s' reads as a number, and is none", route_shown(text),
                          text.data);
    return emit_value(p, (struct route_value){.kind = ROUTE_NUMBER, .number = number}, ret);
}

static int emit_property(struct route_parser *p, enum route_code code, struct route_span name,
                         struct route_operand *ret)
{
    *ret = (struct route_operand){.type = ROUTE_STRING, .name = name};
    p->program->looks_inside = true;
    return emit(p, &(struct route_op){.code = code, .value = {.text = name}}, 0);
}

/* An application's property may be called "$body.x"; but none has a '[' in its name. */
static int body_term(struct route_parser *p, struct route_span name, bool braces,
                     struct route_operand *ret)
{
    struct route_op op = {.code =
                              braces || memchr(name.data, '[', name.len) ? OP_BODY : OP_DOLLAR_BODY,
                          .value = {.text = name}};
    struct route_span path = {name.data + strlen("$body."), name.len - strlen("$body.")};
    const char *why;
    int rc = route_tree_add(&p->program->tree, path, &op.slot, &why);

    if (rc == -ENOMEM)
        return rc;
    if (rc < 0)
        return route_fail(p, rc, name, "Error in $body query '%.*s': %s", route_shown(name),
                          name.data, why);
    *ret = (struct route_operand){.type = ROUTE_BODY, .name = name};
    p->program->looks_inside = true;
    return emit(p, &op, 0);
}

static int dollar_term(struct route_parser *p, struct route_span name, bool braces,
                       struct route_operand *ret)
{
    if (name.len >= 6 && strncasecmp(name.data, "$body.", 6) == 0)
        return body_term(p, name, braces, ret);
    if (memchr(name.data, '[', name.len) || memchr(name.data, ']', name.len))
        return emit_value(p, (struct route_value){.kind = ROUTE_UNDEFINED}, ret);
    if (braces)
        name = (struct route_span){name.data + 1, name.len - 1};
    return emit_property(p, braces ? OP_SYSTEM : OP_DOLLAR, name, ret);
}

static int braces(struct route_parser *p, struct route_operand *ret)
{
    struct route_span name;
    int rc;

    route_advance(p);
    name = p->token.text;
    rc = route_expect(p, TOKEN_DOLLAR, "a system property, $name,");
    if (rc == 0)
        rc = route_expect(p, TOKEN_CLOSE_BRACE, "'}'");
    return rc < 0 ? rc : dollar_term(p, name, true, ret);
}

/* The arguments are on the stack; from the '(' on. */
static int call(struct route_parser *p, struct route_span name, struct route_operand *ret)
{
    struct route_operand args[ROUTE_STACK_MAX];
    struct route_op op = {.code = OP_VALUE};
    size_t count = 0;
    int rc = 0;

    route_advance(p);
    while (rc == 0 && (count > 0 || p->token.kind != TOKEN_CLOSE)) {
        if (count == ROUTE_STACK_MAX)
            return route_fail(p, EDGE_ELIMIT, p->token.text, "Too many arguments");
        rc = expression(p, 1, &args[count++]);
        if (rc < 0 || p->token.kind != TOKEN_COMMA)
            break;
        route_advance(p);
    }
    if (rc == 0)
        rc = route_expect(p, TOKEN_CLOSE, "')'");
    if (rc < 0)
        return rc;
    *ret = (struct route_operand){.type = route_type_call(p, name, args, count, &op)};
    return emit(p, &op, count);
}

static int nested(struct route_parser *p, struct route_operand *ret)
{
    struct route_span open = p->token.text;
    int rc;

    route_advance(p);
    rc = expression(p, 1, ret);
    if (rc < 0)
        return rc;
    if (p->token.kind == TOKEN_END || p->token.kind == TOKEN_INTO)
        return route_fail(p, EDGE_EINVALID, open, "Syntax error: missing closing ')'");
    return route_expect(p, TOKEN_CLOSE, "')'");
}

static int unary(struct route_parser *p, struct route_operand *ret)
{
    struct route_token token = p->token;
    struct route_op op;
    int rc;

    route_advance(p);
    *ret = (struct route_operand){.type = ROUTE_UNDEFINED};
    rc = expression(p, BINDS_UNARY, ret);
    if (rc < 0)
        return rc;
    *ret = (struct route_operand){.type = route_type_unary(p, token, *ret, &op)};
    return emit(p, &op, 1);
}

static int name_term(struct route_parser *p, struct route_operand *ret)
{
    struct route_span name = p->token.text;

    route_advance(p);
    if (p->token.kind == TOKEN_OPEN)
        return call(p, name, ret);
    return emit_property(p, OP_PROPERTY, name, ret);
}

static int literal(struct route_parser *p, struct route_operand *ret)
{
    struct route_token token = p->token;
    struct route_value value = {.kind = ROUTE_UNDEFINED};

    route_advance(p);
    switch (token.kind) {
    case TOKEN_STRING:
        return string_literal(p, token.text, ret);
    case TOKEN_NUMBER:
        return number_literal(p, token.text, ret);
    case TOKEN_DOLLAR:
        return dollar_term(p, token.text, false, ret);
    case TOKEN_UNDEFINED:
        break;
    case TOKEN_NULL:
        value.kind = ROUTE_NULL;
        break;
    default:
        value = (struct route_value){.kind = ROUTE_BOOL, .truth = token.kind == TOKEN_TRUE};
        break;
    }
    return emit_value(p, value, ret);
}

static int prefix(struct route_parser *p, struct route_operand *ret)
{
    switch (p->token.kind) {
    case TOKEN_OPEN:
        return nested(p, ret);
    case TOKEN_MINUS:
    case TOKEN_NOT:
        return unary(p, ret);
    case TOKEN_OPEN_BRACE:
        return braces(p, ret);
    case TOKEN_NAME:
        return name_term(p, ret);
    case TOKEN_STRING:
    case TOKEN_NUMBER:
    case TOKEN_DOLLAR:
    case TOKEN_TRUE:
    case TOKEN_FALSE:
    case TOKEN_NULL:
    case TOKEN_UNDEFINED:
        return literal(p, ret);
    default:
        return route_unexpected(p, "a term");
    }
}

/* Where one side of AND or OR decides alone, the other is not looked at: no body is read for
 * nothing. Between bools only, for else both sides count. @return the operation, to be completed */
static int emit_skip(struct route_parser *p, const struct route_token *token, size_t *ret_at)
{
    struct route_op op = {.code = token->kind == TOKEN_AND ? OP_IF_FALSE_SKIP : OP_IF_TRUE_SKIP};

    *ret_at = p->program->len;
    return emit(p, &op, 1);
}

static int operation(struct route_parser *p, struct route_operand *left)
{
    struct route_token token = p->token;
    bool skips = (token.kind == TOKEN_AND || token.kind == TOKEN_OR) && left->type == ROUTE_BOOL;
    struct route_operand right = {.type = ROUTE_UNDEFINED};
    struct route_op op;
    size_t skip = 0;
    int rc = skips ? emit_skip(p, &token, &skip) : 0;

    route_advance(p);
    if (rc == 0)
        rc = expression(p, binding[token.kind] + 1U, &right);
    if (rc < 0)
        return rc;
    *left = (struct route_operand){.type = route_type_binary(p, token, *left, right, &op)};
    rc = emit(p, &op, 2);
    if (rc == 0 && skips && right.type == ROUTE_BOOL)
        p->program->ops[skip].count = (uint16_t) (p->program->len - 1 - skip);
    return rc;
}

static int expression(struct route_parser *p, unsigned least, struct route_operand *ret)
{
    int rc;

    if (p->nesting >= ROUTE_NESTING_MAX)
        return route_fail(p, EDGE_ELIMIT, p->token.text, "The condition is nested too deeply");
    p->nesting++;
    rc = prefix(p, ret);
    while (rc == 0 && binding[p->token.kind] >= least)
        rc = operation(p, ret);
    p->nesting--;
    return rc;
}

int route_condition(struct route_parser *p)
{
    struct route_operand whole = {.type = ROUTE_UNDEFINED};
    int rc = expression(p, 1, &whole);

    if (rc < 0)
        return rc;
    if (p->token.kind == TOKEN_CLOSE)
        return route_fail(p, EDGE_EINVALID, p->token.text, "Syntax error: unmatched closing ')'");
    p->program->type = whole.type;
    return 0;
}
