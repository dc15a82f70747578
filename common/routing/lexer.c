#include "common/routing/lexer.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/routing/text.h"

bool route_span_is(struct route_span span, const char *word)
{
    return strlen(word) == span.len && strncasecmp(span.data, word, span.len) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool in_path(char c) /* of a $ word */
{
    return c != '\0' && !is_blank(c) && !strchr("()<>@,;:\\\"/?={}", c);
}

static bool in_name(char c)
{
    return in_path(c) && c != '[' && c != ']';
}

static size_t run(struct route_span rest, bool (*in)(char c))
{
    size_t len = 0;

    while (len < rest.len && in(rest.data[len]))
        len++;
    return len;
}

static struct route_span rest_of(const struct route_lexer *lexer)
{
    return (struct route_span){lexer->text.data + lexer->at, lexer->text.len - lexer->at};
}

/* A comment ends; one that does not is a path's slash and star. */
static size_t comment(struct route_span rest)
{
    const char *end;

    if (rest.len < 4 || rest.data[0] != '/' || rest.data[1] != '*')
        return 0;
    end = memmem(rest.data + 2, rest.len - 2, "*/", 2);
    return end ? (size_t) (end - rest.data) + 2 : 0;
}

static void skip_blanks(struct route_lexer *lexer)
{
    for (;;) {
        struct route_span rest = rest_of(lexer);
        size_t len = run(rest, is_blank);

        if (len == 0) {
            len = comment(rest);
            lexer->commented = lexer->commented || len > 0;
        }
        if (len == 0)
            return;
        lexer->at += len;
    }
}

static struct route_token bad(struct route_lexer *lexer, struct route_span rest, size_t len,
                              const char *why)
{
    (void) snprintf(lexer->why, sizeof lexer->why, "%s", why);
    return (struct route_token){TOKEN_BAD, {rest.data, len}};
}

static struct route_token bad_symbol(struct route_lexer *lexer, struct route_span rest)
{
    size_t len = edge_utf8_char(rest.data, rest.len);

    len = len ? len : 1;
    (void) snprintf(lexer->why, sizeof lexer->why, "Syntax error: invalid symbol '%.*s'", (int) len,
                    rest.data);
    return (struct route_token){TOKEN_BAD, {rest.data, len}};
}

/* -?digits, -?digits*.digits with or without e±n, -?digits*e±n */
static bool is_decimal(struct route_span word)
{
    size_t at = word.data[0] == '-' ? 1 : 0;
    size_t whole = route_digits(word, at);
    size_t fraction = 0;

    at += whole;
    if (at < word.len && word.data[at] == '.') {
        fraction = route_digits(word, at + 1);
        if (fraction == 0)
            return false;
        at += 1 + fraction;
    }
    if (at == word.len)
        return whole + fraction > 0;
    if (word.data[at] != 'e' && word.data[at] != 'E')
        return false;
    at++;
    if (at < word.len && (word.data[at] == '+' || word.data[at] == '-'))
        at++;
    return at < word.len && route_digits(word, at) == word.len - at;
}

static bool is_hex(struct route_span word)
{
    if (word.len < 3 || word.data[0] != '0' || (word.data[1] != 'x' && word.data[1] != 'X'))
        return false;
    for (size_t i = 2; i < word.len; i++) {
        if (route_hex_digit(word.data[i]) < 0)
            return false;
    }
    return true;
}

static const struct word {
    const char *text;
    enum route_token_kind kind;
    bool exact; /* only in lower case */
} words[] = {
    {"SELECT", TOKEN_SELECT, false},
    {"FROM", TOKEN_FROM, false},
    {"WHERE", TOKEN_WHERE, false},
    {"INTO", TOKEN_INTO, false},
    {"AND", TOKEN_AND, false},
    {"OR", TOKEN_OR, false},
    {"NOT", TOKEN_NOT, false},
    {"true", TOKEN_TRUE, true},
    {"false", TOKEN_FALSE, true},
    {"null", TOKEN_NULL, true},
    {"+", TOKEN_PLUS, true},
    {"-", TOKEN_MINUS, true},
    {"undefined", TOKEN_UNDEFINED, true},
    {"*", TOKEN_STAR, true},
    {"%", TOKEN_PERCENT, true},
    {"||", TOKEN_CONCAT, true},
};

static enum route_token_kind kind_of(struct route_span word)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (route_span_is(word, words[i].text) &&
            (!words[i].exact || memcmp(word.data, words[i].text, word.len) == 0))
            return words[i].kind;
    }
    return is_decimal(word) || is_hex(word) ? TOKEN_NUMBER : TOKEN_NAME;
}

const char *route_swallowed(struct route_span name)
{
    static const char *const operators[] = {"||", "+", "*", "%", "-"};

    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (name.len > 0 && memmem(name.data, name.len, operators[i], strlen(operators[i])))
            return operators[i];
    }
    return NULL;
}

/* A name, a number, a keyword, an operator of letters, a $ word: a run of their characters. */
static struct route_token lex_run(struct route_lexer *lexer, struct route_span rest)
{
    size_t path = run(rest, in_path);
    size_t name = run(rest, in_name);
    bool dollar = rest.data[0] == '$' && path > 1;
    struct route_span word = {rest.data, dollar ? path : name};
    bool before_eq = word.len < rest.len && rest.data[word.len] == '=';

    if (!dollar && path > name)
        return bad_symbol(lexer, (struct route_span){rest.data + name, rest.len - name});
    if (before_eq && word.len == 1 && word.data[0] == '!')
        return (struct route_token){TOKEN_NE, {word.data, 2}};
    if (before_eq && word.data[word.len - 1] == '!')
        return bad(lexer, rest, word.len,
                   "Syntax error: the '!' belongs to this name; put a blank before '!='");
    if (word.len > 2 && memmem(word.data, word.len, "||", 2))
        return bad(lexer, rest, word.len,
                   "Syntax error: the '||' belongs to this name; put blanks around '||'");
    return (struct route_token){dollar ? TOKEN_DOLLAR : kind_of(word), word};
}

/* Length of the escape at @p at, 0 when it is none. */
static size_t escape(struct route_span rest, size_t at)
{
    if (at + 1 >= rest.len)
        return 0;
    if (strchr("\"'\\", rest.data[at + 1]))
        return 2;
    if (rest.data[at + 1] != 'u' || at + 6 > rest.len)
        return 0;
    for (size_t i = at + 2; i < at + 6; i++) {
        if (route_hex_digit(rest.data[i]) < 0)
            return 0;
    }
    return 6;
}

static struct route_token lex_string(struct route_lexer *lexer, struct route_span rest)
{
    char quote = rest.data[0];
    size_t at = 1;

    while (at < rest.len && rest.data[at] != quote) {
        size_t step = rest.data[at] == '\\' ? escape(rest, at) : 1;

        if (step == 0)
            return bad(lexer, (struct route_span){rest.data + at, rest.len - at}, 1,
                       "Syntax error: invalid escape; \\\" \\' \\\\ and \\uXXXX there are");
        at += step;
    }
    if (at == rest.len)
        return bad(lexer, rest, rest.len, "Syntax error: unterminated string");
    /* 'a'||'b' would be one name, which nobody means. */
    if (quote == '\'' && run(rest, in_name) > at + 1)
        return bad(lexer, rest, run(rest, in_name),
                   "Syntax error: this is one name; put a blank behind the string");
    return (struct route_token){TOKEN_STRING, {rest.data, at + 1}};
}

static const struct word symbols[] = {
    {"<=", TOKEN_LE, true},        {"<>", TOKEN_NE, true},         {">=", TOKEN_GE, true},
    {"??", TOKEN_COALESCE, true},  {"<", TOKEN_LT, true},          {">", TOKEN_GT, true},
    {"=", TOKEN_EQ, true},         {"(", TOKEN_OPEN, true},        {")", TOKEN_CLOSE, true},
    {"{", TOKEN_OPEN_BRACE, true}, {"}", TOKEN_CLOSE_BRACE, true}, {",", TOKEN_COMMA, true},
    {"/", TOKEN_SLASH, true},
};

static struct route_token lex_word(struct route_lexer *lexer, struct route_span rest)
{
    if (rest.data[0] == '"' || rest.data[0] == '\'')
        return lex_string(lexer, rest);
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        size_t len = strlen(symbols[i].text);

        if (rest.len >= len && memcmp(rest.data, symbols[i].text, len) == 0)
            return (struct route_token){symbols[i].kind, {rest.data, len}};
    }
    return in_name(rest.data[0]) ? lex_run(lexer, rest) : bad_symbol(lexer, rest);
}

struct route_token route_lex(struct route_lexer *lexer)
{
    struct route_token token;
    struct route_span rest;

    skip_blanks(lexer);
    rest = rest_of(lexer);
    if (rest.len == 0)
        return (struct route_token){TOKEN_END, rest};
    token = lex_word(lexer, rest);
    if (token.kind != TOKEN_BAD)
        lexer->at += token.text.len;
    return token;
}

static uint32_t unit_at(const char *hex)
{
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++)
        unit = unit * 16 + (uint32_t) route_hex_digit(hex[i]);
    return unit;
}

long route_unquote(struct route_span token, char *out)
{
    struct route_span inner = {token.data + 1, token.len - 2};
    size_t len = 0;

    for (size_t at = 0; at < inner.len;) {
        size_t step = inner.data[at] == '\\' ? escape(inner, at) : 1;
        uint32_t unit;

        if (step < 6) {
            out[len++] = inner.data[at + step - 1];
            at += step;
            continue;
        }
        unit = unit_at(inner.data + at + 2);
        at += step;
        if (route_is_high(unit) && at < inner.len && inner.data[at] == '\\' &&
            escape(inner, at) == 6 && route_is_low(unit_at(inner.data + at + 2))) {
            unit = route_join(unit, unit_at(inner.data + at + 2));
            at += 6;
        }
        if (route_is_high(unit) || route_is_low(unit))
            return -1;
        len += route_put_utf8(unit, out + len);
    }
    return (long) len;
}
