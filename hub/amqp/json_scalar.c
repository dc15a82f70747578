#include "hub/amqp/json_scalar.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/json/utf8.h"
#include "hub/amqp/value.h"

#define YEAR_1     INT64_C(-62135596800) /* seconds since 1970 */
#define YEAR_10000 INT64_C(253402300800)

int hub_amqp_json_unfit(struct edge_err *err, const char *what)
{
    return edge_fail(err, EDGE_EINVALID, "the body has no exact JSON form: %s", what);
}

static uint64_t number(struct edge_bytes content)
{
    uint64_t n = 0;

    for (size_t i = 0; i < content.len; i++)
        n = n << 8 | content.data[i];
    return n;
}

static int64_t with_sign(struct edge_bytes content)
{
    unsigned unused = 64 - 8 * (unsigned) content.len;

    return content.len > 0 ? (int64_t) (number(content) << unused) >> unused : 0;
}

static void put_escaped(struct edge_buf *out, uint8_t c)
{
    static const char letters[] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r',
                                   ['\t'] = 't', ['"'] = '"',  ['\\'] = '\\'};

    if (letters[c])
        (void) edge_buf_printf(out, "\\%c", letters[c]);
    else
        (void) edge_buf_printf(out, "\\u%04x", c);
}

int hub_amqp_json_text(struct edge_buf *out, struct edge_bytes text, struct edge_err *err)
{
    size_t from = 0;

    if (!edge_utf8_valid((const char *) text.data, text.len))
        return hub_amqp_json_unfit(err, "a text that is not UTF-8");
    (void) edge_buf_puts(out, "\"");
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (c >= ' ' && c != '"' && c != '\\')
            continue;
        (void) edge_buf_append(out, text.data + from, i - from);
        put_escaped(out, c);
        from = i + 1;
    }
    (void) edge_buf_append(out, text.data + from, text.len - from);
    (void) edge_buf_puts(out, "\"");
    return 0;
}

static size_t encode(uint32_t c, uint8_t text[4])
{
    static const uint8_t marks[] = {[1] = 0, [2] = 0xc0, [3] = 0xe0, [4] = 0xf0};
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        text[i] = (uint8_t) (0x80 | (c & 0x3f));
    text[0] = (uint8_t) (marks[len] | c);
    return len;
}

static int put_character(struct edge_buf *out, uint64_t c, struct edge_err *err)
{
    uint8_t text[4];

    if (c > 0x10ffff)
        return hub_amqp_json_unfit(err, "a character beyond Unicode");
    return hub_amqp_json_text(out, (struct edge_bytes){text, encode((uint32_t) c, text)}, err);
}

static int put_floating(struct edge_buf *out, struct edge_bytes content, struct edge_err *err)
{
    char text[HUB_AMQP_FLOATING_TEXT];

    hub_amqp_floating_format(content, text);
    if (strpbrk(text, "in")) /* "inf", "nan" */
        return hub_amqp_json_unfit(err, "a number that is not finite");
    return edge_buf_puts(out, text);
}

static int put_time(struct edge_buf *out, int64_t ms, struct edge_err *err)
{
    int64_t s = ms / 1000 - (ms % 1000 < 0);
    time_t time = (time_t) s;
    struct tm tm;

    if (s < YEAR_1 || s >= YEAR_10000 || !gmtime_r(&time, &tm))
        return hub_amqp_json_unfit(err, "a time outside the years 1 to 9999");
    return edge_buf_printf(out, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", tm.tm_year + 1900,
                           tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                           (int) (ms - s * 1000));
}

static int put_uuid(struct edge_buf *out, const uint8_t bytes[16])
{
    char text[37];

    hub_amqp_uuid_format(bytes, text);
    return edge_buf_printf(out, "\"%s\"", text);
}

enum form {
    UNKNOWN,
    NULL_FORM,
    TRUE_FORM,
    BOOL,
    UNSIGNED,
    SIGNED,
    FLOATING,
    CHARACTER,
    TIME,
    UUID,
    TEXT,
    BYTES,
    DECIMAL
};
static const uint8_t forms[UINT8_MAX + 1] = {
    [0x40] = NULL_FORM, [0x41] = TRUE_FORM, [0x42] = BOOL,     [0x56] = BOOL,     [0x43] = UNSIGNED,
    [0x44] = UNSIGNED,  [0x50] = UNSIGNED,  [0x60] = UNSIGNED, [0x52] = UNSIGNED, [0x70] = UNSIGNED,
    [0x53] = UNSIGNED,  [0x80] = UNSIGNED,  [0x51] = SIGNED,   [0x61] = SIGNED,   [0x54] = SIGNED,
    [0x71] = SIGNED,    [0x55] = SIGNED,    [0x81] = SIGNED,   [0x72] = FLOATING, [0x82] = FLOATING,
    [0x73] = CHARACTER, [0x83] = TIME,      [0x98] = UUID,     [0xa0] = BYTES,    [0xb0] = BYTES,
    [0xa1] = TEXT,      [0xb1] = TEXT,      [0xa3] = TEXT,     [0xb3] = TEXT,     [0x74] = DECIMAL,
    [0x84] = DECIMAL,   [0x94] = DECIMAL,
};

static int put(struct edge_buf *out, uint8_t code, struct edge_bytes content, struct edge_err *err)
{
    switch ((enum form) forms[code]) {
    case NULL_FORM:
        return edge_buf_puts(out, "null");
    case TRUE_FORM:
        return edge_buf_puts(out, "true");
    case BOOL:
        return edge_buf_puts(out, number(content) ? "true" : "false");
    case UNSIGNED:
        return edge_buf_printf(out, "%" PRIu64, number(content));
    case SIGNED:
        return edge_buf_printf(out, "%" PRId64, with_sign(content));
    case FLOATING:
        return put_floating(out, content, err);
    case CHARACTER:
        return put_character(out, number(content), err);
    case TIME:
        return put_time(out, (int64_t) number(content), err);
    case UUID:
        return put_uuid(out, content.data);
    case TEXT:
        return hub_amqp_json_text(out, content, err);
    case BYTES:
        return hub_amqp_json_unfit(err, "bytes inside a value");
    case DECIMAL:
        return hub_amqp_json_unfit(err, "a decimal number");
    case UNKNOWN:
        break;
    }
    return hub_amqp_json_unfit(err, "a value of an unknown type");
}

int hub_amqp_json_scalar(struct edge_buf *out, uint8_t code, struct edge_bytes content,
                         struct edge_err *err)
{
    int rc = put(out, code, content, err);

    return rc == EDGE_EINVALID ? rc : 0;
}
