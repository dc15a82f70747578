#include "agent/logs/line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/json/utf8.h"

static const char hex[] = "0123456789abcdef";

static char *put(char *out, const char *text)
{
    size_t len = strlen(text);

    memcpy(out, text, len);
    return out + len;
}

static char *put_ascii(char *out, unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        *out++ = '\\';
        *out++ = (char) c;
        return out;
    case '\n':
        return put(out, "\\n");
    case '\r':
        return put(out, "\\r");
    default:
        break;
    }
    if (c >= 0x20 && c != '<' && c != '>' && c != '&') {
        *out++ = (char) c;
        return out;
    }
    out = put(out, "\\u00");
    *out++ = hex[c >> 4];
    *out++ = hex[c & 15];
    return out;
}

/* A line or paragraph separator ends a line in JavaScript: written as escapes. */
static bool separator(const char *text, size_t len)
{
    return len == 3 && memcmp(text, "\xe2\x80", 2) == 0 && (text[2] & '\xfe') == '\xa8';
}

static char *put_text(char *out, const char *text, size_t len)
{
    while (len > 0) {
        size_t n = 1;

        if ((unsigned char) *text < 0x80) {
            out = put_ascii(out, (unsigned char) *text);
        } else if ((n = edge_utf8_char(text, len)) == 0) {
            out = put(out, "\\ufffd");
            n = 1;
        } else if (separator(text, n)) {
            out = put(out, text[2] == '\xa8' ? "\\u2028" : "\\u2029");
        } else {
            memcpy(out, text, n);
            out += n;
        }
        text += n;
        len -= n;
    }
    return out;
}

/* Two thirds of writing a short line would be gmtime: the second changes rarely. */
void log_line_time(char text[32], int64_t at_ns)
{
    static _Thread_local int64_t cached = -1;
    static _Thread_local char seconds[21];
    int64_t second = at_ns > 0 ? at_ns / 1000000000 : 0;

    if (second != cached) {
        time_t when = (time_t) second;
        struct tm tm;

        (void) gmtime_r(&when, &tm);
        (void) strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
        cached = second;
    }
    (void) snprintf(text, 32, "%s.%09dZ", seconds, at_ns > 0 ? (int) (at_ns % 1000000000) : 0);
}

size_t log_line_write(char *out, const char *text, size_t len, bool from_stderr, int64_t at_ns)
{
    char *start = out;
    char time_text[32];

    out = put(out, "{\"log\":\"");
    out = put_text(out, text, len);
    out = put(out, from_stderr ? "\",\"stream\":\"stderr\",\"time\":\""
                               : "\",\"stream\":\"stdout\",\"time\":\"");
    log_line_time(time_text, at_ns);
    out = put(out, time_text);
    out = put(out, "\"}\n");
    return (size_t) (out - start);
}

size_t log_line_cut(const char *text, size_t len)
{
    for (size_t back = 1; back <= 3 && back < len; back++) {
        unsigned char c = (unsigned char) text[len - back];
        size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

        if (c < 0x80)
            return len;
        if (c >= 0xc0)
            return need > back ? len - back : len;
    }
    return len;
}
