#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/base/bytes.h"
#include "tests/emulator/query/ast.h"
#include "tests/emulator/query/lexer.h"

struct parser {
    struct query_lexer lexer;
    const char *text;
    struct query *query;
    struct edge_err *err;
    int rc; /* sticky */
    unsigned depth;
};

static struct query_node *condition(struct parser *p);

static void fail(struct parser *p, int rc, const char *what)
{
    if (p->rc == 0)
        p->rc = edge_fail(p->err, rc, "the query is wrong at character %zu: %s",
                          (size_t) (p->lexer.start - p->text) + 1, what);
}

static bool is(const struct parser *p, const char *word)
{
    return query_lexer_is(&p->lexer, word);
}

static bool accept(struct parser *p, const char *word)
{
    if (p->rc < 0 || !is(p, word))
        return false;
    query_lex(&p->lexer);
    return true;
}

static void expect(struct parser *p, const char *word)
{
    if (!accept(p, word)) {
        char what[48];

        snprintf(what, sizeof what, "%s is expected here", word);
        fail(p, EDGE_EINVALID, what);
    }
}

static struct query_node *node(struct parser *p, enum query_op op)
{
    struct query *q = p->query;
    struct query_node *made;

    if (p->rc < 0)
        return NULL;
    if (q->nnodes == QUERY_NODES_MAX) {
        fail(p, EDGE_ELIMIT, "it is too long");
        return NULL;
    }
    made = calloc(1, sizeof *made);
    if (!made) {
        fail(p, -ENOMEM, "out of memory");
        return NULL;
    }
    made->op = op;
    q->nodes[q->nnodes++] = made;
    return made;
}

static void add_arg(struct parser *p, struct query_node *parent, struct query_node *arg)
{
    struct query_node **grown;

    if (p->rc < 0 || !parent)
        return;
    grown = realloc(parent->args, (parent->nargs + 1) * sizeof *grown);
    if (!grown) {
        fail(p, -ENOMEM, "out of memory");
        return;
    }
    parent->args = grown;
    grown[parent->nargs++] = arg;
}

static struct query_node *pair(struct parser *p, enum query_op op, struct query_node *left,
                               struct query_node *right)
{
    struct query_node *made = node(p, op);

    add_arg(p, made, left);
    add_arg(p, made, right);
    return made;
}

static void add_step(struct parser *p, struct query_node *path)
{
    char *step;
    char **grown;

    if (p->rc < 0 || !path)
        return;
    step = strndup(p->lexer.text, p->lexer.len);
    grown = realloc(path->steps, (path->nsteps + 1) * sizeof *grown);
    if (grown)
        path->steps = grown;
    if (!step || !grown) {
        free(step);
        fail(p, -ENOMEM, "out of memory");
        return;
    }
    grown[path->nsteps++] = step;
    query_lex(&p->lexer);
}

/* "[0]", "['name']"; "[[name]]" is one token. */
static void bracket(struct parser *p, struct query_node *path)
{
    if (p->lexer.kind != TOK_NUMBER && p->lexer.kind != TOK_STRING)
        fail(p, EDGE_EINVALID, "an index or a name is expected here");
    add_step(p, path);
    expect(p, "]");
}

static struct query_node *path(struct parser *p)
{
    struct query_node *made = node(p, OP_PATH);

    if (p->lexer.kind != TOK_WORD && p->lexer.kind != TOK_RAW)
        fail(p, EDGE_EINVALID, "a property is expected here");
    add_step(p, made);
    while (p->rc == 0) {
        if (accept(p, "[")) {
            bracket(p, made);
        } else if (accept(p, ".")) {
            if (p->lexer.kind != TOK_WORD && p->lexer.kind != TOK_RAW &&
                p->lexer.kind != TOK_NUMBER)
                fail(p, EDGE_EINVALID, "a name is expected here");
            add_step(p, made);
        } else if (p->lexer.kind == TOK_RAW) {
            add_step(p, made);
        } else {
            break;
        }
    }
    return made;
}

static struct query_node *literal(struct parser *p, struct edge_json *value, bool must)
{
    struct query_node *made = node(p, OP_LITERAL);

    if (!made || (must && !value)) {
        edge_json_free(value);
        fail(p, -ENOMEM, "out of memory");
        return NULL;
    }
    made->value = value;
    query_lex(&p->lexer);
    return made;
}

static struct query_node *string(struct parser *p)
{
    const char *text = p->lexer.text;
    char *plain = malloc(p->lexer.len + 1);
    size_t len = 0;
    struct query_node *made;

    if (!plain) {
        fail(p, -ENOMEM, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < p->lexer.len; i++) {
        if (i + 1 < p->lexer.len && (text[i] == '\\' || text[i] == text[-1]))
            i++;
        plain[len++] = text[i];
    }
    made = literal(p, edge_json_new_str_len(plain, len), true);
    free(plain);
    return made;
}

static struct query_node *number(struct parser *p)
{
    struct edge_json *value = NULL;

    if (edge_json_parse(p->lexer.text, p->lexer.len, &value, NULL) < 0) {
        fail(p, EDGE_EINVALID, "this is no number");
        return NULL;
    }
    return literal(p, value, true);
}

/* Each from its token to its end; @p end is the mark that closes. */
static void list(struct parser *p, struct query_node *parent, const char *end)
{
    if (accept(p, end))
        return;
    do {
        add_arg(p, parent, condition(p));
    } while (accept(p, ","));
    expect(p, end);
}

static struct query_node *call(struct parser *p, int function, size_t nargs)
{
    struct query_node *made = node(p, OP_CALL);

    query_lex(&p->lexer);
    expect(p, "(");
    if (!made)
        return NULL;
    made->function = function;
    list(p, made, ")");
    if (p->rc == 0 && made->nargs != nargs)
        fail(p, EDGE_EINVALID, "the function before has another number of arguments");
    return made;
}

static struct query_node *word(struct parser *p)
{
    struct query_lexer ahead = p->lexer;
    size_t nargs = 0;
    int function;

    query_lex(&ahead);
    if (query_lexer_is(&ahead, "(")) {
        function = query_function(p->lexer.text, p->lexer.len, &nargs);
        if (function < 0) {
            fail(p, EDGE_EUNSUPPORTED, "no function has this name");
            return NULL;
        }
        return call(p, function, nargs);
    }
    if (is(p, "true") || is(p, "false"))
        return literal(p, edge_json_new_bool(is(p, "true")), true);
    if (is(p, "null"))
        return literal(p, NULL, false);
    return path(p);
}

static struct query_node *operand(struct parser *p)
{
    struct query_node *made;

    switch (p->lexer.kind) {
    case TOK_STRING:
        return string(p);
    case TOK_NUMBER:
        return number(p);
    case TOK_WORD:
    case TOK_RAW:
        return word(p);
    default:
        break;
    }
    if (accept(p, "(")) {
        made = condition(p);
        expect(p, ")");
        return made;
    }
    if (accept(p, "[")) {
        made = node(p, OP_ARRAY);
        list(p, made, "]");
        return made;
    }
    fail(p, EDGE_EINVALID, "a value or a property is expected here");
    return NULL;
}

static struct query_node *negated(struct parser *p, struct query_node *arg)
{
    struct query_node *made = node(p, OP_NOT);

    add_arg(p, made, arg);
    return made;
}

static struct query_node *comparison(struct parser *p)
{
    static const struct {
        const char *mark;
        enum query_op op;
    } marks[] = {
        {"=", OP_EQ},  {"==", OP_EQ}, {"!=", OP_NE}, {"<>", OP_NE}, {"<=", OP_LE},
        {">=", OP_GE}, {"<", OP_LT},  {">", OP_GT},  {"IN", OP_IN},
    };
    struct query_node *left = operand(p);

    for (size_t i = 0; i < EDGE_ARRAY_LEN(marks); i++) {
        if (accept(p, marks[i].mark))
            return pair(p, marks[i].op, left, operand(p));
    }
    if (accept(p, "NIN"))
        return negated(p, pair(p, OP_IN, left, operand(p)));
    if (accept(p, "NOT")) {
        expect(p, "IN");
        return negated(p, pair(p, OP_IN, left, operand(p)));
    }
    return left;
}

static struct query_node *negation(struct parser *p)
{
    struct query_node *made;

    if (!accept(p, "NOT"))
        return comparison(p);
    if (++p->depth > QUERY_DEPTH_MAX)
        fail(p, EDGE_ELIMIT, "it is nested too deeply");
    made = p->rc == 0 ? negated(p, negation(p)) : NULL;
    p->depth--;
    return made;
}

static struct query_node *conjunction(struct parser *p)
{
    struct query_node *left = negation(p);

    while (accept(p, "AND"))
        left = pair(p, OP_AND, left, negation(p));
    return left;
}

static struct query_node *condition(struct parser *p)
{
    struct query_node *left;

    if (++p->depth > QUERY_DEPTH_MAX)
        fail(p, EDGE_ELIMIT, "it is nested too deeply");
    left = p->rc == 0 ? conjunction(p) : NULL;
    while (accept(p, "OR"))
        left = pair(p, OP_OR, left, conjunction(p));
    p->depth--;
    return left;
}

static enum query_aggregate aggregate(const struct parser *p)
{
    static const char *const names[] = {
        [AGG_COUNT] = "COUNT", [AGG_SUM] = "SUM", [AGG_AVG] = "AVG",
        [AGG_MIN] = "MIN",     [AGG_MAX] = "MAX",
    };
    struct query_lexer ahead = p->lexer;

    query_lex(&ahead);
    for (size_t i = AGG_COUNT; i < EDGE_ARRAY_LEN(names); i++) {
        if (is(p, names[i]) && query_lexer_is(&ahead, "("))
            return (enum query_aggregate) i;
    }
    return AGG_NONE;
}

static void item_name(struct parser *p, struct query_item *item)
{
    static const char *const unnamed[] = {"", "count", "sum", "avg", "min", "max"};

    if (accept(p, "AS")) {
        if (p->lexer.kind != TOK_WORD)
            fail(p, EDGE_EINVALID, "a name is expected here");
        item->name = strndup(p->lexer.text, p->lexer.len);
        query_lex(&p->lexer);
    } else if (p->rc == 0) {
        item->name =
            edge_strdup(item->aggregate == AGG_NONE ? item->path->steps[item->path->nsteps - 1]
                                                    : unnamed[item->aggregate]);
    }
    if (p->rc == 0 && !item->name)
        fail(p, -ENOMEM, "out of memory");
}

static void select_item(struct parser *p)
{
    struct query_item *item;

    if (p->query->nitems == QUERY_ITEMS_MAX) {
        fail(p, EDGE_ELIMIT, "too many properties are selected");
        return;
    }
    item = &p->query->items[p->query->nitems++];
    item->aggregate = aggregate(p);
    if (item->aggregate == AGG_NONE) {
        item->path = path(p);
    } else {
        query_lex(&p->lexer);
        expect(p, "(");
        if (item->aggregate != AGG_COUNT || (!accept(p, "*") && !is(p, ")")))
            item->path = path(p);
        expect(p, ")");
    }
    item_name(p, item);
}

static int64_t top(struct parser *p)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *value = NULL;

    if (p->lexer.kind != TOK_NUMBER ||
        edge_json_parse(p->lexer.text, p->lexer.len, &value, NULL) < 0 ||
        !edge_json_is(value, EDGE_JSON_INT) || edge_json_int(value, -1) < 0) {
        fail(p, EDGE_EINVALID, "a number from 0 on is expected here");
        return -1;
    }
    return edge_json_int(value, -1);
}

static void select_clause(struct parser *p)
{
    expect(p, "SELECT");
    if (accept(p, "TOP")) {
        bool paren = accept(p, "(");

        p->query->top = top(p);
        query_lex(&p->lexer);
        if (paren)
            expect(p, ")");
    }
    if (accept(p, "*")) {
        p->query->star = true;
        return;
    }
    do {
        select_item(p);
    } while (accept(p, ","));
}

static void from_clause(struct parser *p)
{
    expect(p, "FROM");
    if (accept(p, "enrollments") || accept(p, "enrollmentGroups")) {
        p->query->source = QUERY_ENROLLMENTS;
        return;
    }
    if (!is(p, "devices"))
        fail(p, EDGE_EINVALID, "devices, devices.modules or devices.jobs is expected here");
    query_lex(&p->lexer);
    if (!accept(p, "."))
        return;
    if (accept(p, "modules"))
        p->query->source = QUERY_MODULES;
    else if (accept(p, "jobs"))
        p->query->source = QUERY_JOBS;
    else
        fail(p, EDGE_EINVALID, "modules or jobs is expected here");
}

static void group_clause(struct parser *p)
{
    expect(p, "BY");
    do {
        if (p->query->ngroups == QUERY_ITEMS_MAX)
            fail(p, EDGE_ELIMIT, "too many groups");
        else
            p->query->groups[p->query->ngroups++] = path(p);
    } while (accept(p, ","));
}

static void order_clause(struct parser *p)
{
    expect(p, "BY");
    do {
        struct query_order *order = &p->query->orders[p->query->norders];

        if (p->query->norders == QUERY_ITEMS_MAX) {
            fail(p, EDGE_ELIMIT, "too many properties to order by");
            return;
        }
        p->query->norders++;
        order->path = path(p);
        order->descending = accept(p, "DESC");
        if (!order->descending)
            accept(p, "ASC");
    } while (accept(p, ","));
}

static void whole(struct parser *p)
{
    select_clause(p);
    from_clause(p);
    if (accept(p, "WHERE"))
        p->query->where = condition(p);
    if (accept(p, "GROUP"))
        group_clause(p);
    if (accept(p, "ORDER"))
        order_clause(p);
}

static void target(struct parser *p)
{
    p->query->star = true;
    if (accept(p, "*") || p->lexer.kind == TOK_END)
        return;
    p->query->where = condition(p);
}

static int parse(const char *text, size_t len, void (*grammar)(struct parser *p),
                 struct query **ret, struct edge_err *err)
{
    EDGE_CLEANUP(query_free) struct query *query = calloc(1, sizeof *query);
    struct parser p = {.lexer = {.at = text, .end = text + len}, .text = text, .err = err};

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
        fail(&p, EDGE_EINVALID, "nothing is expected here");
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
