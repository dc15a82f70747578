/* A query as a whole: what is selected, from where, how it is grouped and ordered. */
#include <errno.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "tests/emulator/query/parser.h"

static enum query_aggregate aggregate(const struct query_parser *p)
{
    static const char *const names[] = {
        [AGG_COUNT] = "COUNT", [AGG_SUM] = "SUM", [AGG_AVG] = "AVG",
        [AGG_MIN] = "MIN",     [AGG_MAX] = "MAX",
    };
    struct query_lexer ahead = p->lexer;

    query_lex(&ahead);
    for (size_t i = AGG_COUNT; i < EDGE_ARRAY_LEN(names); i++) {
        if (query_is(p, names[i]) && query_lexer_is(&ahead, "("))
            return (enum query_aggregate) i;
    }
    return AGG_NONE;
}

static void item_name(struct query_parser *p, struct query_item *item)
{
    static const char *const unnamed[] = {"", "count", "sum", "avg", "min", "max"};

    if (query_accept(p, "AS")) {
        if (p->lexer.kind != TOK_WORD)
            query_fail(p, EDGE_EINVALID, "a name is expected here");
        item->name = strndup(p->lexer.text, p->lexer.len);
        query_lex(&p->lexer);
    } else if (p->rc == 0) {
        item->name =
            edge_strdup(item->aggregate == AGG_NONE ? item->path->steps[item->path->nsteps - 1]
                                                    : unnamed[item->aggregate]);
    }
    if (p->rc == 0 && !item->name)
        query_fail(p, -ENOMEM, "out of memory");
}

static void select_item(struct query_parser *p)
{
    struct query_item *item;

    if (p->query->nitems == QUERY_ITEMS_MAX) {
        query_fail(p, EDGE_ELIMIT, "too many properties are selected");
        return;
    }
    item = &p->query->items[p->query->nitems++];
    item->aggregate = aggregate(p);
    if (item->aggregate == AGG_NONE) {
        item->path = query_path(p);
    } else {
        query_lex(&p->lexer);
        query_expect(p, "(");
        if (item->aggregate != AGG_COUNT || (!query_accept(p, "*") && !query_is(p, ")")))
            item->path = query_path(p);
        query_expect(p, ")");
    }
    item_name(p, item);
}

static int64_t top(struct query_parser *p)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *value = NULL;

    if (p->lexer.kind != TOK_NUMBER ||
        edge_json_parse(p->lexer.text, p->lexer.len, &value, NULL) < 0 ||
        !edge_json_is(value, EDGE_JSON_INT) || edge_json_int(value, -1) < 0) {
        query_fail(p, EDGE_EINVALID, "a number from 0 on is expected here");
        return -1;
    }
    return edge_json_int(value, -1);
}

static void select_clause(struct query_parser *p)
{
    query_expect(p, "SELECT");
    if (query_accept(p, "TOP")) {
        bool paren = query_accept(p, "(");

        p->query->top = top(p);
        query_lex(&p->lexer);
        if (paren)
            query_expect(p, ")");
    }
    if (query_accept(p, "*")) {
        p->query->star = true;
        return;
    }
    do {
        select_item(p);
    } while (query_accept(p, ","));
}

static void from_clause(struct query_parser *p)
{
    query_expect(p, "FROM");
    if (query_accept(p, "enrollments") || query_accept(p, "enrollmentGroups")) {
        p->query->source = QUERY_ENROLLMENTS;
        return;
    }
    if (!query_is(p, "devices"))
        query_fail(p, EDGE_EINVALID, "devices, devices.modules or devices.jobs is expected here");
    query_lex(&p->lexer);
    if (!query_accept(p, "."))
        return;
    if (query_accept(p, "modules"))
        p->query->source = QUERY_MODULES;
    else if (query_accept(p, "jobs"))
        p->query->source = QUERY_JOBS;
    else
        query_fail(p, EDGE_EINVALID, "modules or jobs is expected here");
}

static void group_clause(struct query_parser *p)
{
    query_expect(p, "BY");
    do {
        if (p->query->ngroups == QUERY_ITEMS_MAX)
            query_fail(p, EDGE_ELIMIT, "too many groups");
        else
            p->query->groups[p->query->ngroups++] = query_path(p);
    } while (query_accept(p, ","));
}

static void order_clause(struct query_parser *p)
{
    query_expect(p, "BY");
    do {
        struct query_order *order = &p->query->orders[p->query->norders];

        if (p->query->norders == QUERY_ITEMS_MAX) {
            query_fail(p, EDGE_ELIMIT, "too many properties to order by");
            return;
        }
        p->query->norders++;
        order->path = query_path(p);
        order->descending = query_accept(p, "DESC");
        if (!order->descending)
            query_accept(p, "ASC");
    } while (query_accept(p, ","));
}

static void whole(struct query_parser *p)
{
    select_clause(p);
    from_clause(p);
    if (query_accept(p, "WHERE"))
        p->query->where = query_condition(p);
    if (query_accept(p, "GROUP"))
        group_clause(p);
    if (query_accept(p, "ORDER"))
        order_clause(p);
}

static void target(struct query_parser *p)
{
    p->query->star = true;
    if (query_accept(p, "*") || p->lexer.kind == TOK_END)
        return;
    p->query->where = query_condition(p);
}

static int parse(const char *text, size_t len, void (*grammar)(struct query_parser *p),
                 struct query **ret, struct edge_err *err)
{
    EDGE_CLEANUP(query_free) struct query *query = calloc(1, sizeof *query);
    struct query_parser p = {.lexer = {.at = text, .end = text + len}, .text = text, .err = err};

    if (!query)
        return -ENOMEM;
    if (len > QUERY_TEXT_MAX)
        return edge_fail(err, EDGE_ELIMIT, "the query is longer than %d bytes", QUERY_TEXT_MAX);
    query->nodes = calloc(QUERY_NODES_MAX, sizeof(struct query_node *));
    if (!query->nodes)
        return -ENOMEM;
    query->top = -1;
    p.query = query;
    query_lex(&p.lexer);
    grammar(&p);
    if (p.rc == 0 && p.lexer.kind != TOK_END)
        query_fail(&p, EDGE_EINVALID, "nothing is expected here");
    if (p.rc < 0)
        return p.rc;
    *ret = EDGE_TAKE(query);
    return 0;
}

int query_parse(const char *text, size_t len, struct query **ret, struct edge_err *err)
{
    return parse(text, len, whole, ret, err);
}

int query_parse_condition(const char *text, size_t len, struct query **ret, struct edge_err *err)
{
    return parse(text, len, target, ret, err);
}

static void free_node(struct query_node *node)
{
    edge_json_free(node->value);
    for (size_t i = 0; i < node->nsteps; i++)
        free(node->steps[i]);
    free(node->steps);
    free(node->args);
    free(node);
}

struct query *query_free(struct query *query)
{
    if (!query)
        return NULL;
    for (size_t i = 0; i < query->nnodes; i++)
        free_node(query->nodes[i]);
    for (size_t i = 0; i < query->nitems; i++)
        free(query->items[i].name);
    free(query->nodes);
    free(query);
    return NULL;
}

enum query_source query_source(const struct query *query)
{
    return query->source;
}

bool query_is_star(const struct query *query)
{
    return query->star;
}

int64_t query_top(const struct query *query)
{
    return query->top;
}

bool query_needs_all(const struct query *query)
{
    for (size_t i = 0; i < query->nitems; i++) {
        if (query->items[i].aggregate != AGG_NONE)
            return true;
    }
    return query->ngroups > 0 || query->norders > 0;
}
