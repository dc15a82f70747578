#include "common/base/encode.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *edge_base64(const void *data, size_t len)
{
    const uint8_t *in = data;
    char *text = malloc((len + 2) / 3 * 4 + 1);
    char *out = text;

    if (!text)
        return NULL;
    for (size_t at = 0; at < len; at += 3) {
        size_t left = len - at;
        unsigned bits = (unsigned) in[at] << 16;

        if (left > 1)
            bits |= (unsigned) in[at + 1] << 8;
        if (left > 2)
            bits |= in[at + 2];
        *out++ = alphabet[bits >> 18];
        *out++ = alphabet[bits >> 12 & 63];
        *out++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        *out++ = left > 2 ? alphabet[bits & 63] : '=';
    }
    *out = '\0';
    return text;
}

static int value_of(char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;

    return at ? (int) (at - alphabet) : -1;
}

/* Four characters to one to three bytes; padding is fine in the last four only. */
static int decode_four(const char *text, bool last, uint8_t bytes[3], size_t *ret_len)
{
    int pads = !last ? 0 : text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
    unsigned bits = 0;

    for (int i = 0; i < 4; i++) {
        int value = i < 4 - pads ? value_of(text[i]) : 0;

        if (value < 0)
            return EDGE_EINVALID;
        bits = bits << 6 | (unsigned) value;
    }
    if ((pads == 1 && (bits & 0xff)) || (pads == 2 && (bits & 0xffff)))
        return EDGE_EINVALID; /* bits that say nothing: another text for the same bytes */
    bytes[0] = (uint8_t) (bits >> 16);
    bytes[1] = (uint8_t) (bits >> 8);
    bytes[2] = (uint8_t) bits;
    *ret_len = 3 - (size_t) pads;
    return 0;
}

int edge_base64_decode(const char *text, size_t len, struct edge_buf *out)
{
    if (len % 4 != 0)
        return EDGE_EINVALID;
    for (size_t at = 0; at < len; at += 4) {
        uint8_t bytes[3];
        size_t n = 0;
        int rc = decode_four(text + at, at + 4 == len, bytes, &n);

        if (rc == 0)
            rc = edge_buf_append(out, bytes, n);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool is_plain(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

int edge_percent_encode(struct edge_buf *out, const char *text, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    int rc = 0;

    for (size_t i = 0; i < len && rc == 0; i++) {
        unsigned char c = (unsigned char) text[i];
        char hex[3] = {'%', digits[c >> 4], digits[c & 15]};

        rc = is_plain(text[i]) ? edge_buf_append(out, &text[i], 1)
                               : edge_buf_append(out, hex, sizeof hex);
    }
    return rc;
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int edge_percent_decode(struct edge_buf *out, const char *text, size_t len)
{
    while (len > 0) {
        const char *percent = memchr(text, '%', len);
        size_t plain = percent ? (size_t) (percent - text) : len;
        int rc = edge_buf_append(out, text, plain);

        text += plain;
        len -= plain;
        if (rc == 0 && len > 0) {
            int high = len > 2 ? hex_of(text[1]) : -1;
            int low = high >= 0 ? hex_of(text[2]) : -1;
            char c;

            if (low < 0 || (high == 0 && low == 0))
                return EDGE_EINVALID;
            c = (char) (high << 4 | low);
            rc = edge_buf_append(out, &c, 1);
            text += 3;
            len -= 3;
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}
