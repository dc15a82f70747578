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

struct reader {
    struct hub_amqp_arena *arena;
    struct hub_amqp_message *message;
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
static int data(struct reader *r, struct edge_bytes encoded)
{
    struct hub_amqp_message *m = r->message;
    struct hub_amqp_value value;
    uint8_t *joined;
    int rc = hub_amqp_value_read(r->arena, encoded, &value);

    if (rc < 0)
        return rc;
    if (value.kind != HUB_AMQP_BINARY || m->body == HUB_AMQP_BODY_VALUE)
        return EDGE_EPROTOCOL;
    if (m->body == HUB_AMQP_BODY_NONE) {
        m->body = HUB_AMQP_BODY_DATA;
        m->data = value.s;
        return 0;
    }
    joined = hub_amqp_arena_get(r->arena, m->data.len + value.s.len + 1);
    if (!joined)
        return EDGE_ELIMIT;
    if (m->data.len > 0)
        memcpy(joined, m->data.data, m->data.len);
    if (value.s.len > 0)
        memcpy(joined + m->data.len, value.s.data, value.s.len);
    m->data = (struct edge_bytes){joined, m->data.len + value.s.len};
    return 0;
}

static int body_value(struct reader *r, struct edge_bytes encoded)
{
    struct hub_amqp_message *m = r->message;
    int rc;

    if (m->body != HUB_AMQP_BODY_NONE)
        return EDGE_EPROTOCOL;
    m->body = HUB_AMQP_BODY_VALUE;
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
    case DELIVERY_ANNOTATIONS:
    case SEQUENCE:
    case FOOTER:
        return 0;
    default:
        return EDGE_EPROTOCOL;
    }
}

/* The section at the front: its code, its value, and the rest in @p bytes. */
static int cut(struct edge_bytes *bytes, uint64_t *ret_code, struct edge_bytes *ret)
{
    unsigned values = HUB_AMQP_VALUES_MAX;
    size_t len;
    int rc = hub_amqp_walk(*bytes, &values, &len);

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
    struct reader r = {.arena = arena, .message = ret};
    struct edge_bytes value = {0};
    uint64_t code = 0;
    int rc = 0;

    *ret = (struct hub_amqp_message){0};
    for (unsigned sections = 0; bytes.len > 0 && rc == 0; sections++) {
        if (sections == HUB_AMQP_VALUES_MAX)
            return EDGE_ELIMIT;
        rc = cut(&bytes, &code, &value);
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
    uint64_t code = 0;
    int rc;

    while (rest.len > 0) {
        rc = cut(&rest, &code, &value);
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
