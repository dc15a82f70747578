/* Conditions and paths, from the words to the tree. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "tests/emulator/query/parser.h"

void query_fail(struct query_parser *p, int rc, const char *what)
{
    if (p->rc == 0)
        p->rc = edge_fail(p->err, rc, "the query is wrong at character %zu: %s",
                          (size_t) (p->lexer.start - p->text) + 1, what);
}

bool query_is(const struct query_parser *p, const char *word)
{
    return query_lexer_is(&p->lexer, word);
}

bool query_accept(struct query_parser *p, const char *word)
{
    if (p->rc < 0 || !query_is(p, word))
        return false;
    query_lex(&p->lexer);
    return true;
}

void query_expect(struct query_parser *p, const char *word)
{
    if (!query_accept(p, word)) {
        char what[48];

        snprintf(what, sizeof what, "%s is expected here", word);
        query_fail(p, EDGE_EINVALID, what);
    }
}

static struct query_node *node(struct query_parser *p, enum query_op op)
{
    struct query *q = p->query;
    struct query_node *made;

    if (p->rc < 0)
        return NULL;
    if (q->nnodes == QUERY_NODES_MAX) {
        query_fail(p, EDGE_ELIMIT, "it is too long");
        return NULL;
    }
    made = calloc(1, sizeof *made);
    if (!made) {
        query_fail(p, -ENOMEM, "out of memory");
        return NULL;
    }
    made->op = op;
    q->nodes[q->nnodes++] = made;
    return made;
}

static void add_arg(struct query_parser *p, struct query_node *parent, struct query_node *arg)
{
    struct query_node **grown;

    if (p->rc < 0 || !parent)
        return;
    grown = realloc(parent->args, (parent->nargs + 1) * sizeof *grown);
    if (!grown) {
        query_fail(p, -ENOMEM, "out of memory");
        return;
    }
    parent->args = grown;
    grown[parent->nargs++] = arg;
}

static struct query_node *pair(struct query_parser *p, enum query_op op, struct query_node *left,
                               struct query_node *right)
{
    struct query_node *made = node(p, op);

    add_arg(p, made, left);
    add_arg(p, made, right);
    return made;
}

static void add_step(struct query_parser *p, struct query_node *path)
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
        query_fail(p, -ENOMEM, "out of memory");
        return;
    }
    grown[path->nsteps++] = step;
    query_lex(&p->lexer);
}

/* "[0]", "['name']"; "[[name]]" is one token. */
static void bracket(struct query_parser *p, struct query_node *path)
{
    if (p->lexer.kind != TOK_NUMBER && p->lexer.kind != TOK_STRING)
        query_fail(p, EDGE_EINVALID, "an index or a name is expected here");
    add_step(p, path);
    query_expect(p, "]");
}

struct query_node *query_path(struct query_parser *p)
{
    struct query_node *made = node(p, OP_PATH);

    if (p->lexer.kind != TOK_WORD && p->lexer.kind != TOK_RAW)
        query_fail(p, EDGE_EINVALID, "a property is expected here");
    add_step(p, made);
    while (p->rc == 0) {
        if (query_accept(p, "[")) {
            bracket(p, made);
        } else if (query_accept(p, ".")) {
            if (p->lexer.kind != TOK_WORD && p->lexer.kind != TOK_RAW &&
                p->lexer.kind != TOK_NUMBER)
                query_fail(p, EDGE_EINVALID, "a name is expected here");
            add_step(p, made);
        } else if (p->lexer.kind == TOK_RAW) {
            add_step(p, made);
        } else {
            break;
        }
    }
    return made;
}

static struct query_node *literal(struct query_parser *p, struct edge_json *value, bool must)
{
    struct query_node *made = node(p, OP_LITERAL);

    if (!made || (must && !value)) {
        edge_json_free(value);
        query_fail(p, -ENOMEM, "out of memory");
        return NULL;
    }
    made->value = value;
    query_lex(&p->lexer);
    return made;
}

static struct query_node *string(struct query_parser *p)
{
    const char *text = p->lexer.text;
    char *plain = malloc(p->lexer.len + 1);
    size_t len = 0;
    struct query_node *made;

    if (!plain) {
        query_fail(p, -ENOMEM, "out of memory");
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

static struct query_node *number(struct query_parser *p)
{
    struct edge_json *value = NULL;

    if (edge_json_parse(p->lexer.text, p->lexer.len, &value, NULL) < 0) {
        query_fail(p, EDGE_EINVALID, "this is no number");
        return NULL;
    }
    return literal(p, value, true);
}

/* Each from its token to its end; @p end is the mark that closes. */
static void list(struct query_parser *p, struct query_node *parent, const char *end)
{
    if (query_accept(p, end))
        return;
    do {
        add_arg(p, parent, query_condition(p));
    } while (query_accept(p, ","));
    query_expect(p, end);
}

static struct query_node *call(struct query_parser *p, int function, size_t nargs)
{
    struct query_node *made = node(p, OP_CALL);

    query_lex(&p->lexer);
    query_expect(p, "(");
    if (!made)
        return NULL;
    made->function = function;
    list(p, made, ")");
    if (p->rc == 0 && made->nargs != nargs)
        query_fail(p, EDGE_EINVALID, "the function before has another number of arguments");
    return made;
}

static struct query_node *word(struct query_parser *p)
{
    struct query_lexer ahead = p->lexer;
    size_t nargs = 0;
    int function;

    query_lex(&ahead);
    if (query_lexer_is(&ahead, "(")) {
        function = query_function(p->lexer.text, p->lexer.len, &nargs);
        if (function < 0) {
            query_fail(p, EDGE_EUNSUPPORTED, "no function has this name");
            return NULL;
        }
        return call(p, function, nargs);
    }
    if (query_is(p, "true") || query_is(p, "false"))
        return literal(p, edge_json_new_bool(query_is(p, "true")), true);
    if (query_is(p, "null"))
        return literal(p, NULL, false);
    return query_path(p);
}

static struct query_node *operand(struct query_parser *p)
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
    if (query_accept(p, "(")) {
        made = query_condition(p);
        query_expect(p, ")");
        return made;
    }
    if (query_accept(p, "[")) {
        made = node(p, OP_ARRAY);
        list(p, made, "]");
        return made;
    }
    query_fail(p, EDGE_EINVALID, "a value or a property is expected here");
    return NULL;
}

static struct query_node *negated(struct query_parser *p, struct query_node *arg)
{
    struct query_node *made = node(p, OP_NOT);

    add_arg(p, made, arg);
    return made;
}

static struct query_node *comparison(struct query_parser *p)
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
        if (query_accept(p, marks[i].mark))
            return pair(p, marks[i].op, left, operand(p));
    }
    if (query_accept(p, "NIN"))
        return negated(p, pair(p, OP_IN, left, operand(p)));
    if (query_accept(p, "NOT")) {
        query_expect(p, "IN");
        return negated(p, pair(p, OP_IN, left, operand(p)));
    }
    return left;
}

static struct query_node *negation(struct query_parser *p)
{
    struct query_node *made;

    if (!query_accept(p, "NOT"))
        return comparison(p);
    if (++p->depth > QUERY_DEPTH_MAX)
        query_fail(p, EDGE_ELIMIT, "it is nested too deeply");
    made = p->rc == 0 ? negated(p, negation(p)) : NULL;
    p->depth--;
    return made;
}

static struct query_node *conjunction(struct query_parser *p)
{
    struct query_node *left = negation(p);

    while (query_accept(p, "AND"))
        left = pair(p, OP_AND, left, negation(p));
    return left;
}

struct query_node *query_condition(struct query_parser *p)
{
    struct query_node *left;

    if (++p->depth > QUERY_DEPTH_MAX)
        query_fail(p, EDGE_ELIMIT, "it is nested too deeply");
    left = p->rc == 0 ? conjunction(p) : NULL;
    while (query_accept(p, "OR"))
        left = pair(p, OP_OR, left, conjunction(p));
    p->depth--;
    return left;
}
