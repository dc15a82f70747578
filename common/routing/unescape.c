/* Strings of a document that was scanned: their escapes are right. */
#include <string.h>

#include "common/routing/body.h"
#include "common/routing/text.h"

/* Reads a four-digit escape's code unit, or two as a pair; U+FFFD for half of one. */
static uint32_t unescape_unit(const char *at, const char *end, size_t *ret_step)
{
    uint32_t units[2] = {0, 0};
    int count = end - at >= 12 && at[6] == '\\' && at[7] == 'u' ? 2 : 1;

    for (int u = 0; u < count; u++) {
        for (int i = 2; i < 6; i++)
            units[u] = units[u] * 16 + (uint32_t) route_hex_digit(at[u * 6 + i]);
    }
    *ret_step = 6;
    if (count == 2 && route_is_high(units[0]) && route_is_low(units[1])) {
        *ret_step = 12;
        return route_join(units[0], units[1]);
    }
    return route_is_high(units[0]) || route_is_low(units[0]) ? 0xfffd : units[0];
}

/* One character of a string that was scanned: as UTF-8 into @p out. @return its length */
static size_t unescape_one(const char *at, const char *end, char out[4], size_t *ret_step)
{
    static const char names[] = "bfnrt";
    static const char meant[] = "\b\f\n\r\t";
    const char *name;

    if (*at != '\\') {
        *out = *at;
        *ret_step = 1;
        return 1;
    }
    if (at[1] == 'u')
        return route_put_utf8(unescape_unit(at, end, ret_step), out);
    name = strchr(names, at[1]);
    *out = name ? meant[name - names] : at[1];
    *ret_step = 2;
    return 1;
}

size_t route_body_unescape(struct route_span raw, char *out)
{
    const char *at = raw.data;
    const char *end = at + raw.len;
    size_t len = 0;

    while (at < end) {
        char c[4];
        size_t step;
        size_t n = unescape_one(at, end, c, &step);

        memcpy(out + len, c, n);
        len += n;
        at += step;
    }
    return len;
}

bool route_body_same(struct route_span raw, struct route_span name)
{
    const char *at = raw.data;
    const char *end = at + raw.len;
    size_t len = 0;

    while (at < end) {
        char c[4];
        size_t step;
        size_t n = unescape_one(at, end, c, &step);

        if (n > name.len - len || memcmp(name.data + len, c, n) != 0)
            return false;
        len += n;
        at += step;
    }
    return len == name.len;
}
