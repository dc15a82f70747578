#include "common/net/head.h"

#include <string.h>
#include <strings.h>

#include "common/base/bytes.h"

size_t net_head_end(const char *text, size_t len)
{
    const char *end = len > 0 ? memmem(text, len, "\r\n\r\n", 4) : NULL;

    return end ? (size_t) (end - text) + 4 : 0;
}

int net_head_status(const char *text, size_t len)
{
    if (len < 13 || strncmp(text, "HTTP/1.", 7) != 0 || text[8] != ' ' ||
        strspn(text + 9, "0123456789") != 3)
        return 0;
    return (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0');
}

/* The value of the next header @p name behind @p at, which moves on. */
static bool next_value(const char **at, const char *end, const char *name, struct edge_bytes *ret)
{
    size_t name_len = strlen(name);

    while (*at < end) {
        const char *line = *at;
        const char *stop = memmem(line, (size_t) (end - line), "\r\n", 2);

        if (!stop || stop == line)
            return false;
        *at = stop + 2;
        if ((size_t) (stop - line) > name_len && line[name_len] == ':' &&
            strncasecmp(line, name, name_len) == 0) {
            line += name_len + 1;
            while (line < stop && (*line == ' ' || *line == '\t'))
                line++;
            while (stop > line && (stop[-1] == ' ' || stop[-1] == '\t'))
                stop--;
            *ret = (struct edge_bytes){(const uint8_t *) line, (size_t) (stop - line)};
            return true;
        }
    }
    return false;
}

static const char *first_header(const char *text, size_t len)
{
    const char *line_end = memmem(text, len, "\r\n", 2);

    return line_end ? line_end + 2 : text + len;
}

bool net_head_is(const char *text, size_t len, const char *name, const char *value, bool exact)
{
    const char *at = first_header(text, len);
    struct edge_bytes found;
    struct edge_bytes another;

    if (!next_value(&at, text + len, name, &found) || next_value(&at, text + len, name, &another) ||
        found.len != strlen(value))
        return false;
    return exact ? memcmp(found.data, value, found.len) == 0
                 : strncasecmp((const char *) found.data, value, found.len) == 0;
}

bool net_head_has(const char *text, size_t len, const char *name)
{
    const char *at = first_header(text, len);
    struct edge_bytes found;

    return next_value(&at, text + len, name, &found);
}
