#include "hub/amqp/value_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/json/utf8.h"
#include "hub/amqp/value.h"

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

int hub_amqp_value_text_in(struct hub_amqp_arena *arena, const struct hub_amqp_value *value,
                           char **ret)
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
    else if (value->kind == HUB_AMQP_TIMESTAMP && value->i < INT64_MAX / HUB_AMQP_NS_PER_MS &&
             value->i > INT64_MIN / HUB_AMQP_NS_PER_MS)
        edge_time_format(value->i * HUB_AMQP_NS_PER_MS, text);
    return text[0] ? copy_text(arena, text, strlen(text), ret) : 0;
}

int hub_amqp_id_text_in(struct hub_amqp_arena *arena, const struct hub_amqp_value *id, char **ret)
{
    EDGE_CLEANUP(edge_free) char *hex = NULL;

    if (id->kind != HUB_AMQP_BINARY || readable(id->s))
        return hub_amqp_value_text_in(arena, id, ret);
    *ret = NULL;
    hex = hex_of(id->s);
    return hex ? copy_text(arena, hex, strlen(hex), ret) : -ENOMEM;
}
