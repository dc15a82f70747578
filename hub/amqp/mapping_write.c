#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/amqp/mapping.h"
#include "hub/amqp/mapping_names.h"
#include "hub/amqp/value.h"

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
                        m->enqueued_ns / HUB_AMQP_NS_PER_MS);
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
    for (size_t i = 0; i < EDGE_ARRAY_LEN(hub_amqp_names_of_properties); i++) {
        const struct hub_amqp_name *known = &hub_amqp_names_of_properties[i];

        if (output || known->which != EDGE_SYS_OUTPUT)
            annotate(pairs, n, known->name, m->sys[known->which]);
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
    return edge_time_parse(text, &ns) == 0 ? ns / HUB_AMQP_NS_PER_MS : 0;
}

/* What both directions have in common. */
static int begin_message(const struct edge_message *m, bool to_cloud, struct hub_amqp_arena *arena,
                         struct hub_amqp_message *ret)
{
    struct hub_amqp_pair *properties =
        hub_amqp_arena_get(arena, (m->nproperties + EDGE_ARRAY_LEN(hub_amqp_names_of_properties)) *
                                      sizeof *properties);
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
    struct hub_amqp_pair *annotations = hub_amqp_arena_get(
        arena, EDGE_ARRAY_LEN(hub_amqp_names_of_annotations) * sizeof *annotations);

    if (!annotations || begin_message(m, true, arena, ret) < 0)
        return EDGE_ELIMIT;
    ret->annotations = annotations;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(hub_amqp_names_of_annotations); i++) {
        const struct hub_amqp_name *known = &hub_amqp_names_of_annotations[i];

        annotate(annotations, &ret->nannotations, known->name, m->sys[known->which]);
    }
    return 0;
}
