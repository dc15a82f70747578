#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/json/utf8.h"
#include "hub/amqp/json.h"
#include "hub/amqp/mapping.h"
#include "hub/amqp/mapping_names.h"
#include "hub/amqp/message.h"
#include "hub/amqp/value.h"
#include "hub/amqp/value_text.h"

/* Where a message is made, and the memory of its texts. */
struct maker {
    struct hub_amqp_arena *arena;
    struct edge_message *message;
};

static int set_value(struct maker *to, enum edge_sys which, const struct hub_amqp_value *value)
{
    char *text;
    int rc = hub_amqp_value_text_in(to->arena, value, &text);

    if (rc == 0 && text && *text)
        to->message->sys[which] = text;
    return rc;
}

static int set_id(struct maker *to, enum edge_sys which, const struct hub_amqp_value *id)
{
    char *text;
    int rc = hub_amqp_id_text_in(to->arena, id, &text);

    if (rc == 0 && text && *text)
        to->message->sys[which] = text;
    return rc;
}

static int set_text(struct maker *to, enum edge_sys which, const char *text)
{
    struct hub_amqp_value value = hub_amqp_text(text);

    return set_value(to, which, &value);
}

static int add_property(struct maker *to, const struct hub_amqp_pair *pair)
{
    struct edge_message *m = to->message;
    struct edge_property *property = &m->properties[m->nproperties];

    for (size_t i = 0; i < EDGE_ARRAY_LEN(hub_amqp_names_of_properties); i++) {
        const struct hub_amqp_name *known = &hub_amqp_names_of_properties[i];

        if (strcasecmp(pair->name, known->name) == 0)
            return set_value(to, known->which, &pair->value);
    }
    if (!edge_utf8_valid(pair->name, strlen(pair->name)))
        return EDGE_EINVALID;
    if (m->nproperties == EDGE_PROPERTIES_MAX)
        return EDGE_ELIMIT;
    m->nproperties++;
    property->name = (char *) (uintptr_t) pair->name;
    return hub_amqp_value_text_in(to->arena, &pair->value, &property->value);
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

    for (size_t i = 0; i < EDGE_ARRAY_LEN(hub_amqp_names_of_annotations) && rc == 0; i++) {
        const struct hub_amqp_name *known = &hub_amqp_names_of_annotations[i];
        const struct hub_amqp_value *value =
            hub_amqp_find(from->annotations, from->nannotations, known->name);

        if (value)
            rc = set_value(to, known->which, value);
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
    int rc;

    rc = hub_amqp_json(&json, from->encoded, from->body == HUB_AMQP_BODY_SEQUENCE, err);
    if (rc == 0 && !m->sys[EDGE_SYS_CONTENT_TYPE])
        rc = set_text(to, EDGE_SYS_CONTENT_TYPE, "application/json");
    if (rc == 0 && !m->sys[EDGE_SYS_CONTENT_ENCODING])
        rc = set_text(to, EDGE_SYS_CONTENT_ENCODING, "utf-8");
    if (rc < 0)
        return rc;
    m->body = (uint8_t *) hub_amqp_arena_copy(
        to->arena, (struct edge_bytes){(const uint8_t *) json.data, json.len});
    m->len = m->body ? json.len : 0;
    return m->body ? 0 : -ENOMEM;
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
    m->enqueued_ns = ms > 0 && ms < INT64_MAX / HUB_AMQP_NS_PER_MS ? ms * HUB_AMQP_NS_PER_MS : 0;
    if (count == 0)
        count = from->delivery_count;
    m->delivery_count = count < UINT32_MAX ? (uint32_t) count : UINT32_MAX;
    m->sequence = (uint64_t) annotated(from, "x-opt-sequence-number");
    if (token && token->kind == HUB_AMQP_UUID)
        (void) snprintf(m->lock_token, sizeof m->lock_token, "%.*s", (int) token->s.len,
                        (const char *) token->s.data);
    return 0;
}
