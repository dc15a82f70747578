#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/bytes.h"
#include "tests/emulator/query/value.h"

static struct query_value eval(const struct query_node *node, const struct edge_json *doc);

static struct query_value undefined(void)
{
    return (struct query_value){.kind = V_UNDEFINED};
}

static struct query_value truth(bool is)
{
    return (struct query_value){.kind = V_BOOL, .truth = is};
}

static struct query_value json(const struct edge_json *value)
{
    if (edge_json_is(value, EDGE_JSON_BOOL))
        return truth(edge_json_bool(value, false));
    return (struct query_value){.kind = V_JSON, .json = value};
}

bool query_number_of(const struct query_value *v, double *ret)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;

    if (v->kind != V_JSON)
        return false;
    if (edge_json_is(v->json, EDGE_JSON_INT)) {
        *ret = (double) edge_json_int(v->json, 0);
        return true;
    }
    if (!edge_json_is(v->json, EDGE_JSON_DOUBLE))
        return false;
    text = edge_json_text(v->json);
    if (!text)
        return false;
    *ret = strtod(text, NULL);
    return true;
}

static const char *string_of(const struct query_value *v)
{
    return v->kind == V_JSON ? edge_json_str(v->json, NULL) : NULL;
}

struct query_value query_walk(const struct query_node *path, const struct edge_json *doc)
{
    const struct edge_json *at = doc;
    const char *last = NULL;
    const struct edge_json *parent = NULL;

    for (size_t i = 0; i < path->nsteps; i++) {
        const char *step = path->steps[i];

        parent = at;
        last = step;
        if (edge_json_is(at, EDGE_JSON_ARRAY)) {
            char *end;
            unsigned long index = strtoul(step, &end, 10);

            if (*end || index >= edge_json_len(at))
                return undefined();
            at = edge_json_at(at, index);
            continue;
        }
        at = i == 0 ? edge_json_get_nocase(at, step) : edge_json_get(at, step);
        if (!at && i + 1 < path->nsteps)
            return undefined();
    }
    if (!at && edge_json_is(parent, EDGE_JSON_OBJECT) && !edge_json_has(parent, last))
        return undefined();
    return json(at);
}

int query_compare(const struct query_value *a, const struct query_value *b)
{
    double x, y;
    const char *s = string_of(a);
    const char *t = string_of(b);
    int order;

    if (a->kind == V_BOOL && b->kind == V_BOOL)
        return a->truth - b->truth;
    if (s && t) {
        order = strcmp(s, t);
        return (order > 0) - (order < 0);
    }
    if (query_number_of(a, &x) && query_number_of(b, &y))
        return (x > y) - (x < y);
    if (a->kind == V_JSON && b->kind == V_JSON && edge_json_equal(a->json, b->json))
        return 0;
    return QUERY_UNORDERED;
}

static struct query_value equal(const struct query_value *a, const struct query_value *b,
                                bool wanted)
{
    int order;

    if (a->kind == V_UNDEFINED || b->kind == V_UNDEFINED)
        return undefined();
    order = query_compare(a, b);
    return truth((order == 0) == wanted);
}

static struct query_value ordered(const struct query_node *node, const struct edge_json *doc)
{
    struct query_value a = eval(node->args[0], doc);
    struct query_value b = eval(node->args[1], doc);
    int order;

    if (node->op == OP_EQ || node->op == OP_NE)
        return equal(&a, &b, node->op == OP_EQ);
    if (a.kind == V_UNDEFINED || b.kind == V_UNDEFINED)
        return undefined();
    order = query_compare(&a, &b);
    if (order == QUERY_UNORDERED)
        return undefined();
    switch (node->op) {
    case OP_LT:
        return truth(order < 0);
    case OP_LE:
        return truth(order <= 0);
    case OP_GT:
        return truth(order > 0);
    default:
        return truth(order >= 0);
    }
}

static struct query_value contained(const struct query_node *node, const struct edge_json *doc)
{
    struct query_value a = eval(node->args[0], doc);
    struct query_value b = eval(node->args[1], doc);

    if (a.kind == V_UNDEFINED)
        return undefined();
    if (b.kind == V_ARRAY) {
        for (size_t i = 0; i < b.array->nargs; i++) {
            struct query_value one = eval(b.array->args[i], doc);

            if (one.kind != V_UNDEFINED && query_compare(&a, &one) == 0)
                return truth(true);
        }
        return truth(false);
    }
    if (b.kind != V_JSON || !edge_json_is(b.json, EDGE_JSON_ARRAY))
        return undefined();
    for (size_t i = 0; i < edge_json_len(b.json); i++) {
        struct query_value one = json(edge_json_at(b.json, i));

        if (query_compare(&a, &one) == 0)
            return truth(true);
    }
    return truth(false);
}

/* Functions. */

static struct query_value is_defined(const struct query_value *v)
{
    return truth(v[0].kind != V_UNDEFINED);
}

static struct query_value is_null(const struct query_value *v)
{
    return truth(v[0].kind == V_JSON && edge_json_is(v[0].json, EDGE_JSON_NULL));
}

static struct query_value is_string(const struct query_value *v)
{
    return truth(string_of(v) != NULL);
}

static struct query_value is_number(const struct query_value *v)
{
    double number;

    return truth(query_number_of(v, &number));
}

static struct query_value is_bool(const struct query_value *v)
{
    return truth(v[0].kind == V_BOOL);
}

static struct query_value is_object(const struct query_value *v)
{
    return truth(v[0].kind == V_JSON && edge_json_is(v[0].json, EDGE_JSON_OBJECT));
}

static struct query_value is_array(const struct query_value *v)
{
    return truth(v[0].kind == V_ARRAY ||
                 (v[0].kind == V_JSON && edge_json_is(v[0].json, EDGE_JSON_ARRAY)));
}

static struct query_value is_primitive(const struct query_value *v)
{
    return truth(v[0].kind != V_UNDEFINED && !is_object(v).truth && !is_array(v).truth);
}

static struct query_value starts_with(const struct query_value *v)
{
    const char *text = string_of(&v[0]);
    const char *part = string_of(&v[1]);

    return text && part ? truth(strncmp(text, part, strlen(part)) == 0) : undefined();
}

static struct query_value ends_with(const struct query_value *v)
{
    const char *text = string_of(&v[0]);
    const char *part = string_of(&v[1]);

    if (!text || !part)
        return undefined();
    return truth(strlen(text) >= strlen(part) &&
                 strcmp(text + strlen(text) - strlen(part), part) == 0);
}

static struct query_value contains(const struct query_value *v)
{
    const char *text = string_of(&v[0]);
    const char *part = string_of(&v[1]);

    return text && part ? truth(strstr(text, part) != NULL) : undefined();
}

enum { ARGS_MAX = 2 };
static const struct {
    const char *name;
    size_t nargs;
    struct query_value (*fn)(const struct query_value *v);
} functions[] = {
    {"is_defined", 1, is_defined},  {"is_null", 1, is_null},
    {"is_string", 1, is_string},    {"is_number", 1, is_number},
    {"is_bool", 1, is_bool},        {"is_object", 1, is_object},
    {"is_array", 1, is_array},      {"is_primitive", 1, is_primitive},
    {"startswith", 2, starts_with}, {"starts_with", 2, starts_with},
    {"endswith", 2, ends_with},     {"ends_with", 2, ends_with},
    {"contains", 2, contains},
};

int query_function(const char *name, size_t len, size_t *ret_nargs)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(functions); i++) {
        if (strlen(functions[i].name) == len && strncasecmp(functions[i].name, name, len) == 0) {
            *ret_nargs = functions[i].nargs;
            return (int) i;
        }
    }
    return -1;
}

static struct query_value call(const struct query_node *node, const struct edge_json *doc)
{
    struct query_value v[ARGS_MAX];

    for (size_t i = 0; i < node->nargs; i++)
        v[i] = eval(node->args[i], doc);
    return functions[node->function].fn(v);
}

/* AND is false as soon as one side is, OR true; otherwise what is not there decides. */
static struct query_value logical(const struct query_node *node, const struct edge_json *doc)
{
    bool decisive = node->op == OP_OR;
    struct query_value a = eval(node->args[0], doc);
    struct query_value b;

    if (a.kind == V_BOOL && a.truth == decisive)
        return a;
    b = eval(node->args[1], doc);
    if (b.kind == V_BOOL && b.truth == decisive)
        return b;
    return a.kind == V_BOOL && b.kind == V_BOOL ? truth(!decisive) : undefined();
}

static struct query_value eval(const struct query_node *node, const struct edge_json *doc)
{
    struct query_value v;

    switch (node->op) {
    case OP_LITERAL:
        return json(node->value);
    case OP_PATH:
        return query_walk(node, doc);
    case OP_ARRAY:
        return (struct query_value){.kind = V_ARRAY, .array = node};
    case OP_CALL:
        return call(node, doc);
    case OP_AND:
    case OP_OR:
        return logical(node, doc);
    case OP_NOT:
        v = eval(node->args[0], doc);
        return v.kind == V_BOOL ? truth(!v.truth) : undefined();
    case OP_IN:
        return contained(node, doc);
    default:
        return ordered(node, doc);
    }
}

bool query_matches(const struct query *query, const struct edge_json *document)
{
    struct query_value v;

    if (!query->where)
        return true;
    v = eval(query->where, document);
    return v.kind == V_BOOL && v.truth;
}
