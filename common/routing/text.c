#include "common/routing/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int route_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t route_digits(struct route_span text, size_t at)
{
    size_t start = at;

    while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9')
        at++;
    return at - start;
}

size_t route_put_utf8(uint32_t c, char out[4])
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

int route_compare(struct route_span a, struct route_span b)
{
    size_t both = a.len < b.len ? a.len : b.len;

    for (size_t i = 0; i < both; i++) {
        unsigned char x = (unsigned char) a.data[i];
        unsigned char y = (unsigned char) b.data[i];

        if (x == y)
            continue;
        /* UTF-16 puts the pairs of U+10000 and on before U+E000. */
        if (x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0))
            return x >= 0xf0 ? -1 : 1;
        return x < y ? -1 : 1;
    }
    return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

/* Code units that begin with this byte of UTF-8. */
static size_t units_of(char c)
{
    unsigned char byte = (unsigned char) c;

    return (byte & 0xc0) == 0x80 ? 0 : byte >= 0xf0 ? 2 : 1;
}

size_t route_units(struct route_span text)
{
    size_t units = 0;

    for (size_t i = 0; i < text.len; i++)
        units += units_of(text.data[i]);
    return units;
}

bool route_unit_offset(struct route_span text, size_t units, size_t *ret)
{
    size_t at = 0;

    while (at < text.len && (units > 0 || units_of(text.data[at]) == 0)) {
        size_t here = units_of(text.data[at]);

        if (here > units)
            return false;
        units -= here;
        at++;
    }
    *ret = at;
    return units == 0;
}

/* The letters whose other case is a fixed step away, or the neighbour. */
static const struct letters {
    uint16_t first; /* upper case */
    uint16_t last;
    uint16_t step; /* to lower case; 1: pairs, the upper one first */
} letters[] = {
    {0x41, 0x5a, 32},   {0xc0, 0xd6, 32},   {0xd8, 0xde, 32},   {0x100, 0x12e, 1},
    {0x132, 0x136, 1},  {0x139, 0x147, 1},  {0x14a, 0x176, 1},  {0x179, 0x17d, 1},
    {0x391, 0x3a1, 32}, {0x3a3, 0x3ab, 32}, {0x400, 0x40f, 80}, {0x410, 0x42f, 32},
    {0x460, 0x480, 1},
};

static uint32_t other_case(uint32_t c, bool upper)
{
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        const struct letters *l = &letters[i];
        uint32_t shift = upper ? l->step : 0;

        if (c < l->first + shift || c > l->last + shift)
            continue;
        if (l->step == 1 && ((c - shift - l->first) & 1))
            continue;
        return upper ? c - l->step : c + l->step;
    }
    return c;
}

void route_change_case(struct route_span text, bool upper, char *out)
{
    size_t at = 0;

    while (at < text.len) {
        unsigned char byte = (unsigned char) text.data[at];

        if (byte >= 0xc2 && byte < 0xe0 && at + 1 < text.len) {
            uint32_t c = (uint32_t) (byte & 0x1f) << 6 | ((unsigned char) text.data[at + 1] & 0x3f);

            at += route_put_utf8(other_case(c, upper), out + at);
            continue;
        }
        out[at++] = byte < 0x80 ? (char) other_case(byte, upper) : (char) byte;
    }
}

static double slow_number(struct route_span text)
{
    char fixed[128];
    char *copy = text.len < sizeof fixed ? fixed : malloc(text.len + 1);
    double number;

    if (!copy)
        return NAN;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    number = strtod(copy, NULL);
    if (copy != fixed)
        free(copy);
    return number;
}

/* Up to 19 digits and a small power of ten are exact; the rest is strtod's. */
double route_number(struct route_span text)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    bool negative = text.len > 0 && text.data[0] == '-';
    uint64_t digits = 0;
    size_t count = 0;
    size_t fraction = 0;
    bool point = false;
    double number;

    for (size_t i = negative; i < text.len; i++) {
        char c = text.data[i];

        if (c == '.') {
            point = true;
            continue;
        }
        if (c < '0' || c > '9' || ++count > 18)
            return slow_number(text);
        digits = digits * 10 + (uint64_t) (c - '0');
        fraction += point;
    }
    if (digits > (uint64_t) 1 << 53)
        return slow_number(text);
    number = (double) digits / powers[fraction];
    return negative ? -number : number;
}

static struct route_span trimmed(struct route_span text)
{
    while (text.len > 0 &&
           (text.data[0] == ' ' || (text.data[0] >= '\t' && text.data[0] <= '\r'))) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' ||
                            (text.data[text.len - 1] >= '\t' && text.data[text.len - 1] <= '\r')))
        text.len--;
    return text;
}

/* Take the sign off: of a leading or trailing + or -, or of parentheses. */
static struct route_span unsigned_part(struct route_span text, bool *negative)
{
    *negative = false;
    if (text.len >= 2 && text.data[0] == '(' && text.data[text.len - 1] == ')') {
        *negative = true;
        return trimmed((struct route_span){text.data + 1, text.len - 2});
    }
    if (text.len > 0 && (text.data[0] == '-' || text.data[0] == '+')) {
        *negative = text.data[0] == '-';
        return trimmed((struct route_span){text.data + 1, text.len - 1});
    }
    if (text.len > 0 && (text.data[text.len - 1] == '-' || text.data[text.len - 1] == '+')) {
        *negative = text.data[text.len - 1] == '-';
        return trimmed((struct route_span){text.data, text.len - 1});
    }
    return text;
}

enum { NUMBER_MAX = 400 }; /* characters; what is longer is no number to us */

/* Digits with commas between, a fraction, an exponent; without the commas into @p out. */
static size_t plain_number(struct route_span text, char out[NUMBER_MAX])
{
    size_t len = 0;
    size_t digits = 0;
    size_t at = 0;

    for (; at < text.len && (route_digits(text, at) > 0 || (text.data[at] == ',' && digits));
         at++) {
        if (text.data[at] == ',')
            continue;
        out[len++] = text.data[at];
        digits++;
    }
    if (at < text.len && text.data[at] == '.') {
        size_t fraction = route_digits(text, at + 1);

        memcpy(out + len, text.data + at, fraction + 1);
        len += fraction + 1;
        at += fraction + 1;
        digits += fraction;
    }
    if (digits > 0 && at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
        size_t sign = at + 1 < text.len && (text.data[at + 1] == '+' || text.data[at + 1] == '-');
        size_t exponent = route_digits(text, at + 1 + sign);

        memcpy(out + len, text.data + at, 1 + sign + exponent);
        len += 1 + sign + exponent;
        at += exponent > 0 ? 1 + sign + exponent : 0;
    }
    return digits > 0 && at == text.len ? len : 0;
}

bool route_parse_number(struct route_span text, double *ret)
{
    char plain[NUMBER_MAX];
    bool negative;
    size_t len;

    text = trimmed(text);
    if (text.len == 0 || text.len >= sizeof plain)
        return false;
    text = unsigned_part(text, &negative);
    if (route_span_is(text, "Infinity")) {
        *ret = negative ? -HUGE_VAL : HUGE_VAL;
        return true;
    }
    len = plain_number(text, plain);
    if (len == 0)
        return false;
    *ret = route_number((struct route_span){plain, len});
    *ret = negative ? -*ret : *ret;
    return true;
}
