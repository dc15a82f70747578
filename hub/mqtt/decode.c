#include "hub/mqtt/codec.h"

#include <string.h>

#include "common/json/utf8.h"

/* What is left of the packet; a read past its end sets `bad` and gives nothing. */
struct cursor {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static const char *const names[MQTT_TYPE_MAX] = {
    [MQTT_CONNECT] = "CONNECT",   [MQTT_CONNACK] = "CONNACK",
    [MQTT_PUBLISH] = "PUBLISH",   [MQTT_PUBACK] = "PUBACK",
    [MQTT_PUBREC] = "PUBREC",     [MQTT_PUBREL] = "PUBREL",
    [MQTT_PUBCOMP] = "PUBCOMP",   [MQTT_SUBSCRIBE] = "SUBSCRIBE",
    [MQTT_SUBACK] = "SUBACK",     [MQTT_UNSUBSCRIBE] = "UNSUBSCRIBE",
    [MQTT_UNSUBACK] = "UNSUBACK", [MQTT_PINGREQ] = "PINGREQ",
    [MQTT_PINGRESP] = "PINGRESP", [MQTT_DISCONNECT] = "DISCONNECT",
};

const char *mqtt_type_name(unsigned type)
{
    return type < MQTT_TYPE_MAX && names[type] ? names[type] : "reserved";
}

static struct edge_bytes take(struct cursor *c, size_t len)
{
    struct edge_bytes bytes = {c->at, len};

    if (c->bad || len > c->left) {
        c->bad = true;
        return (struct edge_bytes){NULL, 0};
    }
    c->at += len;
    c->left -= len;
    return bytes;
}

static uint8_t take_byte(struct cursor *c)
{
    struct edge_bytes b = take(c, 1);

    return b.len ? b.data[0] : 0;
}

static uint16_t take_number(struct cursor *c)
{
    struct edge_bytes b = take(c, 2);

    return b.len ? (uint16_t) (b.data[0] << 8 | b.data[1]) : 0;
}

static struct edge_bytes take_binary(struct cursor *c)
{
    return take(c, take_number(c));
}

/* [MQTT-1.5.3-1..3]: well-formed UTF-8 and no U+0000. */
static struct edge_bytes take_text(struct cursor *c)
{
    struct edge_bytes text = take_binary(c);

    if (text.len > 0 &&
        (memchr(text.data, 0, text.len) || !edge_utf8_valid((const char *) text.data, text.len)))
        c->bad = true;
    return text;
}

static uint16_t take_id(struct cursor *c)
{
    uint16_t id = take_number(c);

    if (id == 0) /* [MQTT-2.3.1-1] */
        c->bad = true;
    return id;
}

static int malformed(struct edge_err *err, enum mqtt_type type, const char *what)
{
    return edge_fail(err, EDGE_EPROTOCOL, "%s: %s", mqtt_type_name(type), what);
}

enum {
    FLAG_CLEAN = 0x02,
    FLAG_WILL = 0x04,
    FLAG_WILL_QOS = 0x18,
    FLAG_WILL_RETAIN = 0x20,
    FLAG_PASSWORD = 0x40,
    FLAG_USER = 0x80,
};

static const char *wrong_flags(uint8_t flags)
{
    if (flags & 0x01)
        return "the reserved flag is set"; /* [MQTT-3.1.2-3] */
    if (!(flags & FLAG_WILL) && (flags & (FLAG_WILL_QOS | FLAG_WILL_RETAIN)))
        return "flags of a will without a will"; /* [MQTT-3.1.2-13, 15] */
    if ((flags & FLAG_WILL_QOS) == FLAG_WILL_QOS)
        return "the will's QoS is 3"; /* [MQTT-3.1.2-14] */
    if ((flags & FLAG_PASSWORD) && !(flags & FLAG_USER))
        return "a password without a user name"; /* [MQTT-3.1.2-22] */
    return NULL;
}

static bool has_wildcard(struct edge_bytes topic)
{
    return memchr(topic.data, '#', topic.len) || memchr(topic.data, '+', topic.len);
}

static void read_connect_payload(struct cursor *c, uint8_t flags, struct mqtt_connect *connect)
{
    connect->client_id = take_text(c);
    if (flags & FLAG_WILL) {
        connect->will_topic = take_text(c);
        connect->will_payload = take_binary(c);
        connect->will_qos = (flags & FLAG_WILL_QOS) >> 3;
        connect->will_retain = flags & FLAG_WILL_RETAIN;
        if (c->bad || connect->will_topic.len == 0 || has_wildcard(connect->will_topic))
            c->bad = true;
    }
    if (flags & FLAG_USER)
        connect->user = take_text(c);
    if (flags & FLAG_PASSWORD)
        connect->password = take_binary(c);
}

static int read_connect(struct cursor *c, uint8_t bits, struct mqtt_packet *ret,
                        struct edge_err *err)
{
    struct mqtt_connect *connect = &ret->connect;
    struct edge_bytes name = take_binary(c);
    uint8_t flags;
    const char *wrong;

    (void) bits;
    connect->level = take_byte(c);
    if (c->bad || name.len != 4 || memcmp(name.data, "MQTT", 4) != 0) /* [MQTT-3.1.2-1] */
        return malformed(err, MQTT_CONNECT, "the protocol's name is not MQTT");
    if (connect->level != 4)
        return MQTT_LEVEL;

    flags = take_byte(c);
    wrong = wrong_flags(flags);
    if (wrong)
        return malformed(err, MQTT_CONNECT, wrong);
    connect->clean = flags & FLAG_CLEAN;
    connect->keep_alive = take_number(c);
    read_connect_payload(c, flags, connect);
    return 0;
}

static int read_connack(struct cursor *c, uint8_t bits, struct mqtt_packet *ret,
                        struct edge_err *err)
{
    uint8_t flags = take_byte(c);

    (void) bits;
    ret->connack.code = take_byte(c);
    ret->connack.session_present = flags & 1;
    if (flags > 1)
        return malformed(err, MQTT_CONNACK, "reserved flags are set");
    return 0;
}

static int read_publish(struct cursor *c, uint8_t bits, struct mqtt_packet *ret,
                        struct edge_err *err)
{
    struct mqtt_publish *publish = &ret->publish;

    publish->retain = bits & 1;
    publish->qos = (bits >> 1) & 3;
    publish->dup = bits & 8;
    if (publish->qos == 3) /* [MQTT-3.3.1-4] */
        return malformed(err, MQTT_PUBLISH, "QoS 3");
    if (publish->dup && publish->qos == 0) /* [MQTT-3.3.1-2] */
        return malformed(err, MQTT_PUBLISH, "DUP with QoS 0");

    publish->topic = take_text(c);
    if (!c->bad && (publish->topic.len == 0 || has_wildcard(publish->topic)))
        return malformed(err, MQTT_PUBLISH, "no topic to publish to"); /* [MQTT-3.3.2-2] */
    if (publish->qos > 0)
        ret->id = publish->id = take_id(c);
    publish->payload = take(c, c->left);
    return 0;
}

static int read_ack(struct cursor *c, uint8_t bits, struct mqtt_packet *ret, struct edge_err *err)
{
    (void) bits;
    (void) err;
    ret->id = take_id(c);
    return 0;
}

/* [MQTT-4.7.1-2, 3]: '#' alone in the last level, '+' alone in its level. */
static bool filter_valid(struct edge_bytes filter)
{
    for (size_t i = 0; i < filter.len; i++) {
        bool starts = i == 0 || filter.data[i - 1] == '/';
        bool ends = i + 1 == filter.len || filter.data[i + 1] == '/';

        if (filter.data[i] == '+' && !(starts && ends))
            return false;
        if (filter.data[i] == '#' && !(starts && i + 1 == filter.len))
            return false;
    }
    return filter.len > 0;
}

static int read_filters(struct cursor *c, uint8_t bits, struct mqtt_packet *ret,
                        struct edge_err *err)
{
    unsigned count = 0;

    (void) bits;
    ret->id = take_id(c);
    ret->filters = (struct edge_bytes){c->at, c->left};
    while (!c->bad && c->left > 0) {
        struct edge_bytes filter = take_text(c);

        if (!c->bad && !filter_valid(filter))
            return malformed(err, ret->type, "not a topic filter");
        if (ret->type == MQTT_SUBSCRIBE && take_byte(c) > 2) /* [MQTT-3.8.3-4] */
            return malformed(err, ret->type, "QoS over 2");
        if (++count > MQTT_FILTERS_MAX)
            return edge_fail(err, EDGE_ELIMIT, "%s: more than %d filters",
                             mqtt_type_name(ret->type), MQTT_FILTERS_MAX);
    }
    if (count == 0) /* [MQTT-3.8.3-3], [MQTT-3.10.3-2] */
        return malformed(err, ret->type, "no filter");
    return 0;
}

static int read_suback(struct cursor *c, uint8_t bits, struct mqtt_packet *ret,
                       struct edge_err *err)
{
    (void) bits;
    ret->id = take_id(c);
    ret->codes = take(c, c->left);
    for (size_t i = 0; i < ret->codes.len; i++)
        if (ret->codes.data[i] > 2 && ret->codes.data[i] != 0x80)
            return malformed(err, MQTT_SUBACK, "a reserved code"); /* [MQTT-3.9.3-2] */
    if (ret->codes.len == 0)
        return malformed(err, MQTT_SUBACK, "no code");
    return 0;
}

static int read_nothing(struct cursor *c, uint8_t bits, struct mqtt_packet *ret,
                        struct edge_err *err)
{
    (void) c;
    (void) bits;
    (void) ret;
    (void) err;
    return 0;
}

static const struct kind {
    int (*read)(struct cursor *c, uint8_t bits, struct mqtt_packet *ret, struct edge_err *err);
    uint8_t bits; /* of the first byte's lower half, but for PUBLISH [MQTT-2.2.2-1] */
} kinds[MQTT_TYPE_MAX] = {
    [MQTT_CONNECT] = {read_connect, 0},  [MQTT_CONNACK] = {read_connack, 0},
    [MQTT_PUBLISH] = {read_publish, 0},  [MQTT_PUBACK] = {read_ack, 0},
    [MQTT_PUBREC] = {read_ack, 0},       [MQTT_PUBREL] = {read_ack, 2},
    [MQTT_PUBCOMP] = {read_ack, 0},      [MQTT_SUBSCRIBE] = {read_filters, 2},
    [MQTT_SUBACK] = {read_suback, 0},    [MQTT_UNSUBSCRIBE] = {read_filters, 2},
    [MQTT_UNSUBACK] = {read_ack, 0},     [MQTT_PINGREQ] = {read_nothing, 0},
    [MQTT_PINGRESP] = {read_nothing, 0}, [MQTT_DISCONNECT] = {read_nothing, 0},
};

/* The remaining length: seven bits a byte, at most four. 0 when it is complete. */
static int read_length(struct edge_bytes data, size_t *ret_header, size_t *ret_len)
{
    size_t len = 0;

    for (size_t i = 1; i < MQTT_HEADER_MAX; i++) {
        if (i >= data.len)
            return MQTT_MORE;
        len |= (size_t) (data.data[i] & 0x7f) << (7 * (i - 1));
        if (!(data.data[i] & 0x80)) {
            *ret_header = i + 1;
            *ret_len = len;
            return 0;
        }
    }
    return EDGE_EPROTOCOL;
}

static int read_header(struct edge_bytes data, size_t max, size_t *ret_header, size_t *ret_total,
                       struct edge_err *err)
{
    unsigned type = data.data[0] >> 4;
    uint8_t bits = data.data[0] & 0x0f;
    size_t len;
    int rc;

    if (type >= MQTT_TYPE_MAX || !kinds[type].read)
        return edge_fail(err, EDGE_EPROTOCOL, "packet of reserved type %u", type);
    if (type != MQTT_PUBLISH && bits != kinds[type].bits)
        return malformed(err, type, "reserved bits of the fixed header are wrong");

    rc = read_length(data, ret_header, &len);
    if (rc == MQTT_MORE)
        return rc;
    if (rc < 0)
        return malformed(err, type, "the remaining length does not end");
    if (len > max || *ret_header > max - len)
        return edge_fail(err, EDGE_ELIMIT, "%s of %zu bytes is over the limit of %zu",
                         mqtt_type_name(type), *ret_header + len, max);
    *ret_total = *ret_header + len;
    return 0;
}

int mqtt_decode(struct edge_bytes data, size_t max, struct mqtt_packet *ret, size_t *ret_used,
                struct edge_err *err)
{
    struct cursor c;
    size_t header = 0;
    size_t total = 0;
    int rc;

    *ret_used = 0;
    if (data.len == 0)
        return MQTT_MORE;
    rc = read_header(data, max, &header, &total, err);
    if (rc != 0)
        return rc;
    *ret_used = total;
    if (total > data.len)
        return MQTT_MORE;

    c = (struct cursor){data.data + header, total - header, false};
    *ret = (struct mqtt_packet){.type = data.data[0] >> 4};
    rc = kinds[ret->type].read(&c, data.data[0] & 0x0f, ret, err);
    if (rc != 0)
        return rc;
    if (c.bad || c.left > 0)
        return malformed(err, ret->type, "its fields do not fit its length");
    return 0;
}

bool mqtt_next_filter(struct edge_bytes *rest, struct edge_bytes *ret_filter, uint8_t *qos)
{
    struct cursor c = {rest->data, rest->len, false};

    if (rest->len == 0)
        return false;
    *ret_filter = take_binary(&c);
    if (qos)
        *qos = take_byte(&c);
    *rest = (struct edge_bytes){c.at, c.left};
    return !c.bad;
}
