#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/encode.h"
#include "tests/emulator/rest/call.h"

enum { BATCH_MAX = 500 };

static struct edge_identity identity_of(const struct rest_call *call)
{
    struct edge_identity who = {0};

    snprintf(who.device, sizeof who.device, "%s", call->part[1]);
    if (strcmp(call->part[2], "modules") == 0)
        snprintf(who.module, sizeof who.module, "%s", call->part[3]);
    return who;
}

static const struct {
    const char *header;
    enum edge_sys which;
} sys_headers[] = {
    {"iothub-messageid", EDGE_SYS_MESSAGE_ID},
    {"iothub-correlationid", EDGE_SYS_CORRELATION_ID},
    {"iothub-userid", EDGE_SYS_USER_ID},
    {"iothub-contenttype", EDGE_SYS_CONTENT_TYPE},
    {"iothub-contentencoding", EDGE_SYS_CONTENT_ENCODING},
    {"iothub-interface-id", EDGE_SYS_INTERFACE_ID},
};
static const char app_prefix[] = "iothub-app-";

static int add_header(struct edge_message *message, const char *name, const char *value)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(sys_headers); i++) {
        if (strcasecmp(sys_headers[i].header, name) == 0)
            return edge_message_set_sys(message, sys_headers[i].which, value);
    }
    if (strncasecmp(name, app_prefix, sizeof app_prefix - 1) == 0)
        return edge_message_add(message, name + sizeof app_prefix - 1, value);
    return 0;
}

static int too_many(int rc, struct edge_err *err)
{
    if (rc != EDGE_ELIMIT && rc != EDGE_EINVALID)
        return rc;
    return rest_refuse(err, CLOUD_INVALID, "the message breaks a limit of messages");
}

static int send_one(struct rest_call *call, struct edge_err *err)
{
    struct edge_bytes body = edge_exchange_body(call->exchange);
    struct edge_identity who = identity_of(call);
    struct edge_message message = {0};
    const char *name;
    const char *value;
    int rc =
        edge_message_set_body(&message, body.len > 0 ? (const void *) body.data : "", body.len);

    for (size_t i = 0; rc == 0 && edge_exchange_header_at(call->exchange, i, &name, &value); i++)
        rc = add_header(&message, name, value);
    rc = rc == 0 ? cloud_telemetry(call->cloud, &who, &message, err) : too_many(rc, err);
    edge_message_fini(&message);
    return rc;
}

/* One of a batch: {"body":base64 or text,"base64Encoded":false,"properties":{…}} */
static int read_batched(const struct edge_json *one, struct edge_message *message)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf plain = EDGE_BUF_INIT(EDGE_MESSAGE_MAX);
    const char *text = edge_json_str(edge_json_get(one, "body"), "");
    int rc = 0;

    if (edge_json_bool(edge_json_get(one, "base64Encoded"), true))
        rc = edge_base64_decode(text, strlen(text), &plain);
    else
        rc = edge_buf_append(&plain, text, strlen(text));
    if (rc == 0)
        rc = edge_message_set_body(message, plain.data ? plain.data : "", plain.len);
    for (edge_json_foreach (it, edge_json_get(one, "properties"))) {
        const char *value = edge_json_str(it.value, "");

        if (rc == 0)
            rc = strncasecmp(it.name, "iothub-", 7) == 0
                     ? add_header(message, it.name, value)
                     : edge_message_add(message, it.name, value);
    }
    return rc;
}

static int send_batch(struct rest_call *call, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *batch = NULL;
    struct edge_bytes body = edge_exchange_body(call->exchange);
    struct edge_identity who = identity_of(call);
    int rc = edge_json_parse((const char *) body.data, body.len, &batch, err);

    if (rc < 0 || !edge_json_is(batch, EDGE_JSON_ARRAY) || edge_json_len(batch) > BATCH_MAX)
        return too_many(rc == -ENOMEM ? rc : EDGE_EINVALID, err);
    if (body.len > EDGE_MESSAGE_MAX)
        return rest_refuse(err, CLOUD_TOO_LARGE, "the batch is larger than 256 KiB");
    for (size_t i = 0; i < edge_json_len(batch) && rc == 0; i++) {
        struct edge_message message = {0};

        rc = read_batched(edge_json_at(batch, i), &message);
        rc = rc == 0 ? cloud_telemetry(call->cloud, &who, &message, err) : too_many(rc, err);
        edge_message_fini(&message);
    }
    return rc;
}

REST_HANDLER(rest_events)
{
    const char *type = rest_in_header(call, "content-type");

    if (type && strcasecmp(type, "application/vnd.microsoft.iothub.json") == 0)
        return send_batch(call, err);
    return send_one(call, err);
}

/* Cloud to device */

static void give_headers(struct rest_call *call, const struct edge_message *message)
{
    char text[64];

    snprintf(text, sizeof text, "\"%s\"", message->lock_token);
    rest_header(call, "ETag", text);
    snprintf(text, sizeof text, "%u", message->delivery_count);
    rest_header(call, "iothub-deliverycount", text);
    snprintf(text, sizeof text, "%llu", (unsigned long long) message->sequence);
    rest_header(call, "iothub-sequencenumber", text);
    if (message->sys[EDGE_SYS_TO])
        rest_header(call, "iothub-to", message->sys[EDGE_SYS_TO]);
    if (message->sys[EDGE_SYS_ACK])
        rest_header(call, "iothub-ack", message->sys[EDGE_SYS_ACK]);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(sys_headers); i++) {
        if (message->sys[sys_headers[i].which])
            rest_header(call, sys_headers[i].header, message->sys[sys_headers[i].which]);
    }
    for (size_t i = 0; i < message->nproperties; i++) {
        EDGE_CLEANUP(edge_free)
        char *name = edge_format("%s%s", app_prefix, message->properties[i].name);
        const char *value = message->properties[i].value;

        if (name)
            rest_header(call, name, value ? value : "");
    }
}

REST_HANDLER(rest_devicebound)
{
    struct edge_message message = {0};
    int rc = cloud_c2d_receive(call->cloud, call->part[1], &message, err);

    if (rc == CLOUD_NO_MESSAGE) {
        call->status = 204;
        return 0;
    }
    if (rc != 0)
        return rc;
    give_headers(call, &message);
    call->status = 200;
    call->type = message.sys[EDGE_SYS_CONTENT_TYPE] ? "application/octet-stream" : "text/plain";
    call->text = malloc(message.len + 1);
    if (call->text) {
        memcpy(call->text, message.body, message.len);
        call->len = message.len;
    }
    edge_message_fini(&message);
    return call->text ? 0 : -ENOMEM;
}

REST_HANDLER(rest_complete)
{
    bool reject = rest_query(call, "reject") != NULL;

    return cloud_c2d_settle(call->cloud, call->part[1], call->part[4],
                            reject ? HUB_REJECTED : HUB_ACCEPTED, err);
}

REST_HANDLER(rest_abandon)
{
    return cloud_c2d_settle(call->cloud, call->part[1], call->part[4], HUB_RELEASED, err);
}

/* File uploads */

REST_HANDLER(rest_upload)
{
    struct edge_json *answer = NULL;
    int rc = cloud_upload_begin(call->cloud, call->part[1], call->body, &answer, err);

    return rc == 0 ? rest_give(call, answer) : rc;
}

/* The correlation id is in the path, or in the body of newer clients. */
REST_HANDLER(rest_uploaded)
{
    const char *named = edge_json_str(edge_json_get(call->body, "correlationId"), "");

    return cloud_upload_end(call->cloud, call->part[1], call->part[4] ? call->part[4] : named,
                            call->body, err);
}
