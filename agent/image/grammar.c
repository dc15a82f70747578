#include "agent/image/grammar.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TAG = 128 };

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* [A-Za-z0-9] with - inside, up to @p len. */
static bool is_label(const char *text, size_t len)
{
    if (len == 0 || text[0] == '-' || text[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_alnum(text[i]) && text[i] != '-')
            return false;
    }
    return true;
}

static bool is_dotted_name(const char *text, size_t len)
{
    while (len > 0) {
        const char *dot = memchr(text, '.', len);
        size_t part = dot ? (size_t) (dot - text) : len;

        if (!is_label(text, part))
            return false;
        if (!dot)
            return true;
        text += part + 1;
        len -= part + 1;
    }
    return false;
}

static bool is_bracketed(const char *text, size_t len)
{
    if (len < 4 || text[0] != '[' || text[len - 1] != ']')
        return false;
    for (size_t i = 1; i < len - 1; i++) {
        if (!isxdigit((unsigned char) text[i]) && text[i] != ':')
            return false;
    }
    return true;
}

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    long port = digits > 0 && digits <= 5 ? strtol(text, NULL, 10) : 0;

    return text[digits] == '\0' && port > 0 && port < 65536;
}

bool agent_grammar_registry(const char *text)
{
    const char *close = strchr(text, ']');
    const char *colon = strchr(close ? close : text, ':');
    size_t host = colon ? (size_t) (colon - text) : strlen(text);

    if (colon && !is_port(colon + 1))
        return false;
    return is_dotted_name(text, host) || is_bracketed(text, host);
}

/* Lower-case letters and digits, with ".", "_", "__" or any number of "-" between them. */
static bool is_path_component(const char *text, size_t len)
{
    size_t i = 0;

    while (i < len) {
        size_t run = 0;

        if (!is_lower_alnum(text[i]))
            return false;
        while (i < len && is_lower_alnum(text[i]))
            i++;
        if (i == len)
            return true;
        while (i + run < len && text[i + run] == text[i])
            run++;
        if (!strchr("._-", text[i]) || (text[i] == '.' && run > 1) || (text[i] == '_' && run > 2))
            return false;
        i += run;
    }
    return false;
}

bool agent_grammar_repository(const char *text)
{
    for (;;) {
        size_t len = strcspn(text, "/");

        if (!is_path_component(text, len))
            return false;
        if (text[len] == '\0')
            return true;
        text += len + 1;
    }
}

bool agent_grammar_tag(const char *text)
{
    size_t len = strlen(text);

    if (len == 0 || len > MAX_TAG || (!is_alnum(text[0]) && text[0] != '_'))
        return false;
    for (size_t i = 1; i < len; i++) {
        if (!is_alnum(text[i]) && !strchr("_.-", text[i]))
            return false;
    }
    return true;
}

bool agent_grammar_has_upper(const char *text)
{
    for (; *text; text++) {
        if (isupper((unsigned char) *text))
            return true;
    }
    return false;
}
