#include "agent/logs/line.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/err.h"

/* What is left of the line. */
struct scan {
    const char *at;
    const char *end;
};

static bool take(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char) (c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int take_hex4(struct scan *s, unsigned *ret)
{
    unsigned value = 0;

    if (s->end - s->at < 4)
        return EDGE_EINVALID;
    for (int i = 0; i < 4; i++) {
        int d = digit(*s->at++);

        if (d < 0)
            return EDGE_EINVALID;
        value = value << 4 | (unsigned) d;
    }
    *ret = value;
    return 0;
}

static size_t put_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        out[0] = (char) c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char) (0xc0 | c >> 6);
        out[1] = (char) (0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char) (0xe0 | c >> 12);
        out[1] = (char) (0x80 | (c >> 6 & 0x3f));
        out[2] = (char) (0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char) (0xf0 | c >> 18);
    out[1] = (char) (0x80 | (c >> 12 & 0x3f));
    out[2] = (char) (0x80 | (c >> 6 & 0x3f));
    out[3] = (char) (0x80 | (c & 0x3f));
    return 4;
}

/* After "\u": one code point, written as a pair of surrogates when above U+FFFF. */
static int take_unicode(struct scan *s, char *out, size_t *len)
{
    unsigned c;
    unsigned low;

    if (take_hex4(s, &c) < 0)
        return EDGE_EINVALID;
    if (c >= 0xd800 && c < 0xe000) {
        struct scan ahead = *s;

        if (c < 0xdc00 && take(&ahead, '\\') && take(&ahead, 'u') && take_hex4(&ahead, &low) == 0 &&
            low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            *s = ahead;
        } else {
            c = 0xfffd;
        }
    }
    *len += put_utf8(out + *len, c);
    return 0;
}

static int take_escape(struct scan *s, char *out, size_t *len)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    const char *found;

    if (s->at == s->end)
        return EDGE_EINVALID;
    if (*s->at == 'u') {
        s->at++;
        return take_unicode(s, out, len);
    }
    found = memchr(names, *s->at++, sizeof names - 1);
    if (!found)
        return EDGE_EINVALID;
    out[(*len)++] = values[found - names];
    return 0;
}

/* A string's text never grows: the shortest escape of n bytes has n + 1. */
static int take_string(struct scan *s, char *out, size_t *ret_len)
{
    size_t len = 0;

    if (!take(s, '"'))
        return EDGE_EINVALID;
    while (s->at < s->end && *s->at != '"') {
        if (*s->at == '\\') {
            s->at++;
            if (take_escape(s, out, &len) < 0)
                return EDGE_EINVALID;
        } else {
            out[len++] = *s->at++;
        }
    }
    if (!take(s, '"'))
        return EDGE_EINVALID;
    *ret_len = len;
    return 0;
}

/* A string without escapes that fits. */
static int take_short(struct scan *s, char *text, size_t size)
{
    const char *quote =
        s->at < s->end ? memchr(s->at + 1, '"', (size_t) (s->end - s->at - 1)) : NULL;
    size_t len;

    if (!quote || (size_t) (quote - s->at) >= size)
        return EDGE_EINVALID;
    if (memchr(s->at, '\\', (size_t) (quote - s->at)) || take_string(s, text, &len) < 0)
        return EDGE_EINVALID;
    text[len] = '\0';
    return 0;
}

enum { HAS_LOG = 1, HAS_STREAM = 2, HAS_TIME = 4, HAS_ALL = 7 };

static int take_stream(struct scan *s, bool *from_stderr)
{
    char text[16];

    if (take_short(s, text, sizeof text) < 0)
        return EDGE_EINVALID;
    *from_stderr = strcmp(text, "stderr") == 0;
    return *from_stderr || strcmp(text, "stdout") == 0 ? 0 : EDGE_EINVALID;
}

static int take_time(struct scan *s, int64_t *at_ns)
{
    char text[EDGE_TIME_TEXT];

    if (take_short(s, text, sizeof text) < 0)
        return EDGE_EINVALID;
    return edge_time_parse(text, at_ns);
}

static int skip_string(struct scan *s)
{
    if (!take(s, '"'))
        return EDGE_EINVALID;
    while (s->at < s->end && *s->at != '"')
        s->at += *s->at == '\\' && s->end - s->at > 1 ? 2 : 1;
    return take(s, '"') ? 0 : EDGE_EINVALID;
}

static int take_member(struct scan *s, char *text, struct log_line *line, unsigned *has)
{
    char name[16];

    if (take_short(s, name, sizeof name) < 0 || !take(s, ':'))
        return EDGE_EINVALID;
    if (strcmp(name, "log") == 0 && !(*has & HAS_LOG)) {
        *has |= HAS_LOG;
        return take_string(s, text, &line->len);
    }
    if (strcmp(name, "stream") == 0) {
        *has |= HAS_STREAM;
        return take_stream(s, &line->from_stderr);
    }
    if (strcmp(name, "time") == 0) {
        *has |= HAS_TIME;
        return take_time(s, &line->at_ns);
    }
    return skip_string(s);
}

int log_line_read(const char *json, size_t len, char *text, struct log_line *ret)
{
    struct scan s = {json, json + len};
    struct log_line line = {0};
    unsigned has = 0;

    if (!take(&s, '{'))
        return EDGE_EINVALID;
    do {
        if (take_member(&s, text, &line, &has) < 0)
            return EDGE_EINVALID;
    } while (take(&s, ','));
    if (!take(&s, '}') || s.at != s.end || has != HAS_ALL)
        return EDGE_EINVALID;
    *ret = line;
    return 0;
}
