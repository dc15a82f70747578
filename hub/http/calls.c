#include "hub/http/calls.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/json/json.h"
#include "hub/core/answer.h"
#include "hub/http/request.h"

enum { BAD_REQUEST = 400, UNAUTHORIZED = 401, NOT_FOUND = 404, ERROR = 500, UNAVAILABLE = 503 };

struct hub_http_call {
    struct hub_http_calls *calls; /* NULL: nobody waits any more */
    struct hub_http_call *next, **link;
    struct edge_exchange *exchange; /* NULL: the client has left */
    struct edge_identity caller, target;
    struct hub_method_request request;
};

void hub_http_fail(struct edge_exchange *exchange, int status, const char *text)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *json = NULL;

    if (body && edge_json_set_str(body, "message", text) == 0)
        json = edge_json_text(body);
    edge_exchange_reply(exchange, status, json ? "application/json; charset=utf-8" : NULL,
                        json ? json : "", json ? strlen(json) : 0);
}

static void unlink_call(struct hub_http_call *call)
{
    if (!call->calls)
        return;
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    call->calls->count--;
    call->calls = NULL;
}

static void end_call(struct hub_http_call *call)
{
    unlink_call(call);
    hub_method_request_fini(&call->request);
    free(call);
}

static void fail_call(struct hub_http_call *call, int status, const char *text)
{
    char caller[2 * EDGE_ID_MAX + 2], target[2 * EDGE_ID_MAX + 2];

    edge_identity_format(&call->caller, caller, sizeof caller);
    edge_identity_format(&call->target, target, sizeof target);
    edge_log_about(EDGE_LOG_WARN, call->exchange ? edge_exchange_address(call->exchange) : caller,
                   "direct method refused: from=%s to=%s status=%d reason=%s", caller, target,
                   status, text);
    if (call->exchange)
        hub_http_fail(call->exchange, status, text);
    end_call(call);
}

static void on_gone(void *arg)
{
    struct hub_http_call *call = arg;

    call->exchange = NULL;
}

/* {"status": n, "payload": …} with the payload as the client gave it. */
static void reply(struct edge_exchange *exchange, int status, struct edge_bytes payload)
{
    struct edge_buf body = EDGE_BUF_INIT(payload.len + 64);

    edge_buf_printf(&body, "{\"status\":%d,\"payload\":", status);
    if (payload.len > 0)
        edge_ignore(edge_buf_append(&body, payload.data, payload.len));
    else
        edge_buf_puts(&body, "null");
    edge_buf_puts(&body, "}");
    if (edge_buf_error(&body) == 0)
        edge_exchange_reply(exchange, 200, "application/json; charset=utf-8", body.data, body.len);
    else
        hub_http_fail(exchange, ERROR, "out of memory");
    edge_buf_fini(&body);
}

/* As the original words it, where it has words: clients compare the status, people read the text.
 */
static int status_of(enum hub_result result)
{
    switch (result) {
    case HUB_NOT_FOUND:
        return NOT_FOUND;
    case HUB_REFUSED:
        return UNAUTHORIZED;
    case HUB_GONE:
        return UNAVAILABLE;
    default:
        return hub_status(result);
    }
}

static void on_answer(enum hub_result result, const char *why, int status,
                      struct edge_bytes payload, void *arg)
{
    struct hub_http_call *call = arg;

    if (result != HUB_OK) {
        fail_call(call, status_of(result), why && *why ? why : "the hub could not do it");
        return;
    }
    if (call->exchange)
        reply(call->exchange, status, payload);
    end_call(call);
}

static void on_grant(const struct hub_grant *grant, void *arg)
{
    struct hub_http_call *call = arg;
    struct hub_invocation invocation = {
        .caller = &call->caller,
        .target = &call->target,
        .name = call->request.name,
        .payload = {(const uint8_t *) call->request.payload, strlen(call->request.payload)},
        .connect_s = call->request.connect_s,
        .response_s = call->request.response_s,
    };

    if (!call->calls)
        fail_call(call, UNAVAILABLE, "the hub ends");
    else if (grant->result != HUB_OK)
        fail_call(call, status_of(grant->result), grant->reason);
    else
        hub_core_invoke(call->calls->core, &invocation, on_answer, call);
}

static void authenticate(struct hub_http_call *call)
{
    const struct hub_backend *backend = hub_core_backend(call->calls->core);
    const char *token = edge_exchange_header(call->exchange, "Authorization");
    struct hub_claim claim = {
        .who = call->caller,
        .token = token ? token : edge_exchange_query(call->exchange, "Authorization"),
        .certificate = edge_exchange_certificate(call->exchange),
        .protocol = HUB_MQTT_WS,
        .client = "",
        .model_id = "",
        .auth_chain = "",
        .address = edge_exchange_address(call->exchange),
    };

    backend->ops->authenticate(backend->self, &claim, on_grant, call);
}

/* The header every SDK sends: who calls. @return NULL, or what is wrong with it */
static const char *read_caller(const struct edge_exchange *exchange, struct edge_identity *ret)
{
    const char *text = edge_exchange_header(exchange, "x-ms-edge-moduleId");

    if (!text)
        return "the header x-ms-edge-moduleId is missing: it names the caller as device/module";
    if (edge_identity_parse(text, strlen(text), ret) < 0 || !*ret->module)
        return "the header x-ms-edge-moduleId is not device/module";
    return NULL;
}

static struct hub_http_call *begin(struct hub_http_calls *calls, struct edge_exchange *exchange)
{
    struct hub_http_call *call = calls->count < HUB_HTTP_CALLS_MAX ? calloc(1, sizeof *call) : NULL;

    if (!call)
        return NULL;
    call->calls = calls;
    call->exchange = exchange;
    call->link = &calls->first;
    call->next = calls->first;
    if (call->next)
        call->next->link = &call->next;
    calls->first = call;
    calls->count++;
    edge_exchange_on_gone(exchange, on_gone, call);
    return call;
}

void hub_http_call(struct hub_http_calls *calls, struct edge_exchange *exchange,
                   const struct edge_identity *target)
{
    struct hub_http_call *call = begin(calls, exchange);
    struct edge_err err = {0};
    const char *wrong;

    if (!call) {
        edge_log_about(EDGE_LOG_WARN, edge_exchange_address(exchange),
                       "direct method refused: from=%s reason=%d are under way",
                       edge_exchange_address(exchange), HUB_HTTP_CALLS_MAX);
        hub_http_fail(exchange, UNAVAILABLE, "too many direct methods are under way");
        return;
    }
    call->target = *target;
    wrong = read_caller(exchange, &call->caller);
    if (wrong)
        fail_call(call, BAD_REQUEST, wrong);
    else if (hub_method_request_read(edge_exchange_body(exchange), &call->request, &err) < 0)
        fail_call(call, BAD_REQUEST, err.text);
    else if (strcmp(call->caller.device, calls->self->who.device) != 0)
        fail_call(call, UNAUTHORIZED, "Only modules on the same device can invoke DirectMethods");
    else
        authenticate(call);
}

void hub_http_calls_leave(struct hub_http_calls *calls)
{
    while (calls->first) {
        struct hub_http_call *call = calls->first;

        call->exchange = NULL;
        unlink_call(call);
    }
}
