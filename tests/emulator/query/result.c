#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"
#include "tests/emulator/query/value.h"

static struct edge_json *copy_of(const struct query_value *v)
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
        struct query_value v = query_walk(query->items[i].path, document);

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
        struct query_value v;
        double number = 0;

        if (query->items[i].aggregate == AGG_NONE || !query->items[i].path)
            continue;
        v = query_walk(query->items[i].path, doc);
        if (v.kind == V_UNDEFINED)
            continue;
        if (query->items[i].aggregate != AGG_COUNT && !query_number_of(&v, &number))
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
        struct query_value v;

        if (item->aggregate != AGG_NONE) {
            edge_ignore(edge_json_set(row, item->name, aggregate(item, g, i)));
            continue;
        }
        v = g->first ? query_walk(item->path, g->first) : (struct query_value){.kind = V_UNDEFINED};
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
        struct query_value v = query_walk(query->groups[i], doc);

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
        struct query_value v = query_walk(order->path, x->doc);
        struct query_value w = query_walk(order->path, y->doc);
        int way = (v.kind != V_UNDEFINED) - (w.kind != V_UNDEFINED);

        if (way == 0 && v.kind != V_UNDEFINED)
            way = query_compare(&v, &w);
        if (way != 0 && way != QUERY_UNORDERED)
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
