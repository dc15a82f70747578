/* What is wrong, where, and what probably was meant. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/routing/compile.h"

int route_shown(struct route_span text)
{
    size_t len = text.len < 60 ? text.len : 60;

    while (len < text.len && len > 0 && ((unsigned char) text.data[len] & 0xc0) == 0x80)
        len--;
    return (int) len;
}

static void place_error(const struct route_parser *p, struct edge_err *err, int code,
                        struct route_span where, const char *what)
{
    size_t line = 1;
    size_t column = 1;
    size_t width = 0;

    for (const char *c = p->lexer.text.data; c < where.data; c++) {
        if (*c == '\n')
            line++;
        column = *c == '\n' ? 1 : column + (((unsigned char) *c & 0xc0) != 0x80);
    }
    for (size_t i = 0; i < where.len && where.data[i] != '\n'; i++)
        width += ((unsigned char) where.data[i] & 0xc0) != 0x80;
    edge_fail(err, code, "line %zu, column %zu (%zu:%zu-%zu:%zu): %s", line, column, line, column,
              line, column + (width ? width : 1), what);
}

int route_fail(struct route_parser *p, int code, struct route_span where, const char *fmt, ...)
{
    char what[480];
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    place_error(p, p->err, code, where, what);
    return code;
}

void route_type_error(struct route_parser *p, struct route_span where, const char *fmt, ...)
{
    char what[480];
    va_list args;

    if (p->type_error.code != 0)
        return;
    va_start(args, fmt);
    (void) vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    place_error(p, &p->type_error, EDGE_EINVALID, where, what);
}

void route_advance(struct route_parser *p)
{
    p->token = route_lex(&p->lexer);
}

/* What the mistake probably was. */
static const char *mistake(const struct route_parser *p)
{
    struct route_span text = p->token.text;

    if (p->token.kind == TOKEN_EQ)
        return "; '=' compares, '==' does not exist";
    if (route_span_is(text, "&&"))
        return "; write AND";
    if (route_span_is(text, "!"))
        return "; write NOT, or '!=' without a blank between";
    if (text.len > 1 && strchr("+-*%|", text.data[0]))
        return "; an operator has blanks around it";
    if (p->lexer.commented)
        return "; '/*' and '*/' make a comment of all between them";
    return "";
}

int route_unexpected(struct route_parser *p, const char *expected)
{
    struct route_span text = p->token.text;

    if (p->token.kind == TOKEN_BAD)
        return route_fail(p, EDGE_EINVALID, text, "%s", p->lexer.why);
    if (p->token.kind == TOKEN_END)
        return route_fail(p, EDGE_EINVALID, text, "Syntax error: %s expected, not the end%s",
                          expected, mistake(p));
    return route_fail(p, EDGE_EINVALID, text, "Syntax error: %s expected, not '%.*s'%s", expected,
                      route_shown(text), text.data, mistake(p));
}

int route_expect(struct route_parser *p, enum route_token_kind kind, const char *expected)
{
    if (p->token.kind != kind)
        return route_unexpected(p, expected);
    route_advance(p);
    return 0;
}
