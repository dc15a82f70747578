#include "hub/amqp/walk.h"

#include "common/base/err.h"

struct walk {
    const uint8_t *at;
    const uint8_t *end;
    unsigned left; /* values */
};

static size_t left(const struct walk *w)
{
    return (size_t) (w->end - w->at);
}

/* A big-endian number of @p width bytes. */
static bool number(struct walk *w, size_t width, uint64_t *ret)
{
    if (left(w) < width)
        return false;
    *ret = 0;
    while (width-- > 0)
        *ret = *ret << 8 | *w->at++;
    return true;
}

static int value(struct walk *w, unsigned depth);
static int content(struct walk *w, uint8_t code, unsigned depth);

/* A list, a map or an array, whose size and count are @p width bytes wide. */
static int compound(struct walk *w, uint8_t code, size_t width, unsigned depth)
{
    bool array = (code & 0xf0) >= 0xe0;
    struct walk in = *w;
    uint64_t size, count;
    uint8_t element = 0;
    int rc = 0;

    if (depth == 0)
        return EDGE_ELIMIT;
    if (!number(&in, width, &size) || size < width || size > left(&in))
        return EDGE_EPROTOCOL;
    in.end = in.at + size;
    if (!number(&in, width, &count))
        return EDGE_EPROTOCOL;
    if (count > in.left)
        return EDGE_ELIMIT;
    if ((code & 0xef) == 0xc1 && count % 2 != 0) /* half a pair of a map */
        return EDGE_EPROTOCOL;
    if (array) {
        if (left(&in) == 0 || *in.at == 0) /* arrays of described values: nobody sends them */
            return EDGE_EPROTOCOL;
        element = *in.at++;
    }
    for (uint64_t i = 0; i < count && rc == 0; i++) {
        if (!array) {
            rc = value(&in, depth - 1);
            continue;
        }
        if (in.left == 0)
            return EDGE_ELIMIT;
        in.left--;
        rc = content(&in, element, depth - 1);
    }
    if (rc == 0 && in.at != in.end)
        rc = EDGE_EPROTOCOL;
    w->at = in.end;
    w->left = in.left;
    return rc;
}

/* Over the scalar that follows its constructor @p code. @return false: it is none, or cut short */
static bool scalar(struct walk *w, uint8_t code)
{
    static const uint8_t fixed[] = {[4] = 0, [5] = 1, [6] = 2, [7] = 4, [8] = 8, [9] = 16};
    unsigned kind = code >> 4;
    uint64_t size;

    if (kind < 4 || kind > 0xb)
        return false;
    if (kind < 0xa)
        size = fixed[kind];
    else if (!number(w, kind == 0xa ? 1 : 4, &size))
        return false;
    if (size > left(w))
        return false;
    w->at += size;
    return true;
}

/* What follows the constructor @p code. */
static int content(struct walk *w, uint8_t code, unsigned depth)
{
    if (code >= 0xc0)
        return compound(w, code, code & 0x10 ? 4 : 1, depth); /* 0xD., 0xF. against 0xC., 0xE. */
    return scalar(w, code) ? 0 : EDGE_EPROTOCOL;
}

/* Of a described value: in front of what it describes, a scalar. */
static bool descriptor(struct walk *w)
{
    return left(w) > 0 && scalar(w, *w->at++);
}

static int value(struct walk *w, unsigned depth)
{
    if (w->left == 0)
        return EDGE_ELIMIT;
    w->left--;
    if (left(w) == 0)
        return EDGE_EPROTOCOL;
    if (*w->at != 0)
        return content(w, *w->at++, depth);

    w->at++;
    if (!descriptor(w))
        return EDGE_EPROTOCOL;
    return depth == 0 ? EDGE_ELIMIT : value(w, depth - 1);
}

int hub_amqp_walk_deep(struct edge_bytes bytes, unsigned depth, unsigned *values, size_t *ret_len)
{
    struct walk w = {bytes.data, bytes.data + bytes.len, *values};
    int rc = value(&w, depth);

    if (rc < 0)
        return rc;
    *values = w.left;
    *ret_len = (size_t) (w.at - bytes.data);
    return 0;
}

int hub_amqp_walk(struct edge_bytes bytes, unsigned *values, size_t *ret_len)
{
    return hub_amqp_walk_deep(bytes, HUB_AMQP_DEPTH, values, ret_len);
}

int hub_amqp_described(struct edge_bytes bytes, uint64_t *ret_code, struct edge_bytes *ret_value)
{
    struct walk w = {bytes.data, bytes.data + bytes.len, 1};
    uint8_t form;

    if (left(&w) < 2 || *w.at++ != 0)
        return EDGE_EPROTOCOL;
    form = *w.at++;
    if (form != 0x53 && form != 0x80)
        return EDGE_EPROTOCOL;
    if (!number(&w, form == 0x53 ? 1 : 8, ret_code))
        return EDGE_EPROTOCOL;
    *ret_value = (struct edge_bytes){w.at, left(&w)};
    return 0;
}

int hub_amqp_list(struct edge_bytes list, size_t *ret_count, struct edge_bytes *ret_elements)
{
    struct walk w = {list.data, list.data + list.len, 0};
    uint64_t size = 0, count = 0;
    uint8_t form;

    if (left(&w) == 0)
        return EDGE_EPROTOCOL;
    form = *w.at++;
    if (form != 0x45) { /* not the empty list */
        size_t width = form == 0xc0 ? 1 : 4;

        if ((form != 0xc0 && form != 0xd0) || !number(&w, width, &size) || size < width ||
            size > left(&w) || !number(&w, width, &count))
            return EDGE_EPROTOCOL;
        size -= width;
    }
    *ret_count = (size_t) count;
    *ret_elements = (struct edge_bytes){w.at, (size_t) size};
    return 0;
}

bool hub_amqp_step(struct edge_bytes *elements, struct edge_bytes *ret_element)
{
    struct walk w = {elements->data, elements->data + elements->len, 0};
    unsigned values = UINT16_MAX;
    size_t len;

    if (left(&w) > 0 && scalar(&w, *w.at++)) /* most are */
        len = elements->len - left(&w);
    else if (hub_amqp_walk(*elements, &values, &len) < 0)
        return false;
    *ret_element = (struct edge_bytes){elements->data, len};
    elements->data += len;
    elements->len -= len;
    return true;
}

bool hub_amqp_is_scalar(struct edge_bytes bytes)
{
    struct walk w = {bytes.data, bytes.data + bytes.len, 0};

    return bytes.len > 0 && scalar(&w, *w.at++) && left(&w) == 0;
}

bool hub_amqp_uint(struct edge_bytes element, uint32_t *ret)
{
    struct walk w;
    uint64_t wide = 0;
    uint8_t form;

    if (element.len == 0)
        return false;
    w = (struct walk){element.data + 1, element.data + element.len, 0};
    form = *element.data;
    if (form != 0x43 && !(form == 0x52 && number(&w, 1, &wide)) &&
        !(form == 0x70 && number(&w, 4, &wide)))
        return false;
    *ret = (uint32_t) wide;
    return true;
}

bool hub_amqp_bool(struct edge_bytes element, bool *ret)
{
    if (element.len == 0)
        return false;
    if (element.data[0] == 0x41 || element.data[0] == 0x42)
        *ret = element.data[0] == 0x41;
    else if (element.data[0] == 0x56 && element.len == 2)
        *ret = element.data[1] != 0;
    else
        return false;
    return true;
}
