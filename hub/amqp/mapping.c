#include "hub/amqp/mapping.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/json/utf8.h"
#include "hub/amqp/json.h"
#include "hub/amqp/message.h"
#include "hub/amqp/value.h"

#define NS_PER_MS INT64_C(1000000)

static bool is_text(const struct hub_amqp_value *value)
{
    return value->kind == HUB_AMQP_STRING || value->kind == HUB_AMQP_SYMBOL ||
           value->kind == HUB_AMQP_UUID || value->kind == HUB_AMQP_BINARY;
}

bool hub_amqp_number(const struct hub_amqp_value *value, int64_t *ret)
{
    if (!value || (value->kind != HUB_AMQP_INT && value->kind != HUB_AMQP_LONG &&
                   value->kind != HUB_AMQP_ULONG))
        return false;
    *ret = value->i;
    return true;
}

bool hub_amqp_is(const struct hub_amqp_value *value, const char *literal)
{
    return value && is_text(value) && value->s.len == strlen(literal) &&
           strncasecmp((const char *) value->s.data, literal, value->s.len) == 0;
}

/* Bytes that are no text. */
static char *hex_of(struct edge_bytes bytes)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(2 * bytes.len);

    for (size_t i = 0; i < bytes.len; i++)
        (void) edge_buf_printf(&text, "%02x", bytes.data[i]);
    return edge_buf_take(&text);
}

static bool readable(struct edge_bytes bytes)
{
    const char *at = (const char *) bytes.data;

    return bytes.len == 0 || (!memchr(at, 0, bytes.len) && edge_utf8_valid(at, bytes.len));
}

char *hub_amqp_id_text(const struct hub_amqp_value *id)
{
    int64_t number;

    if (id->kind == HUB_AMQP_BINARY && !readable(id->s))
        return hex_of(id->s);
    if (is_text(id))
        return edge_format("%.*s", (int) id->s.len, (const char *) id->s.data);
    if (hub_amqp_number(id, &number))
        return edge_format("%llu", (unsigned long long) number);
    return NULL;
}

static int copy_text(struct hub_amqp_arena *arena, const char *text, size_t len, char **ret)
{
    *ret = hub_amqp_arena_copy(arena, (struct edge_bytes){(const uint8_t *) text, len});
    return *ret ? 0 : -ENOMEM;
}

/* A value as the text of a property. @return 0, EDGE_EINVALID, -ENOMEM; *ret NULL: it has none */
static int text_of(struct hub_amqp_arena *arena, const struct hub_amqp_value *value, char **ret)
{
    char text[EDGE_TIME_TEXT] = "";

    *ret = NULL;
    if (is_text(value))
        return readable(value->s)
                   ? copy_text(arena, (const char *) value->s.data, value->s.len, ret)
                   : EDGE_EINVALID;
    if (value->kind == HUB_AMQP_BOOL)
        (void) snprintf(text, sizeof text, "%s", value->i ? "true" : "false");
    else if (value->kind == HUB_AMQP_ULONG)
        (void) snprintf(text, sizeof text, "%llu", (unsigned long long) value->i);
    else if (value->kind == HUB_AMQP_INT || value->kind == HUB_AMQP_LONG)
        (void) snprintf(text, sizeof text, "%lld", (long long) value->i);
    else if (value->kind == HUB_AMQP_TIMESTAMP && value->i < INT64_MAX / NS_PER_MS &&
             value->i > INT64_MIN / NS_PER_MS)
        edge_time_format(value->i * NS_PER_MS, text);
    return text[0] ? copy_text(arena, text, strlen(text), ret) : 0;
}

/* Where a message is made, and the memory of its texts. */
struct maker {
    struct hub_amqp_arena *arena;
    struct edge_message *message;
};

static int set_value(struct maker *to, enum edge_sys which, const struct hub_amqp_value *value)
{
    char *text;
    int rc = text_of(to->arena, value, &text);

    if (rc == 0 && text && *text)
        to->message->sys[which] = text;
    return rc;
}

static int set_id(struct maker *to, enum edge_sys which, const struct hub_amqp_value *id)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;

    if (id->kind != HUB_AMQP_BINARY || readable(id->s))
        return set_value(to, which, id);
    text = hub_amqp_id_text(id);
    return text ? copy_text(to->arena, text, strlen(text), &to->message->sys[which]) : -ENOMEM;
}

static int set_text(struct maker *to, enum edge_sys which, const char *text)
{
    struct hub_amqp_value value = hub_amqp_text(text);

    return set_value(to, which, &value);
}

static const struct known {
    const char *name;
    enum edge_sys which;
} known_properties[] =
    {
        {"iothub-outputname", EDGE_SYS_OUTPUT},
        {"iothub-message-schema", EDGE_SYS_SCHEMA},
        {"iothub-creation-time-utc", EDGE_SYS_CREATION_TIME},
        {"iothub-ack", EDGE_SYS_ACK},
},
  known_annotations[] = {
      {"iothub-interface-id", EDGE_SYS_INTERFACE_ID},
      {"dt-subject", EDGE_SYS_SUBJECT},
};

static int add_property(struct maker *to, const struct hub_amqp_pair *pair)
{
    struct edge_message *m = to->message;
    struct edge_property *property = &m->properties[m->nproperties];

    for (size_t i = 0; i < EDGE_ARRAY_LEN(known_properties); i++) {
        if (strcasecmp(pair->name, known_properties[i].name) == 0)
            return set_value(to, known_properties[i].which, &pair->value);
    }
    if (!edge_utf8_valid(pair->name, strlen(pair->name)))
        return EDGE_EINVALID;
    if (m->nproperties == EDGE_PROPERTIES_MAX)
        return EDGE_ELIMIT;
    m->nproperties++;
    property->name = (char *) (uintptr_t) pair->name;
    return text_of(to->arena, &pair->value, &property->value);
}

static int add_properties(struct maker *to, const struct hub_amqp_message *from)
{
    size_t room = from->nproperties < EDGE_PROPERTIES_MAX ? from->nproperties : EDGE_PROPERTIES_MAX;
    int rc = 0;

    if (room > 0)
        to->message->properties =
            hub_amqp_arena_get(to->arena, room * sizeof *to->message->properties);
    if (room > 0 && !to->message->properties)
        return -ENOMEM;
    for (size_t i = 0; i < from->nproperties && rc == 0; i++)
        rc = add_property(to, &from->properties[i]);
    return rc;
}

static int add_annotations(struct maker *to, const struct hub_amqp_message *from)
{
    int rc = 0;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(known_annotations) && rc == 0; i++) {
        const struct hub_amqp_value *value =
            hub_amqp_find(from->annotations, from->nannotations, known_annotations[i].name);

        if (value)
            rc = set_value(to, known_annotations[i].which, value);
    }
    return rc;
}

/* A text or bytes, as a value, stand for themselves. */
static bool is_plain(const struct hub_amqp_message *from)
{
    uint8_t code = from->encoded.len > 0 ? from->encoded.data[0] : 0xa0;

    return from->body != HUB_AMQP_BODY_SEQUENCE && ((code & 0xed) == 0xa1 || (code & 0xef) == 0xa0);
}

static int set_json(struct maker *to, const struct hub_amqp_message *from, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf json = EDGE_BUF_INIT(EDGE_MESSAGE_MAX);
    struct edge_message *m = to->message;
    char *body = NULL;
    int rc;

    rc = hub_amqp_json(&json, from->encoded, from->body == HUB_AMQP_BODY_SEQUENCE, err);
    if (rc == 0 && !m->sys[EDGE_SYS_CONTENT_TYPE])
        rc = set_text(to, EDGE_SYS_CONTENT_TYPE, "application/json");
    if (rc == 0 && !m->sys[EDGE_SYS_CONTENT_ENCODING])
        rc = set_text(to, EDGE_SYS_CONTENT_ENCODING, "utf-8");
    if (rc == 0)
        rc = copy_text(to->arena, json.data, json.len, &body);
    m->body = (uint8_t *) body;
    m->len = body ? json.len : 0;
    return rc;
}

static int set_properties(struct maker *to, const struct hub_amqp_message *from)
{
    struct hub_amqp_value user = {.kind = HUB_AMQP_BINARY, .s = from->user_id};
    struct hub_amqp_value expiry = {.kind = HUB_AMQP_TIMESTAMP, .i = from->expiry_ms};
    int rc;

    rc = set_id(to, EDGE_SYS_MESSAGE_ID, &from->message_id);
    if (rc == 0)
        rc = set_id(to, EDGE_SYS_CORRELATION_ID, &from->correlation_id);
    if (rc == 0)
        rc = set_value(to, EDGE_SYS_USER_ID, &user);
    if (rc == 0)
        rc = set_text(to, EDGE_SYS_TO, from->to);
    if (rc == 0)
        rc = set_text(to, EDGE_SYS_CONTENT_TYPE, from->content_type);
    if (rc == 0)
        rc = set_text(to, EDGE_SYS_CONTENT_ENCODING, from->content_encoding);
    if (rc == 0 && from->expiry_ms)
        rc = set_value(to, EDGE_SYS_EXPIRY, &expiry);
    if (rc == 0)
        rc = add_annotations(to, from);
    return rc == 0 ? add_properties(to, from) : rc;
}

int hub_amqp_borrow(const struct hub_amqp_message *from, struct hub_amqp_arena *arena,
                    struct edge_message *m, struct edge_err *err)
{
    struct maker to = {arena, m};
    int rc;

    *m = (struct edge_message){0};
    rc = set_properties(&to, from);
    if (rc == EDGE_EINVALID)
        return edge_fail(err, rc, "a text of the message is not UTF-8");
    if (rc == EDGE_ELIMIT)
        return edge_fail(err, rc, "the message has more than %d properties", EDGE_PROPERTIES_MAX);
    if (rc < 0)
        return rc;
    if (!is_plain(from))
        return set_json(&to, from, err);
    m->body = (uint8_t *) (uintptr_t) from->data.data;
    m->len = from->data.len;
    return 0;
}

int hub_amqp_from_client(const struct hub_amqp_message *from, struct edge_message *m,
                         struct edge_err *err)
{
    EDGE_CLEANUP(hub_amqp_arena_fini)
    struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(2 * HUB_AMQP_MESSAGE_MAX);
    struct edge_message borrowed;
    int rc = hub_amqp_borrow(from, &arena, &borrowed, err);

    *m = (struct edge_message){0};
    return rc == 0 ? edge_message_copy(&borrowed, m) : rc;
}

static void annotate(struct hub_amqp_pair *pairs, size_t *n, const char *name, const char *text)
{
    if (text)
        pairs[(*n)++] = (struct hub_amqp_pair){name, hub_amqp_text(text)};
}

static void annotate_number(struct hub_amqp_pair *pairs, size_t *n, const char *name,
                            enum hub_amqp_kind kind, int64_t number)
{
    pairs[(*n)++] = (struct hub_amqp_pair){name, {.kind = kind, .i = number}};
}

static void annotations_to(const struct edge_message *m, struct hub_amqp_pair *pairs, size_t *n)
{
    annotate(pairs, n, "x-opt-input-name", m->sys[EDGE_SYS_INPUT]);
    annotate(pairs, n, "iothub-connection-device-id", m->sys[EDGE_SYS_ORIGIN_DEVICE]);
    annotate(pairs, n, "iothub-connection-module-id", m->sys[EDGE_SYS_ORIGIN_MODULE]);
    annotate(pairs, n, "iothub-interface-id", m->sys[EDGE_SYS_INTERFACE_ID]);
    annotate(pairs, n, "dt-subject", m->sys[EDGE_SYS_SUBJECT]);
    if (m->enqueued_ns)
        annotate_number(pairs, n, "iothub-enqueuedtime", HUB_AMQP_TIMESTAMP,
                        m->enqueued_ns / NS_PER_MS);
    annotate_number(pairs, n, "iothub-deliverycount", HUB_AMQP_UBYTE,
                    m->delivery_count < UINT8_MAX ? m->delivery_count : UINT8_MAX);
    if (m->sequence)
        annotate_number(pairs, n, "x-opt-sequence-number", HUB_AMQP_ULONG, (int64_t) m->sequence);
    if (m->lock_token[0]) {
        annotate(pairs, n, "x-opt-lock-token", m->lock_token);
        pairs[*n - 1].value.kind = HUB_AMQP_UUID;
    }
}

static void properties_to(const struct edge_message *m, bool output, struct hub_amqp_pair *pairs,
                          size_t *n)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(known_properties); i++) {
        if (output || known_properties[i].which != EDGE_SYS_OUTPUT)
            annotate(pairs, n, known_properties[i].name, m->sys[known_properties[i].which]);
    }
    for (size_t i = 0; i < m->nproperties; i++)
        pairs[(*n)++] =
            (struct hub_amqp_pair){m->properties[i].name, hub_amqp_text(m->properties[i].value)};
}

/* Milliseconds as text, or RFC 3339; 0: absent or neither. */
static int64_t expiry_ms(const char *text)
{
    char *end;
    long long ms;
    int64_t ns;

    if (!text || !*text)
        return 0;
    errno = 0;
    ms = strtoll(text, &end, 10);
    if (*end == '\0' && errno == 0)
        return ms;
    return edge_time_parse(text, &ns) == 0 ? ns / NS_PER_MS : 0;
}

/* What both directions have in common. */
static int begin_message(const struct edge_message *m, bool to_cloud, struct hub_amqp_arena *arena,
                         struct hub_amqp_message *ret)
{
    struct hub_amqp_pair *properties = hub_amqp_arena_get(
        arena, (m->nproperties + EDGE_ARRAY_LEN(known_properties)) * sizeof *properties);
    const char *user = m->sys[EDGE_SYS_USER_ID];

    if (!properties)
        return EDGE_ELIMIT;
    *ret = (struct hub_amqp_message){
        .message_id = hub_amqp_text(m->sys[EDGE_SYS_MESSAGE_ID]),
        .correlation_id = hub_amqp_text(m->sys[EDGE_SYS_CORRELATION_ID]),
        .to = m->sys[EDGE_SYS_TO],
        .content_type = m->sys[EDGE_SYS_CONTENT_TYPE],
        .content_encoding = m->sys[EDGE_SYS_CONTENT_ENCODING],
        .expiry_ms = expiry_ms(m->sys[EDGE_SYS_EXPIRY]),
        .properties = properties,
        .body = HUB_AMQP_BODY_DATA,
        .data = {m->body, m->len},
    };
    if (user)
        ret->user_id = (struct edge_bytes){(const uint8_t *) user, strlen(user)};
    properties_to(m, to_cloud, properties, &ret->nproperties);
    return 0;
}

int hub_amqp_to_client(const struct edge_message *m, struct hub_amqp_arena *arena,
                       struct hub_amqp_message *ret)
{
    enum { ANNOTATIONS = 9 };
    struct hub_amqp_pair *annotations =
        hub_amqp_arena_get(arena, ANNOTATIONS * sizeof *annotations);

    if (!annotations || begin_message(m, false, arena, ret) < 0)
        return EDGE_ELIMIT;
    ret->delivery_count = m->delivery_count;
    ret->annotations = annotations;
    annotations_to(m, annotations, &ret->nannotations);
    return 0;
}

int hub_amqp_to_cloud(const struct edge_message *m, struct hub_amqp_arena *arena,
                      struct hub_amqp_message *ret)
{
    struct hub_amqp_pair *annotations =
        hub_amqp_arena_get(arena, EDGE_ARRAY_LEN(known_annotations) * sizeof *annotations);

    if (!annotations || begin_message(m, true, arena, ret) < 0)
        return EDGE_ELIMIT;
    ret->annotations = annotations;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(known_annotations); i++)
        annotate(annotations, &ret->nannotations, known_annotations[i].name,
                 m->sys[known_annotations[i].which]);
    return 0;
}

static int64_t annotated(const struct hub_amqp_message *from, const char *name)
{
    const struct hub_amqp_value *value = hub_amqp_find(from->annotations, from->nannotations, name);
    int64_t number;

    if (value && value->kind == HUB_AMQP_TIMESTAMP)
        return value->i;
    return hub_amqp_number(value, &number) && number > 0 ? number : 0;
}

int hub_amqp_from_cloud(const struct hub_amqp_message *from, struct edge_message *m)
{
    const struct hub_amqp_value *token =
        hub_amqp_find(from->annotations, from->nannotations, "x-opt-lock-token");
    int64_t ms = annotated(from, "iothub-enqueuedtime");
    int64_t count = annotated(from, "iothub-deliverycount");
    int rc = hub_amqp_from_client(from, m, NULL);

    if (rc < 0)
        return rc;
    m->enqueued_ns = ms > 0 && ms < INT64_MAX / NS_PER_MS ? ms * NS_PER_MS : 0;
    if (count == 0)
        count = from->delivery_count;
    m->delivery_count = count < UINT32_MAX ? (uint32_t) count : UINT32_MAX;
    m->sequence = (uint64_t) annotated(from, "x-opt-sequence-number");
    if (token && token->kind == HUB_AMQP_UUID)
        (void) snprintf(m->lock_token, sizeof m->lock_token, "%.*s", (int) token->s.len,
                        (const char *) token->s.data);
    return 0;
}
