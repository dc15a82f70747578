#include <errno.h>
#include <string.h>

#include "hub/amqp/value.h"
#include "hub/amqp/walk.h"

static uint64_t number(struct edge_bytes content)
{
    uint64_t n = 0;

    for (size_t i = 0; i < content.len && i < sizeof n; i++)
        n = n << 8 | content.data[i];
    return n;
}

/* The same with its sign. */
static int64_t integer(struct edge_bytes content)
{
    unsigned unused = 64 - 8 * (unsigned) content.len;
    uint64_t wide;

    if (content.len == 0 || content.len > 8)
        return 0;
    wide = number(content) << unused;
    return (int64_t) wide >> unused;
}

static int read_uuid(struct hub_amqp_arena *arena, struct edge_bytes content,
                     struct hub_amqp_value *ret)
{
    char *text = hub_amqp_arena_get(arena, 37);

    if (!text)
        return EDGE_ELIMIT;
    hub_amqp_uuid_format(content.data, text);
    ret->s = (struct edge_bytes){(const uint8_t *) text, 36};
    return 0;
}

static int read_floating(struct hub_amqp_arena *arena, struct edge_bytes content,
                         struct hub_amqp_value *ret)
{
    char *text = hub_amqp_arena_get(arena, HUB_AMQP_FLOATING_TEXT);

    if (!text)
        return EDGE_ELIMIT;
    hub_amqp_floating_format(content, text);
    ret->s = (struct edge_bytes){(const uint8_t *) text, strlen(text)};
    return 0;
}

enum form { NOTHING, TRUE, TRUTH, NUMBER, INTEGER, FLOATING, UUID, BYTES };
static const struct scalar {
    enum hub_amqp_kind kind;
    enum form form;
} scalars[UINT8_MAX + 1] = {
    [0x41] = {HUB_AMQP_BOOL, TRUE},       [0x42] = {HUB_AMQP_BOOL, NUMBER},
    [0x56] = {HUB_AMQP_BOOL, TRUTH},      [0x51] = {HUB_AMQP_INT, INTEGER}, /* byte */
    [0x61] = {HUB_AMQP_INT, INTEGER},     [0x54] = {HUB_AMQP_INT, INTEGER},
    [0x71] = {HUB_AMQP_INT, INTEGER},     [0x55] = {HUB_AMQP_LONG, INTEGER},
    [0x81] = {HUB_AMQP_LONG, INTEGER},    [0x50] = {HUB_AMQP_ULONG, NUMBER}, /* ubyte */
    [0x60] = {HUB_AMQP_ULONG, NUMBER},    [0x43] = {HUB_AMQP_ULONG, NUMBER}, /* uint */
    [0x52] = {HUB_AMQP_ULONG, NUMBER},    [0x70] = {HUB_AMQP_ULONG, NUMBER},
    [0x44] = {HUB_AMQP_ULONG, NUMBER},    [0x53] = {HUB_AMQP_ULONG, NUMBER},
    [0x80] = {HUB_AMQP_ULONG, NUMBER},    [0x83] = {HUB_AMQP_TIMESTAMP, INTEGER},
    [0x72] = {HUB_AMQP_STRING, FLOATING}, [0x82] = {HUB_AMQP_STRING, FLOATING},
    [0x98] = {HUB_AMQP_UUID, UUID},       [0xa0] = {HUB_AMQP_BINARY, BYTES},
    [0xb0] = {HUB_AMQP_BINARY, BYTES},    [0xa1] = {HUB_AMQP_STRING, BYTES},
    [0xb1] = {HUB_AMQP_STRING, BYTES},    [0xa3] = {HUB_AMQP_SYMBOL, BYTES},
    [0xb3] = {HUB_AMQP_SYMBOL, BYTES},
};

/* Null, and what has no kind here, is NULL. */
static int read_scalar(struct hub_amqp_arena *arena, uint8_t code, struct edge_bytes content,
                       struct hub_amqp_value *ret)
{
    *ret = (struct hub_amqp_value){.kind = scalars[code].kind};
    switch (scalars[code].form) {
    case NOTHING:
        break;
    case TRUE:
        ret->i = 1;
        break;
    case TRUTH:
        ret->i = number(content) != 0;
        break;
    case NUMBER:
        ret->i = (int64_t) number(content);
        break;
    case INTEGER:
        ret->i = integer(content);
        break;
    case FLOATING:
        return read_floating(arena, content, ret);
    case UUID:
        return read_uuid(arena, content, ret);
    case BYTES:
        ret->s = content;
        break;
    }
    return 0;
}

/* Code and content (without a length in front) of an encoded value that is not described. */
static int unpack(struct edge_bytes bytes, uint8_t *ret_code, struct edge_bytes *ret)
{
    unsigned kind;
    size_t skip = 1;

    if (bytes.len == 0 || bytes.data[0] == 0)
        return EDGE_EPROTOCOL;
    *ret_code = bytes.data[0];
    kind = *ret_code >> 4;
    if (kind >= 0xa)
        skip += kind % 2 ? 4 : 1;
    if (bytes.len < skip)
        return EDGE_EPROTOCOL;
    *ret = (struct edge_bytes){bytes.data + skip, bytes.len - skip};
    return 0;
}

static int read_value(struct hub_amqp_arena *arena, struct edge_bytes bytes, unsigned depth,
                      struct hub_amqp_value *ret);

/* Count and elements of what `unpack` has found to be a compound. */
static int elements_of(uint8_t code, struct edge_bytes content, size_t *ret_count,
                       struct edge_bytes *ret)
{
    size_t width = (code >> 4) % 2 ? 4 : 1;

    if (content.len < width)
        return EDGE_EPROTOCOL;
    *ret_count = (size_t) number((struct edge_bytes){content.data, width});
    *ret = (struct edge_bytes){content.data + width, content.len - width};
    return *ret_count > HUB_AMQP_VALUES_MAX ? EDGE_ELIMIT : 0;
}

static int read_map(struct hub_amqp_arena *arena, uint8_t code, struct edge_bytes content,
                    unsigned depth, struct hub_amqp_value *ret)
{
    struct edge_bytes elements, element;
    size_t count;
    int rc = elements_of(code, content, &count, &elements);

    if (rc < 0)
        return rc;
    ret->kind = HUB_AMQP_MAP;
    ret->n = count / 2;
    ret->values = hub_amqp_arena_get(arena, (ret->n * 2 + 1) * sizeof *ret->values);
    if (!ret->values)
        return EDGE_ELIMIT;
    for (size_t i = 0; i < ret->n * 2; i++) {
        if (!hub_amqp_step(&elements, &element))
            return EDGE_EPROTOCOL;
        rc = read_value(arena, element, depth, &ret->values[i]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Arrays of text, as STRINGS; others are null. */
static int read_array(struct hub_amqp_arena *arena, uint8_t code, struct edge_bytes content,
                      struct hub_amqp_value *ret)
{
    struct edge_bytes elements;
    size_t count, width;
    uint8_t element;
    int rc = elements_of(code, content, &count, &elements);

    if (rc < 0)
        return rc;
    if (elements.len == 0)
        return EDGE_EPROTOCOL;
    element = elements.data[0];
    ret->kind = HUB_AMQP_NULL;
    if (element != 0xa1 && element != 0xb1 && element != 0xa3 && element != 0xb3)
        return 0;
    width = element >= 0xb0 ? 4 : 1;
    elements = (struct edge_bytes){elements.data + 1, elements.len - 1};
    ret->values = hub_amqp_arena_get(arena, (count + 1) * sizeof *ret->values);
    if (!ret->values)
        return EDGE_ELIMIT;
    for (size_t i = 0; i < count; i++) {
        size_t len;

        if (elements.len < width)
            return EDGE_EPROTOCOL;
        len = (size_t) number((struct edge_bytes){elements.data, width});
        if (elements.len - width < len)
            return EDGE_EPROTOCOL;
        ret->values[i].kind = HUB_AMQP_STRING;
        ret->values[i].s = (struct edge_bytes){elements.data + width, len};
        elements = (struct edge_bytes){elements.data + width + len, elements.len - width - len};
    }
    ret->kind = HUB_AMQP_STRINGS;
    ret->n = count;
    return 0;
}

static int read_value(struct hub_amqp_arena *arena, struct edge_bytes bytes, unsigned depth,
                      struct hub_amqp_value *ret)
{
    struct edge_bytes content, descriptor;
    uint8_t code;
    int rc;

    *ret = (struct hub_amqp_value){0};
    while (bytes.len > 0 && bytes.data[0] == 0) { /* the description */
        bytes.data++;
        bytes.len--;
        if (!hub_amqp_step(&bytes, &descriptor))
            return EDGE_EPROTOCOL;
    }
    rc = unpack(bytes, &code, &content);
    if (rc < 0)
        return rc;
    if ((code & 0xef) == 0xc1 && depth > 0)
        return read_map(arena, code, content, depth - 1, ret);
    if ((code & 0xef) == 0xe0)
        return read_array(arena, code, content, ret);
    if (code >= 0xc0) /* a list */
        return 0;
    return read_scalar(arena, code, content, ret);
}

int hub_amqp_value_read(struct hub_amqp_arena *arena, struct edge_bytes bytes,
                        struct hub_amqp_value *ret)
{
    unsigned values = HUB_AMQP_VALUES_MAX;
    size_t len;
    int rc;

    if (hub_amqp_is_scalar(bytes)) /* most are: nothing to walk */
        return read_value(arena, bytes, 0, ret);
    rc = hub_amqp_walk(bytes, &values, &len);
    if (rc == 0 && len != bytes.len)
        rc = EDGE_EPROTOCOL;
    return rc < 0 ? rc : read_value(arena, bytes, HUB_AMQP_MAP_DEPTH, ret);
}

int hub_amqp_pairs_read(struct hub_amqp_arena *arena, struct edge_bytes bytes,
                        const struct hub_amqp_pair **ret, size_t *ret_n)
{
    struct hub_amqp_pair *pairs;
    struct hub_amqp_value map;
    int rc = hub_amqp_value_read(arena, bytes, &map);

    *ret_n = 0;
    if (rc < 0)
        return rc;
    if (map.kind == HUB_AMQP_NULL)
        return 0;
    if (map.kind != HUB_AMQP_MAP)
        return EDGE_EPROTOCOL;
    pairs = hub_amqp_arena_get(arena, (map.n + 1) * sizeof *pairs);
    if (!pairs)
        return EDGE_ELIMIT;
    for (size_t i = 0; i < map.n; i++) {
        const struct hub_amqp_value *key = &map.values[2 * i];
        char *name;

        if (key->kind != HUB_AMQP_STRING && key->kind != HUB_AMQP_SYMBOL)
            continue; /* annotations may be keyed by numbers: reserved, nobody reads them */
        name = hub_amqp_arena_copy(arena, key->s);
        if (!name)
            return EDGE_ELIMIT;
        if (strlen(name) != key->s.len)
            return EDGE_EPROTOCOL;
        pairs[(*ret_n)++] = (struct hub_amqp_pair){name, map.values[2 * i + 1]};
    }
    *ret = pairs;
    return 0;
}

const struct hub_amqp_value *hub_amqp_find(const struct hub_amqp_pair *pairs, size_t n,
                                           const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(pairs[i].name, name) == 0)
            return &pairs[i].value;
    }
    return NULL;
}
