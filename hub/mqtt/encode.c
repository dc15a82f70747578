#include "hub/mqtt/codec.h"

#include <string.h>

/* Put the fixed header of a packet of @p len further bytes; the result is its own length. */
static size_t put_header(uint8_t *out, uint8_t first, size_t len)
{
    size_t at = 0;

    out[at++] = first;
    do {
        out[at++] = (uint8_t) ((len & 0x7f) | (len > 0x7f ? 0x80 : 0));
        len >>= 7;
    } while (len > 0);
    return at;
}

static void put_number(uint8_t *out, uint16_t number)
{
    out[0] = (uint8_t) (number >> 8);
    out[1] = (uint8_t) number;
}

/* The calls below go on after an error, which sticks to the buffer. */
static void add_number(struct edge_buf *out, uint16_t number)
{
    uint8_t bytes[2];

    put_number(bytes, number);
    edge_ignore(edge_buf_append(out, bytes, sizeof bytes));
}

static void add_text(struct edge_buf *out, struct edge_bytes text)
{
    add_number(out, (uint16_t) text.len);
    edge_ignore(edge_buf_append(out, text.data, text.len));
}

/* Begin a packet if all of it will fit, so that a failure leaves nothing behind. */
static int begin(struct edge_buf *out, uint8_t first, size_t len)
{
    uint8_t header[MQTT_HEADER_MAX];
    size_t size;

    if (len >= (size_t) 1 << 28 || out->max - out->len < len + MQTT_HEADER_MAX)
        return EDGE_ELIMIT;
    size = put_header(header, first, len);
    return edge_buf_append(out, header, size);
}

static int end(struct edge_buf *out, size_t before)
{
    int rc = edge_buf_error(out);

    if (rc < 0)
        out->len = before;
    return rc;
}

int mqtt_encode_publish(struct edge_buf *out, const struct mqtt_publish *publish)
{
    size_t before = out->len;
    size_t len = 2 + publish->topic.len + (publish->qos ? 2 : 0) + publish->payload.len;
    unsigned bits = (publish->dup ? 8u : 0u) | (unsigned) publish->qos << 1 | publish->retain;
    int rc;

    if (publish->topic.len > MQTT_STRING_MAX)
        return EDGE_ELIMIT;
    rc = begin(out, (uint8_t) (MQTT_PUBLISH << 4 | bits), len);
    if (rc < 0)
        return rc;
    add_text(out, publish->topic);
    if (publish->qos > 0)
        add_number(out, publish->id);
    edge_ignore(edge_buf_append(out, publish->payload.data, publish->payload.len));
    return end(out, before);
}

int mqtt_encode_connect(struct edge_buf *out, const struct mqtt_connect *connect)
{
    const struct edge_bytes texts[] = {connect->client_id, connect->will_topic,
                                       connect->will_payload, connect->user, connect->password};
    const bool present[] = {true, connect->will_topic.data, connect->will_topic.data,
                            connect->user.data, connect->password.data};
    unsigned flags = (connect->clean ? 0x02u : 0u) | (present[1] ? 0x04u : 0u) |
                     (unsigned) connect->will_qos << 3 | (connect->will_retain ? 0x20u : 0u) |
                     (present[4] ? 0x40u : 0u) | (present[3] ? 0x80u : 0u);
    uint8_t head[] = {0, 4, 'M', 'Q', 'T', 'T', 4, (uint8_t) flags};
    size_t before = out->len;
    size_t len = sizeof head + 2;
    int rc;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(texts); i++) {
        if (texts[i].len > MQTT_STRING_MAX)
            return EDGE_ELIMIT;
        len += present[i] ? 2 + texts[i].len : 0;
    }
    rc = begin(out, MQTT_CONNECT << 4, len);
    if (rc < 0)
        return rc;
    edge_ignore(edge_buf_append(out, head, sizeof head));
    add_number(out, connect->keep_alive);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(texts); i++)
        if (present[i])
            add_text(out, texts[i]);
    return end(out, before);
}

int mqtt_encode_subscribe(struct edge_buf *out, uint16_t id, struct edge_bytes filter, uint8_t qos)
{
    size_t before = out->len;
    int rc;

    if (filter.len > MQTT_STRING_MAX)
        return EDGE_ELIMIT;
    rc = begin(out, MQTT_SUBSCRIBE << 4 | 2, 2 + 2 + filter.len + 1);
    if (rc < 0)
        return rc;
    add_number(out, id);
    add_text(out, filter);
    edge_ignore(edge_buf_append(out, &qos, 1));
    return end(out, before);
}

int mqtt_encode_unsubscribe(struct edge_buf *out, uint16_t id, struct edge_bytes filter)
{
    size_t before = out->len;
    int rc;

    if (filter.len > MQTT_STRING_MAX)
        return EDGE_ELIMIT;
    rc = begin(out, MQTT_UNSUBSCRIBE << 4 | 2, 2 + 2 + filter.len);
    if (rc < 0)
        return rc;
    add_number(out, id);
    add_text(out, filter);
    return end(out, before);
}

size_t mqtt_put_connack(uint8_t out[MQTT_SHORT_MAX], enum mqtt_connack_code code,
                        bool session_present)
{
    out[0] = MQTT_CONNACK << 4;
    out[1] = 2;
    out[2] = session_present && code == MQTT_ACCEPTED; /* [MQTT-3.2.2-4] */
    out[3] = (uint8_t) code;
    return 4;
}

size_t mqtt_put_ack(uint8_t out[MQTT_SHORT_MAX], enum mqtt_type type, uint16_t id)
{
    out[0] = (uint8_t) (type << 4);
    out[1] = 2;
    put_number(out + 2, id);
    return 4;
}

size_t mqtt_put_empty(uint8_t out[MQTT_SHORT_MAX], enum mqtt_type type)
{
    out[0] = (uint8_t) (type << 4);
    out[1] = 0;
    return 2;
}

size_t mqtt_put_suback(uint8_t out[MQTT_SUBACK_MAX], uint16_t id, uint64_t granted, unsigned count)
{
    size_t at = put_header(out, MQTT_SUBACK << 4, 2 + count);

    put_number(out + at, id);
    at += 2;
    for (unsigned i = 0; i < count; i++)
        out[at++] = (granted >> i) & 1;
    return at;
}
