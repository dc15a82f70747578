/* common/routing/lexer.h - the words of a route. Pure.
 *
 * A name is a run of any characters but blanks and ( ) < > @ , ; : \ " / [ ] ? = { }: it swallows
 * the operators + - * % || ! that touch it. That is the language; what can only be a mistake is an
 * error here, the rest gets a hint where the types do not fit (types.c). */
#ifndef EDGE_ROUTING_LEXER_H
#define EDGE_ROUTING_LEXER_H

#include <stdbool.h>
#include <stddef.h>

struct route_span {
    const char *data;
    size_t len;
};
#define ROUTE_SPAN(literal)                                                                        \
    (struct route_span)                                                                            \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
/** Letters of ASCII without case. */
bool route_span_is(struct route_span span, const char *word);

enum route_token_kind {
    TOKEN_END,
    TOKEN_BAD, /* no word of the language; the lexer says why */
    TOKEN_NAME,
    TOKEN_DOLLAR, /* $name, $body.path[0], $upstream */
    TOKEN_STRING, /* with its quotes */
    TOKEN_NUMBER,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_NULL,
    TOKEN_UNDEFINED,
    TOKEN_SELECT,
    TOKEN_FROM,
    TOKEN_WHERE,
    TOKEN_INTO,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_OPEN_BRACE,
    TOKEN_CLOSE_BRACE,
    TOKEN_COMMA,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_STAR,
    TOKEN_SLASH,
    TOKEN_PERCENT,
    TOKEN_CONCAT,
    TOKEN_EQ,
    TOKEN_NE,
    TOKEN_LT,
    TOKEN_LE,
    TOKEN_GT,
    TOKEN_GE,
    TOKEN_COALESCE,
    TOKEN_KIND_MAX,
};

struct route_token {
    enum route_token_kind kind;
    struct route_span text;
};

struct route_lexer {
    struct route_span text;
    size_t at;
    bool commented; /* a comment was skipped, which may not have been meant as one */
    char why[200];  /* of TOKEN_BAD */
};

/** The next word; TOKEN_END and TOKEN_BAD stay. */
struct route_token route_lex(struct route_lexer *lexer);

/** Does an operator hide in this name, and which? NULL: none does. "-" is the least suspicious. */
const char *route_swallowed(struct route_span name);

/** Append the value of a string token. @p out holds at least its length.
 * @return length, or -1: an escape is half of a character */
long route_unquote(struct route_span token, char *out);

#endif
