/* tests/emulator/query/parser.h - a query being parsed: its words, and what both halves of the
 * grammar share. After the first error nothing is accepted any more. */
#ifndef TESTS_EMULATOR_QUERY_PARSER_H
#define TESTS_EMULATOR_QUERY_PARSER_H

#include "tests/emulator/query/ast.h"
#include "tests/emulator/query/lexer.h"

struct query_parser {
    struct query_lexer lexer;
    const char *text;
    struct query *query;
    struct edge_err *err;
    int rc; /* sticky */
    unsigned depth;
};

/** Only the first one counts; told with its place. */
void query_fail(struct query_parser *p, int rc, const char *what);
bool query_is(const struct query_parser *p, const char *word);
/** Take this word, if it is the next one. */
bool query_accept(struct query_parser *p, const char *word);
void query_expect(struct query_parser *p, const char *word);

/* condition.c: nodes belong to the query; NULL after an error. */

struct query_node *query_path(struct query_parser *p);
struct query_node *query_condition(struct query_parser *p);

#endif
