#include "common/json/utf8.h"

static bool is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* The second byte's range closes out overlong forms, surrogates and what lies beyond U+10FFFF. */
static bool second_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second <= 0x9f;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second <= 0x8f;
    default:
        return true;
    }
}

size_t edge_utf8_char(const char *text, size_t len)
{
    const unsigned char *c = (const unsigned char *) text;
    size_t want;

    if (len == 0)
        return 0;
    if (c[0] < 0x80)
        return 1;
    if (c[0] < 0xc2 || c[0] > 0xf4)
        return 0;
    want = c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
    if (len < want || !second_fits(c[0], c[1]))
        return 0;
    for (size_t i = 1; i < want; i++) {
        if (!is_tail(c[i]))
            return 0;
    }
    return want;
}

bool edge_utf8_valid(const char *text, size_t len)
{
    while (len > 0) {
        size_t step = edge_utf8_char(text, len);

        if (step == 0)
            return false;
        text += step;
        len -= step;
    }
    return true;
}
