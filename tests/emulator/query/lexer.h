/* tests/emulator/query/lexer.h - the words of a query. */
#ifndef TESTS_EMULATOR_QUERY_LEXER_H
#define TESTS_EMULATOR_QUERY_LEXER_H

#include <stdbool.h>
#include <stddef.h>

enum query_token {
    TOK_END,
    TOK_WORD,
    TOK_STRING, /* between its quotes, still escaped */
    TOK_NUMBER,
    TOK_RAW, /* between [[ and ]] */
    TOK_MARK,
    TOK_BAD,
};
struct query_lexer {
    const char *at, *end;
    enum query_token kind;
    const char *text;
    size_t len;
    const char *start; /* of the token, quotes included */
};
/** Read the next token into kind, text and len. */
void query_lex(struct query_lexer *lexer);
/** Is the token this word (any case) or mark? */
bool query_lexer_is(const struct query_lexer *lexer, const char *word);

#endif
