#include "tests/emulator/query/lexer.h"

#include <string.h>
#include <strings.h>

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
           (unsigned char) c >= 0x80;
}

/* A hyphen belongs to a name: the language has no subtraction. */
static bool word_char(char c)
{
    return word_start(c) || digit(c) || c == '-';
}

static void take(struct query_lexer *l, enum query_token kind, const char *text, size_t len,
                 const char *next)
{
    l->kind = kind;
    l->text = text;
    l->len = len;
    l->at = next;
}

static void string(struct query_lexer *l)
{
    const char quote = *l->at;
    const char *p = l->at + 1;

    for (; p < l->end; p++) {
        if (p + 1 < l->end && (*p == '\\' || (*p == quote && p[1] == quote)))
            p++;
        else if (*p == quote)
            break;
    }
    if (p < l->end)
        take(l, TOK_STRING, l->at + 1, (size_t) (p - l->at - 1), p + 1);
    else
        take(l, TOK_BAD, l->at, 1, l->end);
}

static void number(struct query_lexer *l)
{
    const char *p = l->at;

    p += *p == '-';
    while (p < l->end && (digit(*p) || *p == '.'))
        p++;
    if (p < l->end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < l->end && (*p == '+' || *p == '-');
        while (p < l->end && digit(*p))
            p++;
    }
    take(l, TOK_NUMBER, l->at, (size_t) (p - l->at), p);
}

static void raw(struct query_lexer *l)
{
    const char *p = l->at + 2;

    while (p + 1 < l->end && (p[0] != ']' || p[1] != ']'))
        p++;
    if (p + 1 < l->end)
        take(l, TOK_RAW, l->at + 2, (size_t) (p - l->at - 2), p + 2);
    else
        take(l, TOK_BAD, l->at, 2, l->end);
}

static void mark(struct query_lexer *l)
{
    static const char *const two[] = {"==", "!=", "<>", "<=", ">="};

    for (size_t i = 0; i < sizeof two / sizeof two[0]; i++) {
        if (l->end - l->at >= 2 && memcmp(l->at, two[i], 2) == 0) {
            take(l, TOK_MARK, l->at, 2, l->at + 2);
            return;
        }
    }
    take(l, strchr("=<>(),.[]*", *l->at) && *l->at ? TOK_MARK : TOK_BAD, l->at, 1, l->at + 1);
}

static void word(struct query_lexer *l)
{
    const char *p = l->at;

    while (p < l->end && word_char(*p))
        p++;
    take(l, TOK_WORD, l->at, (size_t) (p - l->at), p);
}

void query_lex(struct query_lexer *l)
{
    while (l->at < l->end && strchr(" \t\r\n", *l->at) && *l->at)
        l->at++;
    l->start = l->at;
    if (l->at == l->end)
        take(l, TOK_END, l->at, 0, l->at);
    else if (*l->at == '\'' || *l->at == '"')
        string(l);
    else if (digit(*l->at) || (*l->at == '-' && l->end - l->at > 1 && digit(l->at[1])))
        number(l);
    else if (l->end - l->at > 1 && l->at[0] == '[' && l->at[1] == '[')
        raw(l);
    else if (word_start(*l->at))
        word(l);
    else
        mark(l);
}

bool query_lexer_is(const struct query_lexer *l, const char *text)
{
    return (l->kind == TOK_WORD || l->kind == TOK_MARK) && l->len == strlen(text) &&
           strncasecmp(l->text, text, l->len) == 0;
}
