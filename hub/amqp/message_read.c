#include <string.h>

#include "hub/amqp/message.h"
#include "hub/amqp/value.h"
#include "hub/amqp/walk.h"

enum section {
    HEADER = 0x70,
    DELIVERY_ANNOTATIONS,
    ANNOTATIONS,
    PROPERTIES,
    APPLICATION_PROPERTIES,
    DATA,
    SEQUENCE,
    VALUE,
    FOOTER
};

enum { DEPTH = 64 }; /* of a section: only what is bounded elsewhere looks into it */

struct reader {
    struct hub_amqp_arena *arena;
    struct hub_amqp_message *message;
    unsigned values; /* that may still come: each takes a byte, but for those of strange arrays */
    size_t size;     /* of all of it: room for sections that are joined */
    uint8_t *joined; /* NULL while there is one section of the body */
};

/* A text field: string or symbol, in @p slot; null leaves it. */
static int text(struct reader *r, struct edge_bytes element, const char **slot)
{
    struct hub_amqp_value value;
    int rc = hub_amqp_value_read(r->arena, element, &value);

    if (rc < 0 || value.kind == HUB_AMQP_NULL)
        return rc;
    if (value.kind != HUB_AMQP_STRING && value.kind != HUB_AMQP_SYMBOL)
        return EDGE_EPROTOCOL;
    if (value.s.len > 0 && memchr(value.s.data, 0, value.s.len))
        return EDGE_EPROTOCOL;
    *slot = hub_amqp_arena_copy(r->arena, value.s);
    return *slot ? 0 : EDGE_ELIMIT;
}

static int bytes_of(struct reader *r, struct edge_bytes element, struct edge_bytes *slot)
{
    struct hub_amqp_value value;
    int rc = hub_amqp_value_read(r->arena, element, &value);

    if (rc == 0)
        *slot = value.s;
    return rc;
}

static int time_of(struct reader *r, struct edge_bytes element, int64_t *slot)
{
    struct hub_amqp_value value;
    int rc = hub_amqp_value_read(r->arena, element, &value);

    if (rc == 0)
        *slot = value.kind == HUB_AMQP_TIMESTAMP ? value.i : 0;
    return rc;
}

static int property(struct reader *r, size_t index, struct edge_bytes element)
{
    struct hub_amqp_message *m = r->message;

    switch (index) {
    case 0:
        return hub_amqp_value_read(r->arena, element, &m->message_id);
    case 1:
        return bytes_of(r, element, &m->user_id);
    case 2:
        return text(r, element, &m->to);
    case 3:
        return text(r, element, &m->subject);
    case 4:
        return text(r, element, &m->reply_to);
    case 5:
        return hub_amqp_value_read(r->arena, element, &m->correlation_id);
    case 6:
        return text(r, element, &m->content_type);
    case 7:
        return text(r, element, &m->content_encoding);
    case 8:
        return time_of(r, element, &m->expiry_ms);
    case 9:
        return time_of(r, element, &m->creation_ms);
    default:
        return 0;
    }
}

static int properties(struct reader *r, struct edge_bytes list)
{
    struct edge_bytes elements, element;
    size_t count;
    int rc = hub_amqp_list(list, &count, &elements);

    for (size_t i = 0; i < count && rc == 0; i++) {
        if (!hub_amqp_step(&elements, &element))
            return EDGE_EPROTOCOL;
        rc = property(r, i, element);
    }
    return rc;
}

/* Of the header only the delivery count, its fifth field. */
static int header(struct reader *r, struct edge_bytes list)
{
    struct edge_bytes elements, element;
    size_t count;
    int rc = hub_amqp_list(list, &count, &elements);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        if (!hub_amqp_step(&elements, &element))
            return EDGE_EPROTOCOL;
        if (i == 4)
            (void) hub_amqp_uint(element, &r->message->delivery_count);
    }
    return 0;
}

/* The first section is borrowed from the input; with a second they are joined in the arena. */
static int join(struct reader *r, struct edge_bytes *body, struct edge_bytes section)
{
    if (body->len == 0) {
        *body = section;
        return 0;
    }
    if (!r->joined) {
        r->joined = hub_amqp_arena_get(r->arena, r->size);
        if (!r->joined)
            return EDGE_ELIMIT;
        memcpy(r->joined, body->data, body->len);
        body->data = r->joined;
    }
    if (section.len > 0)
        memcpy(r->joined + body->len, section.data, section.len);
    body->len += section.len;
    return 0;
}

/* Several sections of a body are of one kind. */
static bool begins(struct hub_amqp_message *m, enum hub_amqp_body body)
{
    if (m->body != HUB_AMQP_BODY_NONE && m->body != body)
        return false;
    m->body = body;
    return true;
}

static int data(struct reader *r, struct edge_bytes encoded)
{
    struct hub_amqp_value value;
    int rc = hub_amqp_value_read(r->arena, encoded, &value);

    if (rc == 0 && (value.kind != HUB_AMQP_BINARY || !begins(r->message, HUB_AMQP_BODY_DATA)))
        rc = EDGE_EPROTOCOL;
    return rc == 0 ? join(r, &r->message->data, value.s) : rc;
}

static int sequence(struct reader *r, struct edge_bytes encoded)
{
    if (!begins(r->message, HUB_AMQP_BODY_SEQUENCE))
        return EDGE_EPROTOCOL;
    return join(r, &r->message->encoded, encoded);
}

static int body_value(struct reader *r, struct edge_bytes encoded)
{
    struct hub_amqp_message *m = r->message;
    int rc = 0;

    if (m->body != HUB_AMQP_BODY_NONE)
        return EDGE_EPROTOCOL;
    m->body = HUB_AMQP_BODY_VALUE;
    m->encoded = encoded;
    if (encoded.len > 0 && encoded.data[0] < 0xc0) /* it holds no others */
        rc = hub_amqp_value_read(r->arena, encoded, &m->value);
    m->data = m->value.s;
    return rc;
}

static int section(struct reader *r, uint64_t code, struct edge_bytes value)
{
    struct hub_amqp_message *m = r->message;

    switch (code) {
    case HEADER:
        return header(r, value);
    case ANNOTATIONS:
        return hub_amqp_pairs_read(r->arena, value, &m->annotations, &m->nannotations);
    case PROPERTIES:
        return properties(r, value);
    case APPLICATION_PROPERTIES:
        return hub_amqp_pairs_read(r->arena, value, &m->properties, &m->nproperties);
    case DATA:
        return data(r, value);
    case VALUE:
        return body_value(r, value);
    case SEQUENCE:
        return sequence(r, value);
    case DELIVERY_ANNOTATIONS:
    case FOOTER:
        return 0;
    default:
        return EDGE_EPROTOCOL;
    }
}

/* The section at the front: its code, its value, and the rest in @p bytes. */
static int cut(struct edge_bytes *bytes, unsigned *values, uint64_t *ret_code,
               struct edge_bytes *ret)
{
    size_t len;
    int rc = hub_amqp_walk_deep(*bytes, DEPTH, values, &len);

    if (rc == 0)
        rc = hub_amqp_described((struct edge_bytes){bytes->data, len}, ret_code, ret);
    if (rc < 0)
        return rc;
    bytes->data += len;
    bytes->len -= len;
    return 0;
}

int hub_amqp_message_read(struct hub_amqp_arena *arena, struct edge_bytes bytes,
                          struct hub_amqp_message *ret)
{
    struct reader r = {
        .arena = arena, .message = ret, .values = (unsigned) bytes.len, .size = bytes.len};
    struct edge_bytes value = {0};
    uint64_t code = 0;
    int rc = 0;

    *ret = (struct hub_amqp_message){0};
    for (unsigned sections = 0; bytes.len > 0 && rc == 0; sections++) {
        if (sections == HUB_AMQP_VALUES_MAX)
            return EDGE_ELIMIT;
        rc = cut(&bytes, &r.values, &code, &value);
        if (rc == 0)
            rc = section(&r, code, value);
    }
    return rc;
}

int hub_amqp_batch_next(struct edge_bytes bytes, size_t *at, struct edge_bytes *ret)
{
    struct hub_amqp_arena none = HUB_AMQP_ARENA_INIT(0);
    struct edge_bytes rest = {bytes.data + *at, bytes.len - *at}, value = {0};
    struct hub_amqp_value binary;
    unsigned values = (unsigned) rest.len;
    uint64_t code = 0;
    int rc;

    while (rest.len > 0) {
        rc = cut(&rest, &values, &code, &value);
        if (rc < 0)
            return rc;
        *at = bytes.len - rest.len;
        if (code != DATA)
            continue;
        rc = hub_amqp_value_read(&none, value, &binary);
        if (rc == 0 && binary.kind != HUB_AMQP_BINARY)
            rc = EDGE_EPROTOCOL;
        *ret = binary.s;
        return rc;
    }
    return HUB_AMQP_MESSAGE_END;
}
