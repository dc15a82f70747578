#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/bytes.h"
#include "tests/emulator/query/ast.h"

/* A value in the middle of an evaluation: borrowed JSON, or a truth, or nothing there. */
struct value {
    enum { V_UNDEFINED, V_BOOL, V_JSON, V_ARRAY } kind;
    bool truth;
    const struct edge_json *json;
    const struct query_node *array;
};

static struct value eval(const struct query_node *node, const struct edge_json *doc);

static struct value undefined(void)
{
    return (struct value){.kind = V_UNDEFINED};
}

static struct value truth(bool is)
{
    return (struct value){.kind = V_BOOL, .truth = is};
}

static struct value json(const struct edge_json *value)
{
    if (edge_json_is(value, EDGE_JSON_BOOL))
        return truth(edge_json_bool(value, false));
    return (struct value){.kind = V_JSON, .json = value};
}

static bool number_of(const struct value *v, double *ret)
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

static const char *string_of(const struct value *v)
{
    return v->kind == V_JSON ? edge_json_str(v->json, NULL) : NULL;
}

/* Names of the document's first level are the cloud's own and compare without case. */
static struct value walk(const struct query_node *path, const struct edge_json *doc)
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

enum { UNORDERED = 2 };
/* -1, 0, 1, or UNORDERED when the two cannot be compared. */
static int compare(const struct value *a, const struct value *b)
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
    if (number_of(a, &x) && number_of(b, &y))
        return (x > y) - (x < y);
    if (a->kind == V_JSON && b->kind == V_JSON && edge_json_equal(a->json, b->json))
        return 0;
    return UNORDERED;
}

static struct value equal(const struct value *a, const struct value *b, bool wanted)
{
    int order;

    if (a->kind == V_UNDEFINED || b->kind == V_UNDEFINED)
        return undefined();
    order = compare(a, b);
    return truth((order == 0) == wanted);
}

static struct value ordered(const struct query_node *node, const struct edge_json *doc)
{
    struct value a = eval(node->args[0], doc);
    struct value b = eval(node->args[1], doc);
    int order;

    if (node->op == OP_EQ || node->op == OP_NE)
        return equal(&a, &b, node->op == OP_EQ);
    if (a.kind == V_UNDEFINED || b.kind == V_UNDEFINED)
        return undefined();
    order = compare(&a, &b);
    if (order == UNORDERED)
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

static struct value contained(const struct query_node *node, const struct edge_json *doc)
{
    struct value a = eval(node->args[0], doc);
    struct value b = eval(node->args[1], doc);

    if (a.kind == V_UNDEFINED)
        return undefined();
    if (b.kind == V_ARRAY) {
        for (size_t i = 0; i < b.array->nargs; i++) {
            struct value one = eval(b.array->args[i], doc);

            if (one.kind != V_UNDEFINED && compare(&a, &one) == 0)
                return truth(true);
        }
        return truth(false);
    }
    if (b.kind != V_JSON || !edge_json_is(b.json, EDGE_JSON_ARRAY))
        return undefined();
    for (size_t i = 0; i < edge_json_len(b.json); i++) {
        struct value one = json(edge_json_at(b.json, i));

        if (compare(&a, &one) == 0)
            return truth(true);
    }
    return truth(false);
}

/* Functions. */

static struct value is_defined(const struct value *v)
{
    return truth(v[0].kind != V_UNDEFINED);
}

static struct value is_null(const struct value *v)
{
    return truth(v[0].kind == V_JSON && edge_json_is(v[0].json, EDGE_JSON_NULL));
}

static struct value is_string(const struct value *v)
{
    return truth(string_of(v) != NULL);
}

static struct value is_number(const struct value *v)
{
    double number;

    return truth(number_of(v, &number));
}

static struct value is_bool(const struct value *v)
{
    return truth(v[0].kind == V_BOOL);
}

static struct value is_object(const struct value *v)
{
    return truth(v[0].kind == V_JSON && edge_json_is(v[0].json, EDGE_JSON_OBJECT));
}

static struct value is_array(const struct value *v)
{
    return truth(v[0].kind == V_ARRAY ||
                 (v[0].kind == V_JSON && edge_json_is(v[0].json, EDGE_JSON_ARRAY)));
}

static struct value is_primitive(const struct value *v)
{
    return truth(v[0].kind != V_UNDEFINED && !is_object(v).truth && !is_array(v).truth);
}

static struct value starts_with(const struct value *v)
{
    const char *text = string_of(&v[0]);
    const char *part = string_of(&v[1]);

    return text && part ? truth(strncmp(text, part, strlen(part)) == 0) : undefined();
}

static struct value ends_with(const struct value *v)
{
    const char *text = string_of(&v[0]);
    const char *part = string_of(&v[1]);

    if (!text || !part)
        return undefined();
    return truth(strlen(text) >= strlen(part) &&
                 strcmp(text + strlen(text) - strlen(part), part) == 0);
}

static struct value contains(const struct value *v)
{
    const char *text = string_of(&v[0]);
    const char *part = string_of(&v[1]);

    return text && part ? truth(strstr(text, part) != NULL) : undefined();
}

enum { ARGS_MAX = 2 };
static const struct {
    const char *name;
    size_t nargs;
    struct value (*fn)(const struct value *v);
} functions[] = {
    {"is_defined", 1, is_defined}, {"is_null", 1, is_null},           {"is_string", 1, is_string},
    {"is_number", 1, is_number},   {"is_bool", 1, is_bool},           {"is_object", 1, is_object},
    {"is_array", 1, is_array},     {"is_primitive", 1, is_primitive}, {"startswith", 2, starts_with},
    {"starts_with", 2, starts_with}, {"endswith", 2, ends_with},      {"ends_with", 2, ends_with},
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

static struct value call(const struct query_node *node, const struct edge_json *doc)
{
    struct value v[ARGS_MAX];

    for (size_t i = 0; i < node->nargs; i++)
        v[i] = eval(node->args[i], doc);
    return functions[node->function].fn(v);
}

/* AND is false as soon as one side is, OR true; otherwise what is not there decides. */
static struct value logical(const struct query_node *node, const struct edge_json *doc)
{
    bool decisive = node->op == OP_OR;
    struct value a = eval(node->args[0], doc);
    struct value b;

    if (a.kind == V_BOOL && a.truth == decisive)
        return a;
    b = eval(node->args[1], doc);
    if (b.kind == V_BOOL && b.truth == decisive)
        return b;
    return a.kind == V_BOOL && b.kind == V_BOOL ? truth(!decisive) : undefined();
}

static struct value eval(const struct query_node *node, const struct edge_json *doc)
{
    struct value v;

    switch (node->op) {
    case OP_LITERAL:
        return json(node->value);
    case OP_PATH:
        return walk(node, doc);
    case OP_ARRAY:
        return (struct value){.kind = V_ARRAY, .array = node};
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
    struct value v;

    if (!query->where)
        return true;
    v = eval(query->where, document);
    return v.kind == V_BOOL && v.truth;
}

static struct edge_json *copy_of(const struct value *v)
{
    return v->kind == V_BOOL ? edge_json_new_bool(v->truth) : edge_json_copy(v->json);
}

struct edge_json *query_project(const struct query *query, const struct edge_json *document)
{
    struct edge_json *row;

    if (query->star)
        return edge_json_copy(document);
    row = edge_json_new_object();
    for (size_t i = 0; row && i < query->nitems; i++) {
        struct value v = walk(query->items[i].path, document);

        if (v.kind != V_UNDEFINED)
            edge_ignore(edge_json_set(row, query->items[i].name, copy_of(&v)));
    }
    return row;
}

/* One group's aggregates, as its documents go by. */
struct group {
    char *key; /* text of the values grouped by */
    const struct edge_json *first;
    int64_t rows;
    struct {
        int64_t count;
        double sum, min, max;
    } items[QUERY_ITEMS_MAX];
};

static void feed(const struct query *query, struct group *g, const struct edge_json *doc)
{
    g->rows++;
    for (size_t i = 0; i < query->nitems; i++) {
        struct value v;
        double number = 0;

        if (query->items[i].aggregate == AGG_NONE || !query->items[i].path)
            continue;
        v = walk(query->items[i].path, doc);
        if (v.kind == V_UNDEFINED)
            continue;
        if (query->items[i].aggregate != AGG_COUNT && !number_of(&v, &number))
            continue;
        if (g->items[i].count == 0 || number < g->items[i].min)
            g->items[i].min = number;
        if (g->items[i].count == 0 || number > g->items[i].max)
            g->items[i].max = number;
        g->items[i].sum += number;
        g->items[i].count++;
    }
}

/* The one place that makes a fraction: json.h has no constructor for it, but reads its text. */
static struct edge_json *new_number(double number)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    struct edge_json *value = NULL;

    if (number == floor(number) && fabs(number) < 9e15)
        return edge_json_new_int((int64_t) number);
    text = edge_format("%.17g", number);
    if (text && edge_json_parse(text, strlen(text), &value, NULL) == 0)
        return value;
    return NULL;
}

static struct edge_json *aggregate(const struct query_item *item, const struct group *g, size_t i)
{
    switch (item->aggregate) {
    case AGG_COUNT:
        return edge_json_new_int(item->path ? g->items[i].count : g->rows);
    case AGG_SUM:
        return new_number(g->items[i].sum);
    case AGG_AVG:
        return g->items[i].count > 0 ? new_number(g->items[i].sum / (double) g->items[i].count)
                                     : NULL;
    case AGG_MIN:
        return g->items[i].count > 0 ? new_number(g->items[i].min) : NULL;
    default:
        return g->items[i].count > 0 ? new_number(g->items[i].max) : NULL;
    }
}

static struct edge_json *group_row(const struct query *query, const struct group *g)
{
    struct edge_json *row = edge_json_new_object();

    for (size_t i = 0; row && i < query->nitems; i++) {
        const struct query_item *item = &query->items[i];
        struct value v;

        if (item->aggregate != AGG_NONE) {
            edge_ignore(edge_json_set(row, item->name, aggregate(item, g, i)));
            continue;
        }
        v = g->first ? walk(item->path, g->first) : undefined();
        if (v.kind != V_UNDEFINED)
            edge_ignore(edge_json_set(row, item->name, copy_of(&v)));
    }
    return row;
}

static char *group_key(const struct query *query, const struct edge_json *doc)
{
    struct edge_json *keys = edge_json_new_array();
    char *text;

    for (size_t i = 0; keys && i < query->ngroups; i++) {
        struct value v = walk(query->groups[i], doc);

        edge_ignore(edge_json_append(keys, v.kind == V_UNDEFINED ? NULL : copy_of(&v)));
    }
    text = edge_json_text(keys);
    edge_json_free(keys);
    return text;
}

static struct group *group_for(struct group **groups, size_t *n, char *key,
                               const struct edge_json *doc)
{
    struct group *grown;

    for (size_t i = 0; i < *n; i++) {
        if (strcmp((*groups)[i].key, key) == 0) {
            free(key);
            return &(*groups)[i];
        }
    }
    grown = realloc(*groups, (*n + 1) * sizeof *grown);
    if (!grown) {
        free(key);
        return NULL;
    }
    *groups = grown;
    grown += (*n)++;
    memset(grown, 0, sizeof *grown);
    grown->key = key;
    grown->first = doc;
    return grown;
}

static int grouped(const struct query *query, const struct edge_json *documents,
                   struct edge_json *rows)
{
    struct group *groups = NULL;
    size_t n = 0;
    int rc = 0;

    if (query->ngroups == 0 && edge_json_len(documents) == 0) {
        struct group none = {0};

        return edge_json_append(rows, group_row(query, &none));
    }
    for (size_t i = 0; i < edge_json_len(documents) && rc == 0; i++) {
        const struct edge_json *doc = edge_json_at(documents, i);
        char *key = group_key(query, doc);
        struct group *g = key ? group_for(&groups, &n, key, doc) : NULL;

        if (g)
            feed(query, g, doc);
        else
            rc = -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        if (rc == 0)
            rc = edge_json_append(rows, group_row(query, &groups[i]));
        free(groups[i].key);
    }
    free(groups);
    return rc;
}

struct sorted {
    const struct query *query;
    const struct edge_json *doc;
    size_t place;
};

static int by_order(const void *a, const void *b)
{
    const struct sorted *x = a;
    const struct sorted *y = b;

    for (size_t i = 0; i < x->query->norders; i++) {
        const struct query_order *order = &x->query->orders[i];
        struct value v = walk(order->path, x->doc);
        struct value w = walk(order->path, y->doc);
        int way = (v.kind != V_UNDEFINED) - (w.kind != V_UNDEFINED);

        if (way == 0 && v.kind != V_UNDEFINED)
            way = compare(&v, &w);
        if (way != 0 && way != UNORDERED)
            return order->descending ? -way : way;
    }
    return (x->place > y->place) - (x->place < y->place);
}

static int projected(const struct query *query, const struct edge_json *documents,
                     struct edge_json *rows)
{
    size_t n = edge_json_len(documents);
    struct sorted *all = calloc(n + 1, sizeof *all);
    int rc = all ? 0 : -ENOMEM;

    for (size_t i = 0; i < n && rc == 0; i++)
        all[i] = (struct sorted){query, edge_json_at(documents, i), i};
    if (rc == 0 && query->norders > 0)
        qsort(all, n, sizeof *all, by_order);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = edge_json_append(rows, query_project(query, all[i].doc));
    free(all);
    return rc;
}

int query_finish(const struct query *query, const struct edge_json *documents,
                 struct edge_json **ret)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *rows = edge_json_new_array();
    bool groups = query->ngroups > 0;
    int rc;

    if (!rows)
        return -ENOMEM;
    for (size_t i = 0; i < query->nitems; i++)
        groups = groups || query->items[i].aggregate != AGG_NONE;
    rc = groups ? grouped(query, documents, rows) : projected(query, documents, rows);
    if (rc == 0)
        *ret = EDGE_TAKE(rows);
    return rc;
}
