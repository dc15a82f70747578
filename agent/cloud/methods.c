#include "agent/cloud/methods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct agent_calls {
    struct agent_calls_ops ops;
    void *publish_arg;
    void *method_arg;
    unsigned count;
    struct agent_cloud_call *first;
};

struct agent_cloud_call {
    struct agent_calls *calls; /* NULL: the link is gone */
    struct agent_cloud_call *next;
    struct agent_cloud_call **prev;
    size_t rid_len;
    char rid[];
};

int agent_calls_create(const struct agent_calls_ops *ops, void *publish_arg, void *method_arg,
                       struct agent_calls **ret)
{
    struct agent_calls *calls = calloc(1, sizeof *calls);

    if (!calls)
        return -ENOMEM;
    *calls = (struct agent_calls){*ops, publish_arg, method_arg, 0, NULL};
    *ret = calls;
    return 0;
}

struct agent_calls *agent_calls_destroy(struct agent_calls *calls)
{
    if (!calls)
        return NULL;
    for (struct agent_cloud_call *call = calls->first; call; call = call->next)
        call->calls = NULL;
    free(calls);
    return NULL;
}

static void answer(const struct agent_calls *calls, struct edge_bytes rid, int status,
                   const char *text)
{
    char topic[64 + EDGE_RID_MAX];

    (void) snprintf(topic, sizeof topic, "$iothub/methods/res/%d/?$rid=%.*s", status, (int) rid.len,
                    (const char *) rid.data);
    edge_ignore(calls->ops.publish(topic, text, strlen(text), calls->publish_arg));
}

static void refuse(const struct agent_calls *calls, struct edge_bytes rid, int status,
                   const char *why)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *text = NULL;

    edge_ignore(edge_json_set_str(body, "message", why));
    text = edge_json_text(body);
    answer(calls, rid, status, text ? text : "null");
}

static struct agent_cloud_call *call_new(struct agent_calls *calls, struct edge_bytes rid)
{
    struct agent_cloud_call *call = calloc(1, sizeof *call + rid.len + 1);

    if (!call)
        return NULL;
    memcpy(call->rid, rid.data, rid.len);
    call->rid_len = rid.len;
    call->calls = calls;
    call->next = calls->first;
    call->prev = &calls->first;
    if (call->next)
        call->next->prev = &call->next;
    calls->first = call;
    calls->count++;
    return call;
}

void agent_calls_take(struct agent_calls *calls, const struct edge_incoming *incoming,
                      struct edge_bytes payload)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = NULL;
    struct agent_cloud_call *call;
    struct edge_err err = {0};
    int rc = 0;

    if (payload.len > AGENT_METHOD_PAYLOAD_MAX)
        rc = edge_fail(&err, EDGE_ELIMIT, "more than 128 KiB");
    else if (payload.len > 0)
        rc = edge_json_parse((const char *) payload.data, payload.len, &body, &err);
    if (rc < 0) {
        edge_ignore(edge_wrap(&err, rc, "payload"));
        refuse(calls, incoming->rid, 400, err.text);
        return;
    }
    call = calls->count < AGENT_CALLS_MAX ? call_new(calls, incoming->rid) : NULL;
    if (call)
        calls->ops.on_method(call, incoming->method, body, calls->method_arg);
    else
        refuse(calls, incoming->rid, 429, "too many calls at once: try again later");
}

void agent_cloud_reply(struct agent_cloud_call *call, int status, const struct edge_json *payload)
{
    EDGE_CLEANUP(edge_free) char *text = payload ? edge_json_text(payload) : edge_strdup("null");
    struct agent_calls *calls = call->calls;

    if (calls) {
        const struct edge_bytes rid = {(const uint8_t *) call->rid, call->rid_len};

        if (text)
            answer(calls, rid, status, text);
        else
            refuse(calls, rid, 500, "out of memory");
        *call->prev = call->next;
        if (call->next)
            call->next->prev = call->prev;
        calls->count--;
    }
    free(call);
}
