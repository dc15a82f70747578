#include <string.h>

#include "hub/amqp/message.h"
#include "hub/amqp/value.h"

static const struct hub_amqp_value null_value;

static void put_text(struct edge_buf *out, const char *text, enum hub_amqp_kind kind)
{
    struct hub_amqp_value value = hub_amqp_text(text);

    if (text)
        value.kind = kind;
    hub_amqp_value_write(out, &value);
}

static void put_time(struct edge_buf *out, int64_t ms)
{
    struct hub_amqp_value value = {.kind = ms ? HUB_AMQP_TIMESTAMP : HUB_AMQP_NULL, .i = ms};

    hub_amqp_value_write(out, &value);
}

/* The header is sent for its delivery count alone. */
static void put_header(struct edge_buf *out, uint32_t delivery_count)
{
    uint8_t count[5] = {0x70, (uint8_t) (delivery_count >> 24), (uint8_t) (delivery_count >> 16),
                        (uint8_t) (delivery_count >> 8), (uint8_t) delivery_count};
    size_t at;

    hub_amqp_descriptor_write(out, 0x70);
    at = hub_amqp_compound_open(out, 0xd0);
    for (size_t i = 0; i < 4; i++)
        hub_amqp_value_write(out, &null_value);
    (void) edge_buf_append(out, count, sizeof count);
    hub_amqp_compound_close(out, at, 5);
}

static void put_properties(struct edge_buf *out, const struct hub_amqp_message *m)
{
    struct hub_amqp_value user = {.kind = m->user_id.data ? HUB_AMQP_BINARY : HUB_AMQP_NULL,
                                  .s = m->user_id};
    size_t at;

    hub_amqp_descriptor_write(out, 0x73);
    at = hub_amqp_compound_open(out, 0xd0);
    hub_amqp_value_write(out, &m->message_id);
    hub_amqp_value_write(out, &user);
    put_text(out, m->to, HUB_AMQP_STRING);
    put_text(out, m->subject, HUB_AMQP_STRING);
    put_text(out, m->reply_to, HUB_AMQP_STRING);
    hub_amqp_value_write(out, &m->correlation_id);
    put_text(out, m->content_type, HUB_AMQP_SYMBOL);
    put_text(out, m->content_encoding, HUB_AMQP_SYMBOL);
    put_time(out, m->expiry_ms);
    put_time(out, m->creation_ms);
    hub_amqp_compound_close(out, at, 10);
}

static void put_body(struct edge_buf *out, const struct hub_amqp_message *m)
{
    struct hub_amqp_value binary = {.kind = HUB_AMQP_BINARY, .s = m->data};

    if (m->body == HUB_AMQP_BODY_VALUE) {
        hub_amqp_descriptor_write(out, 0x77);
        hub_amqp_value_write(out, &m->value);
        return;
    }
    hub_amqp_descriptor_write(out, 0x75); /* a message has a body, if an empty one */
    hub_amqp_value_write(out, &binary);
}

int hub_amqp_message_write(struct edge_buf *out, const struct hub_amqp_message *m)
{
    if (m->delivery_count > 0)
        put_header(out, m->delivery_count);
    if (m->nannotations > 0) {
        hub_amqp_descriptor_write(out, 0x72);
        hub_amqp_pairs_write(out, m->annotations, m->nannotations, HUB_AMQP_SYMBOL);
    }
    put_properties(out, m);
    if (m->nproperties > 0) {
        hub_amqp_descriptor_write(out, 0x74);
        hub_amqp_pairs_write(out, m->properties, m->nproperties, HUB_AMQP_STRING);
    }
    put_body(out, m);
    return edge_buf_error(out);
}
