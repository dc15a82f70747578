#include <float.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/amqp/value.h"

static void write_number(uint8_t *at, uint64_t n, size_t width)
{
    for (size_t i = 0; i < width; i++)
        at[i] = (uint8_t) (n >> 8 * (width - 1 - i));
}

static void put(struct edge_buf *out, uint64_t n, size_t width)
{
    uint8_t bytes[8];

    write_number(bytes, n, width);
    (void) edge_buf_append(out, bytes, width);
}

static void put_code(struct edge_buf *out, uint8_t code, uint64_t n, size_t width)
{
    uint8_t bytes[9] = {code};

    write_number(bytes + 1, n, width);
    (void) edge_buf_append(out, bytes, 1 + width);
}

size_t hub_amqp_compound_open(struct edge_buf *out, uint8_t code)
{
    size_t at = out->len + 1;

    put_code(out, code, 0, 8); /* size and count, when they are known */
    return at;
}

void hub_amqp_compound_close(struct edge_buf *out, size_t at, size_t count)
{
    size_t size = out->len - at - 4;

    if (edge_buf_error(out) < 0)
        return;
    for (size_t i = 0; i < 4; i++) {
        out->data[at + i] = (char) (size >> 8 * (3 - i));
        out->data[at + 4 + i] = (char) (count >> 8 * (3 - i));
    }
}

void hub_amqp_descriptor_write(struct edge_buf *out, uint8_t code)
{
    uint8_t bytes[] = {0, 0x53, code};

    (void) edge_buf_append(out, bytes, sizeof bytes);
}

/* Text or bytes; @p code is that of the long form: 0xb0 binary, 0xb1 string, 0xb3 symbol. */
static void put_bytes(struct edge_buf *out, uint8_t code, struct edge_bytes bytes)
{
    if (bytes.len <= UINT8_MAX)
        put_code(out, (uint8_t) (code - 0x10), bytes.len, 1);
    else
        put_code(out, code, bytes.len, 4);
    if (bytes.len > 0)
        (void) edge_buf_append(out, bytes.data, bytes.len);
}

static void put_uuid(struct edge_buf *out, struct edge_bytes text)
{
    uint8_t bytes[16];

    if (!hub_amqp_uuid_parse(text, bytes)) {
        put_bytes(out, 0xb1, text);
        return;
    }
    put(out, 0x98, 1);
    (void) edge_buf_append(out, bytes, sizeof bytes);
}

static void put_strings(struct edge_buf *out, const struct hub_amqp_value *value)
{
    size_t at = hub_amqp_compound_open(out, 0xf0);

    put(out, 0xb1, 1);
    for (size_t i = 0; i < value->n; i++) {
        put(out, value->values[i].s.len, 4);
        (void) edge_buf_append(out, value->values[i].s.data, value->values[i].s.len);
    }
    hub_amqp_compound_close(out, at, value->n);
}

static void put_map(struct edge_buf *out, const struct hub_amqp_value *value)
{
    size_t at = hub_amqp_compound_open(out, 0xd1);

    for (size_t i = 0; i < 2 * value->n; i++)
        hub_amqp_value_write(out, &value->values[i]);
    hub_amqp_compound_close(out, at, 2 * value->n);
}

void hub_amqp_value_write(struct edge_buf *out, const struct hub_amqp_value *value)
{
    switch (value->kind) {
    case HUB_AMQP_NULL:
        put(out, 0x40, 1);
        break;
    case HUB_AMQP_BOOL:
        put(out, value->i ? 0x41 : 0x42, 1);
        break;
    case HUB_AMQP_UBYTE:
        put_code(out, 0x50, (uint64_t) value->i, 1);
        break;
    case HUB_AMQP_INT:
        put_code(out, 0x71, (uint32_t) value->i, 4);
        break;
    case HUB_AMQP_LONG:
        put_code(out, 0x81, (uint64_t) value->i, 8);
        break;
    case HUB_AMQP_ULONG:
        put_code(out, 0x80, (uint64_t) value->i, 8);
        break;
    case HUB_AMQP_TIMESTAMP:
        put_code(out, 0x83, (uint64_t) value->i, 8);
        break;
    case HUB_AMQP_STRING:
        put_bytes(out, 0xb1, value->s);
        break;
    case HUB_AMQP_SYMBOL:
        put_bytes(out, 0xb3, value->s);
        break;
    case HUB_AMQP_BINARY:
        put_bytes(out, 0xb0, value->s);
        break;
    case HUB_AMQP_UUID:
        put_uuid(out, value->s);
        break;
    case HUB_AMQP_STRINGS:
        put_strings(out, value);
        break;
    case HUB_AMQP_MAP:
        put_map(out, value);
        break;
    }
}

void hub_amqp_pairs_write(struct edge_buf *out, const struct hub_amqp_pair *pairs, size_t n,
                          enum hub_amqp_kind keys)
{
    size_t at = hub_amqp_compound_open(out, 0xd1);

    for (size_t i = 0; i < n; i++) {
        struct hub_amqp_value key = hub_amqp_text(pairs[i].name);

        key.kind = keys;
        hub_amqp_value_write(out, &key);
        hub_amqp_value_write(out, &pairs[i].value);
    }
    hub_amqp_compound_close(out, at, 2 * n);
}

struct hub_amqp_value hub_amqp_text(const char *text)
{
    if (!text)
        return (struct hub_amqp_value){0};
    return (struct hub_amqp_value){.kind = HUB_AMQP_STRING,
                                   .s = {(const uint8_t *) text, strlen(text)}};
}

/* Text of so many digits reads back for sure only below FLT_DIG and DBL_DIG, and above it is tried;
 * numbers next to zero have fewer. */
static void format_single(float number, char text[HUB_AMQP_FLOATING_TEXT])
{
    bool tiny = number < FLT_MIN && number > -FLT_MIN;

    for (int digits = tiny ? 1 : FLT_DIG; digits <= FLT_DECIMAL_DIG; digits++) {
        (void) snprintf(text, HUB_AMQP_FLOATING_TEXT, "%.*g", digits, (double) number);
        if (strtof(text, NULL) == number)
            return;
    }
}

static void format_double(double number, char text[HUB_AMQP_FLOATING_TEXT])
{
    bool tiny = number < DBL_MIN && number > -DBL_MIN;

    for (int digits = tiny ? 1 : DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
        (void) snprintf(text, HUB_AMQP_FLOATING_TEXT, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            return;
    }
}

void hub_amqp_floating_format(struct edge_bytes content, char text[HUB_AMQP_FLOATING_TEXT])
{
    uint64_t bits = 0;
    uint32_t half;
    float single;
    double wide;

    for (size_t i = 0; i < content.len; i++)
        bits = bits << 8 | content.data[i];
    half = (uint32_t) bits;
    memcpy(&single, &half, sizeof single);
    memcpy(&wide, &bits, sizeof wide);
    if (content.len == sizeof single)
        format_single(single, text);
    else
        format_double(wide, text);
}

void hub_amqp_uuid_format(const uint8_t bytes[16], char text[37])
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *text++ = '-';
        *text++ = hex[bytes[i] >> 4];
        *text++ = hex[bytes[i] & 15];
    }
    *text = '\0';
}

static int nibble(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hub_amqp_uuid_parse(struct edge_bytes text, uint8_t bytes[16])
{
    size_t at = 0;

    if (text.len != 36)
        return false;
    for (size_t i = 0; i < 16; i++) {
        int high, low;

        if (at == 8 || at == 13 || at == 18 || at == 23) {
            if (text.data[at++] != '-')
                return false;
        }
        high = nibble(text.data[at]);
        low = nibble(text.data[at + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t) (high << 4 | low);
        at += 2;
    }
    return true;
}
