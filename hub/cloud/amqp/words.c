#include "hub/cloud/amqp/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/encode.h"
#include "hub/amqp/value.h"
#include "hub/amqp/value_text.h"

#define PRODUCT "EdgeHub/" EDGE_VERSION

enum { ADDRESS_MAX = 2048, STATUS_OK = 200 };

char *hub_words_address(const struct edge_identity *who, const char *suffix)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(ADDRESS_MAX);
    int rc = edge_buf_puts(&out, "/devices/");

    if (rc == 0)
        rc = edge_percent_encode(&out, who->device, strlen(who->device));
    if (rc == 0 && who->module[0])
        rc = edge_buf_puts(&out, "/modules/");
    if (rc == 0)
        rc = edge_percent_encode(&out, who->module, strlen(who->module));
    if (rc == 0)
        rc = edge_buf_puts(&out, suffix);
    return rc == 0 ? edge_buf_take(&out) : NULL;
}

char *hub_words_product(const char *client)
{
    return edge_format("%s%s" PRODUCT, client, *client ? " " : "");
}

/* HUB_GONE: the condition says nothing about a message, or about a link. */
static const struct condition {
    const char *name;
    enum hub_result message, link;
} conditions[] = {
    {"amqp:unauthorized-access", HUB_REFUSED, HUB_REFUSED},
    {"amqp:not-found", HUB_NOT_FOUND, HUB_NOT_FOUND},
    /* IoT Hub itself is not there: it fails over */
    {"com.microsoft:iot-hub-not-found-error", HUB_UNAVAILABLE, HUB_UNAVAILABLE},
    {"com.microsoft:iot-hub-suspended", HUB_UNAVAILABLE, HUB_UNAVAILABLE},
    {"amqp:resource-limit-exceeded", HUB_THROTTLED, HUB_THROTTLED},
    {"com.microsoft:device-container-throttled", HUB_THROTTLED, HUB_THROTTLED},
    {"com.microsoft:timeout", HUB_TIMEOUT, HUB_UNAVAILABLE},
    {"com.microsoft:argument-error", HUB_BAD, HUB_FAILED},
    {"com.microsoft:argument-out-of-range", HUB_BAD, HUB_FAILED},
    {"amqp:not-allowed", HUB_BAD, HUB_FAILED},
    {"amqp:decode-error", HUB_BAD, HUB_FAILED},
    {"amqp:invalid-field", HUB_BAD, HUB_FAILED},
    {"amqp:link:message-size-exceeded", HUB_TOO_LARGE, HUB_FAILED},
    {"amqp:internal-error", HUB_FAILED, HUB_FAILED},
};

static const struct condition *find(const char *name)
{
    for (size_t i = 0; name && i < EDGE_ARRAY_LEN(conditions); i++)
        if (strcasecmp(conditions[i].name, name) == 0)
            return &conditions[i];
    return NULL;
}

enum hub_result hub_words_rejected(const char *condition)
{
    const struct condition *known = find(condition);

    return known ? known->message : HUB_FAILED;
}

enum hub_result hub_words_ended(const char *condition)
{
    const struct condition *known = find(condition);

    return known ? known->link : HUB_UNAVAILABLE;
}

enum hub_result hub_words_status(int64_t status)
{
    static const struct {
        int status;
        enum hub_result result;
    } known[] = {
        {400, HUB_BAD},       {401, HUB_REFUSED},     {403, HUB_QUOTA},    {404, HUB_NOT_FOUND},
        {408, HUB_TIMEOUT},   {409, HUB_CONFLICT},    {412, HUB_CONFLICT}, {413, HUB_TOO_LARGE},
        {429, HUB_THROTTLED}, {503, HUB_UNAVAILABLE}, {504, HUB_TIMEOUT},
    };

    if (status >= STATUS_OK && status < 300)
        return HUB_OK;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(known); i++)
        if (known[i].status == status)
            return known[i].result;
    return HUB_FAILED;
}

/* The correlation-id as text; false: there is none, or none of ours. */
static bool id_of(const struct hub_amqp_message *message, char *text, size_t size)
{
    EDGE_CLEANUP(edge_free) char *id = hub_amqp_id_text(&message->correlation_id);

    if (!id || !*id || strlen(id) >= size)
        return false;
    (void) snprintf(text, size, "%s", id);
    return true;
}

void hub_words_answer(const struct hub_amqp_message *m, struct hub_words_answer *ret)
{
    const struct hub_amqp_value *code = hub_amqp_find(m->properties, m->nproperties, "status-code");

    *ret = (struct hub_words_answer){.status = STATUS_OK, .body = m->data};
    if (!id_of(m, ret->id, sizeof ret->id))
        ret->id[0] = '\0';
    if (!code)
        code = hub_amqp_find(m->annotations, m->nannotations, "status");
    (void) hub_amqp_number(code, &ret->status);
    (void) hub_amqp_number(hub_amqp_find(m->annotations, m->nannotations, "version"),
                           &ret->version);
}

bool hub_words_call(const struct hub_amqp_message *m, struct hub_words_call *ret)
{
    const struct hub_amqp_value *name =
        hub_amqp_find(m->properties, m->nproperties, "IoThub-methodname");

    *ret = (struct hub_words_call){.payload = m->data};
    if (!name || name->kind != HUB_AMQP_STRING || name->s.len == 0 ||
        name->s.len > HUB_WORDS_METHOD_MAX || memchr(name->s.data, 0, name->s.len))
        return false;
    memcpy(ret->name, name->s.data, name->s.len);
    return id_of(m, ret->rid, sizeof ret->rid);
}

struct hub_amqp_value hub_words_id(const char *text)
{
    struct hub_amqp_value id = hub_amqp_text(text);
    uint8_t uuid[16];

    if (hub_amqp_uuid_parse(id.s, uuid))
        id.kind = HUB_AMQP_UUID;
    return id;
}
