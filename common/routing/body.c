/* The scanner: one walk over the bytes. Skipped parts are checked by the same code, with no node.
 */
#include "common/routing/body.h"

#include <endian.h>
#include <string.h>

#include "common/routing/text.h"

struct scan {
    const char *at;
    const char *end;
    const struct route_node *nodes;
    struct route_value *slots;
    unsigned depth;
    struct route_value unwanted;
};

static bool scan_value(struct scan *s, const struct route_node *node);

/* Bytes that a string holds as they are, one at a time. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* How many of the next eight bytes a string holds as they are, 0 to 8. Bytes that are below 0x20,
 * above 0x7f, a quote or a backslash set their high bit; what a borrow sets by mistake is behind
 * the first of them. */
static size_t plain_of_eight(const char *at)
{
    const uint64_t ones = 0x0101010101010101U;
    uint64_t word;
    uint64_t marks;

    memcpy(&word, at, sizeof word);
    word = le64toh(word);
    marks = word | (word - ones * 0x20) | ((word ^ (ones * '"')) - ones) |
            ((word ^ (ones * '\\')) - ones);
    marks &= ones * 0x80;
    return marks ? (size_t) __builtin_ctzll(marks) / 8 : 8;
}

static const char *skip_plain(const char *at, const char *end)
{
    while (end - at >= 8) {
        size_t plain = plain_of_eight(at);

        at += plain;
        if (plain < 8)
            return at;
    }
    while (at < end && is_plain((unsigned char) *at))
        at++;
    return at;
}

static void space(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
}

static bool take(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

/* Behind a backslash. */
static bool scan_escape(struct scan *s)
{
    char c;

    if (s->end - s->at < 2)
        return false;
    c = s->at[1];
    s->at += 2;
    if (c != 'u')
        return c != '\0' && strchr("\"\\/bfnrt", c);
    for (int i = 0; i < 4; i++) {
        if (s->at == s->end || route_hex_digit(*s->at) < 0)
            return false;
        s->at++;
    }
    return true;
}

/* From behind the first quote to behind the last; @p ret is what is between. */
static bool scan_string(struct scan *s, struct route_span *ret, bool *ret_escaped)
{
    const char *start = s->at;

    *ret_escaped = false;
    for (;;) {
        size_t step;

        s->at = skip_plain(s->at, s->end);
        if (s->at == s->end || (unsigned char) *s->at < 0x20)
            return false;
        if (*s->at == '"')
            break;
        if (*s->at == '\\') {
            *ret_escaped = true;
            if (!scan_escape(s))
                return false;
            continue;
        }
        step = edge_utf8_char(s->at, (size_t) (s->end - s->at));
        if (step == 0)
            return false;
        s->at += step;
    }
    *ret = (struct route_span){start, (size_t) (s->at - start)};
    s->at++;
    return true;
}

static bool scan_digits(struct scan *s)
{
    const char *start = s->at;

    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > start;
}

static bool scan_number(struct scan *s)
{
    (void) take(s, '-');
    if (!take(s, '0') && !scan_digits(s))
        return false;
    if (take(s, '.') && !scan_digits(s))
        return false;
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+'))
            (void) take(s, '-');
        return scan_digits(s);
    }
    return true;
}

static bool scan_word(struct scan *s, const char *word, size_t len)
{
    if ((size_t) (s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return false;
    s->at += len;
    return true;
}

static const struct route_node *member(const struct scan *s, const struct route_node *node,
                                       struct route_span key, bool escaped)
{
    for (uint16_t at = node ? node->child : 0; at; at = s->nodes[at].next) {
        const struct route_node *child = &s->nodes[at];

        if (child->index >= 0)
            continue;
        if (escaped
                ? route_body_same(key, child->name)
                : key.len == child->name.len && memcmp(key.data, child->name.data, key.len) == 0)
            return child;
    }
    return NULL;
}

static const struct route_node *element(const struct scan *s, const struct route_node *node,
                                        int64_t index)
{
    for (uint16_t at = node ? node->child : 0; at; at = s->nodes[at].next) {
        if (s->nodes[at].index == index)
            return &s->nodes[at];
    }
    return NULL;
}

/* Of members of the same name the last counts: what was found below an earlier one does not. */
static void forget(const struct scan *s, const struct route_node *node)
{
    for (uint16_t at = node->child; at; at = s->nodes[at].next) {
        if (s->nodes[at].slot >= 0)
            s->slots[s->nodes[at].slot] = (struct route_value){.kind = ROUTE_NULL, .missing = true};
        forget(s, &s->nodes[at]);
    }
}

static bool scan_object(struct scan *s, const struct route_node *node)
{
    space(s);
    if (take(s, '}'))
        return true;
    for (;;) {
        struct route_span key;
        bool escaped;

        if (!take(s, '"') || !scan_string(s, &key, &escaped))
            return false;
        space(s);
        if (!take(s, ':') || !scan_value(s, member(s, node, key, escaped)))
            return false;
        space(s);
        if (take(s, '}'))
            return true;
        if (!take(s, ','))
            return false;
        space(s);
    }
}

static bool scan_array(struct scan *s, const struct route_node *node)
{
    space(s);
    if (take(s, ']'))
        return true;
    for (int64_t index = 0;; index++) {
        if (!scan_value(s, element(s, node, index)))
            return false;
        space(s);
        if (take(s, ']'))
            return true;
        if (!take(s, ','))
            return false;
    }
}

static bool scan_any(struct scan *s, const struct route_node *node, struct route_value *ret)
{
    const char *start = s->at;
    bool ok;

    switch (*s->at) {
    case '"':
        s->at++;
        ret->kind = ROUTE_STRING;
        return scan_string(s, &ret->text, &ret->escaped);
    case '{':
    case '[':
        if (++s->depth > ROUTE_BODY_DEPTH)
            return false;
        s->at++;
        ok = *start == '{' ? scan_object(s, node) : scan_array(s, node);
        s->depth--;
        return ok;
    case 't':
        ret->kind = ROUTE_BOOL;
        ret->truth = true;
        return scan_word(s, "true", 4);
    case 'f':
        ret->kind = ROUTE_BOOL;
        return scan_word(s, "false", 5);
    case 'n':
        ret->kind = ROUTE_NULL;
        return scan_word(s, "null", 4);
    default:
        ret->kind = ROUTE_NUMBER;
        ok = scan_number(s);
        if (ok && node && node->slot >= 0)
            ret->number = route_number((struct route_span){start, (size_t) (s->at - start)});
        return ok;
    }
}

static bool scan_value(struct scan *s, const struct route_node *node)
{
    struct route_value value;

    space(s);
    if (s->at == s->end)
        return false;
    if (!node)
        return scan_any(s, node, &s->unwanted);
    value = (struct route_value){.kind = ROUTE_UNDEFINED};
    forget(s, node);
    if (!scan_any(s, node, &value))
        return false;
    if (node->slot >= 0)
        s->slots[node->slot] = value;
    return true;
}

bool route_body_scan(const struct route_tree *tree, struct route_span text,
                     struct route_value *slots)
{
    struct scan s = {text.data, text.data + text.len, tree->nodes, slots, 0, {0}};

    space(&s);
    if (s.at == s.end || *s.at != '{' || tree->len == 0)
        return false;
    if (!scan_value(&s, &tree->nodes[0]))
        return false;
    space(&s);
    return s.at == s.end;
}
