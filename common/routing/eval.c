#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/routing/program.h"
#include "common/routing/text.h"

static const struct route_value undefined = {.kind = ROUTE_UNDEFINED};

struct route_chunk {
    struct route_chunk *next;
    char data[];
};

char *route_scratch_get(struct route_scratch *scratch, size_t len)
{
    struct route_chunk *chunk;
    char *at = scratch->fixed + scratch->used;

    if (len <= sizeof scratch->fixed - scratch->used) {
        scratch->used += len;
        return at;
    }
    if (len > ROUTE_SCRATCH_MAX - scratch->total)
        return NULL;
    chunk = malloc(sizeof *chunk + len);
    if (!chunk)
        return NULL;
    scratch->total += len;
    chunk->next = scratch->chunks;
    scratch->chunks = chunk;
    return chunk->data;
}

static void fini_scratch(struct route_scratch *scratch)
{
    while (scratch->chunks) {
        struct route_chunk *next = scratch->chunks->next;

        free(scratch->chunks);
        scratch->chunks = next;
    }
}

void route_look_init(struct route_look *look, const struct edge_route_message *message,
                     const struct route_tree *tree)
{
    look->message = message;
    look->tree = tree;
    look->body = BODY_UNREAD;
    look->body_owned = NULL;
    look->scratch.used = 0;
    look->scratch.total = 0;
    look->scratch.chunks = NULL;
}

void route_look_fini(struct route_look *look)
{
    free(look->body_owned);
    fini_scratch(&look->scratch);
}

/* Once a message, and only for who asks. */
static void read_body(struct route_look *look)
{
    struct route_span text;

    look->body = BODY_SILENT;
    if (!route_body_text(look->message, &text, &look->body_owned))
        return;
    for (size_t i = 0; i < look->tree->slots; i++)
        look->slots[i] = (struct route_value){.kind = ROUTE_NULL, .missing = true};
    if (route_body_scan(look->tree, text, look->slots))
        look->body = BODY_READ;
}

/* A text without its escapes is made when it is first looked at. */
static struct route_value body_value(struct route_look *look, uint16_t slot)
{
    struct route_value *value = &look->slots[slot];
    char *plain;

    if (look->body == BODY_UNREAD)
        read_body(look);
    if (look->body == BODY_SILENT)
        return undefined;
    if (value->kind == ROUTE_STRING && value->escaped) {
        plain = route_scratch_get(&look->scratch, value->text.len);
        if (!plain)
            return undefined;
        value->text.len = route_body_unescape(value->text, plain);
        value->text.data = plain;
        value->escaped = false;
    }
    return *value;
}

static bool property(const struct edge_route_property *list, size_t count, struct route_span name,
                     struct route_value *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (!route_span_is(name, list[i].name))
            continue;
        *ret = (struct route_value){.kind = ROUTE_STRING};
        if (list[i].value)
            ret->text = (struct route_span){list[i].value, strlen(list[i].value)};
        return true;
    }
    *ret = undefined;
    return false;
}

/* <0, 0, >0: kinds in their order, then values; a null text is before any other. */
static int order_of(const struct route_value *a, const struct route_value *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    switch (a->kind) {
    case ROUTE_BOOL:
        return (int) a->truth - (int) b->truth;
    case ROUTE_NUMBER:
        return a->number < b->number ? -1 : a->number > b->number;
    case ROUTE_STRING:
        if (!a->text.data || !b->text.data)
            return (a->text.data != NULL) - (b->text.data != NULL);
        return route_compare(a->text, b->text);
    default:
        return 0;
    }
}

static bool holds(int word, int order)
{
    switch (word) {
    case TOKEN_EQ:
        return order == 0;
    case TOKEN_NE:
        return order != 0;
    case TOKEN_LT:
        return order < 0;
    case TOKEN_LE:
        return order <= 0;
    case TOKEN_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static struct route_value compare(const struct route_op *op, const struct route_value *a,
                                  const struct route_value *b)
{
    if (a->kind == ROUTE_UNDEFINED || b->kind == ROUTE_UNDEFINED)
        return undefined;
    if (op->type == ROUTE_STRING && (!a->text.data || !b->text.data))
        return undefined; /* nothing compares with a null property, unless it is a body's value */
    return (struct route_value){.kind = ROUTE_BOOL, .truth = holds(op->word, order_of(a, b))};
}

static struct route_value calculate(enum route_code code, const struct route_value *a,
                                    const struct route_value *b)
{
    if (a->kind != ROUTE_NUMBER || b->kind != ROUTE_NUMBER)
        return undefined;
    switch (code) {
    case OP_ADD:
        return route_number_value(a->number + b->number);
    case OP_SUBTRACT:
        return route_number_value(a->number - b->number);
    case OP_MULTIPLY:
        return route_number_value(a->number * b->number);
    case OP_DIVIDE:
        return route_number_value(a->number / b->number);
    default:
        return route_number_value(fmod(a->number, b->number));
    }
}

/* Three values: one operand decides, else an undefined one does. A null does not take part: with
 * AND it is the result, with OR the other one is. A body's value that is no bool spoils all. */
static struct route_value logic(const struct route_op *op, const struct route_value *a,
                                const struct route_value *b)
{
    bool decides = op->code == OP_OR;
    bool undecided = a->kind != ROUTE_BOOL || b->kind != ROUTE_BOOL;

    if (op->type == ROUTE_BODY && undecided)
        return undefined;
    if (a->kind == ROUTE_NULL || b->kind == ROUTE_NULL) {
        const struct route_value *other = a->kind == ROUTE_NULL ? b : a;

        return decides ? *other : (struct route_value){.kind = ROUTE_NULL};
    }
    if ((a->kind == ROUTE_BOOL && a->truth == decides) ||
        (b->kind == ROUTE_BOOL && b->truth == decides))
        return (struct route_value){.kind = ROUTE_BOOL, .truth = decides};
    return undecided ? undefined : (struct route_value){.kind = ROUTE_BOOL, .truth = !decides};
}

static struct route_value binary(const struct route_op *op, const struct route_value *a,
                                 const struct route_value *b)
{
    switch (op->code) {
    case OP_COMPARE:
        return compare(op, a, b);
    case OP_AND:
    case OP_OR:
        return logic(op, a, b);
    case OP_COALESCE:
        return a->kind != ROUTE_UNDEFINED ? *a : *b;
    default:
        return calculate(op->code, a, b);
    }
}

static struct route_value term(const struct route_op *op, const uint16_t *map,
                               struct route_look *look)
{
    const struct edge_route_message *m = look->message;
    struct route_span name = op->value.text;
    struct route_value value = op->value;

    if (op->code == OP_VALUE)
        return value;
    if (op->code == OP_SYSTEM) {
        (void) property(m->system, m->nsystem, name, &value);
        return value;
    }
    if (op->code != OP_BODY && property(m->properties, m->nproperties, name, &value))
        return value;
    if (op->code == OP_DOLLAR)
        (void) property(m->system, m->nsystem, (struct route_span){name.data + 1, name.len - 1},
                        &value);
    if (op->code == OP_BODY || op->code == OP_DOLLAR_BODY)
        return body_value(look, map ? map[op->slot] : op->slot);
    return value;
}

static struct route_value unary(const struct route_op *op, const struct route_value *a)
{
    if (op->code == OP_NEGATE)
        return a->kind == ROUTE_NUMBER ? route_number_value(-a->number) : undefined;
    if (a->kind == ROUTE_BOOL)
        return (struct route_value){.kind = ROUTE_BOOL, .truth = !a->truth};
    /* NOT null is true; but a null of the body is no bool. */
    return op->type == ROUTE_NULL ? (struct route_value){.kind = ROUTE_BOOL, .truth = true}
                                  : undefined;
}

static bool skips(const struct route_op *op, const struct route_value *top)
{
    return top->kind == ROUTE_BOOL && top->truth == (op->code == OP_IF_TRUE_SKIP);
}

/* A null as the whole condition is false; one that the body holds says nothing. */
static enum edge_route_result verdict(const struct route_program *program,
                                      const struct route_value *value)
{
    enum route_kind type = program->type;

    if (value->kind == ROUTE_BOOL)
        return value->truth ? EDGE_ROUTE_TRUE : EDGE_ROUTE_FALSE;
    return type == ROUTE_NULL ? EDGE_ROUTE_FALSE : EDGE_ROUTE_UNDEFINED;
}

enum edge_route_result route_run(const struct route_program *program, const uint16_t *map,
                                 struct route_look *look)
{
    struct route_value *top = look->stack; /* the first free one; the compiler has counted */

    for (size_t i = 0; i < program->len; i++) {
        const struct route_op *op = &program->ops[i];

        if (op->code <= OP_DOLLAR_BODY) {
            *top++ = term(op, map, look);
        } else if (op->code <= OP_NOT) {
            top[-1] = unary(op, &top[-1]);
        } else if (op->code == OP_CALL) {
            top -= op->count;
            *top = op->function->run(top, op->count, op->type, &look->scratch);
            top++;
        } else if (op->code < OP_CALL) {
            top--;
            top[-1] = binary(op, &top[-1], top);
        } else if (skips(op, &top[-1])) {
            i += op->count;
        }
    }
    return verdict(program, &look->stack[0]);
}
