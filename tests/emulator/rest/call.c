#include "tests/emulator/rest/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/crypto/hmac.h"
#include "common/http/path.h"
#include "tests/emulator/cloud/provisioning.h"

static const char json_type[] = "application/json; charset=utf-8";

static void drop(struct rest_call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    cloud_unwait(&call->wait);
    if (call->method)
        cloud_method_cancel(call->method);
    edge_json_free(call->body);
    for (size_t i = 0; i < call->nheaders; i++) {
        free(call->headers[i].name);
        free(call->headers[i].value);
    }
    free(call->path);
    free(call->text);
    free(call);
}

static void on_gone(void *arg)
{
    drop(arg);
}

int rest_create(struct cloud *cloud, struct rest **ret)
{
    struct rest *rest = calloc(1, sizeof *rest);

    if (!rest)
        return -ENOMEM;
    rest->cloud = cloud;
    *ret = rest;
    return 0;
}

struct rest *rest_destroy(struct rest *rest)
{
    if (!rest)
        return NULL;
    while (rest->calls)
        drop(rest->calls);
    free(rest);
    return NULL;
}

/* Answers */

void rest_header(struct rest_call *call, const char *name, const char *value)
{
    struct rest_header *header = &call->headers[call->nheaders];

    if (call->nheaders == REST_HEADERS)
        return;
    *header = (struct rest_header){edge_strdup(name), edge_strdup(value)};
    if (header->name && header->value) {
        call->nheaders++;
        return;
    }
    free(header->name);
    free(header->value);
}

static void quoted_etag(struct rest_call *call, const struct edge_json *value)
{
    const char *etag = edge_json_str(edge_json_get(value, "etag"), NULL);
    char text[64];

    if (!etag)
        return;
    snprintf(text, sizeof text, "\"%s\"", etag);
    rest_header(call, "ETag", text);
}

int rest_give(struct rest_call *call, struct edge_json *value)
{
    free(call->text);
    call->text = edge_json_text(value);
    call->len = call->text ? strlen(call->text) : 0;
    call->type = json_type;
    if (call->text)
        quoted_etag(call, value);
    edge_json_free(value);
    return call->text ? 0 : -ENOMEM;
}

static void give_error(struct rest_call *call, int rc, const struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *message = NULL;
    EDGE_CLEANUP(edge_free) char *tracking = NULL;
    char id[EDGE_UUID_SIZE] = "";
    char now[EDGE_TIME_TEXT];
    const char *name;

    call->status = cloud_status(rc, &name);
    edge_ignore(edge_uuid(id));
    edge_time_format(cloud_now_ns(call->cloud), now);
    message = edge_format("ErrorCode:%s;%s", name, rc < 0 ? edge_strerror(rc) : err->text);
    tracking = edge_format("Tracking ID:%s-TimeStamp:%s", id, now);
    if (!body || edge_json_set_str(body, "Message", message) < 0 ||
        edge_json_set_str(body, "ExceptionMessage", tracking) < 0 ||
        rest_give(call, EDGE_TAKE(body)) < 0)
        call->status = 500;
    rest_header(call, "iothub-errorcode", name);
    if (rc == CLOUD_THROTTLED)
        rest_header(call, "Retry-After", "5");
}

static void on_ready(int rc, struct cloud_wait *wait)
{
    struct rest_call *call = EDGE_CONTAINER_OF(wait, struct rest_call, wait);
    struct edge_exchange *exchange = call->exchange;
    struct edge_err err = {0};

    if (rc < 0)
        give_error(call, rc, &err);
    for (size_t i = 0; i < call->nheaders; i++)
        edge_exchange_set_header(exchange, call->headers[i].name, call->headers[i].value);
    edge_exchange_on_gone(exchange, NULL, NULL);
    edge_exchange_reply(exchange, call->status, call->text ? call->type : NULL,
                        call->text ? call->text : "", call->len);
    drop(call);
}

void rest_finish(struct rest_call *call, int rc, const struct edge_err *err)
{
    if (rc != 0)
        give_error(call, rc, err);
    else if (!call->status)
        call->status = call->text ? 200 : 204;
    cloud_wait(call->cloud, &call->wait, on_ready);
}

/* Questions */

const char *rest_query(const struct rest_call *call, const char *name)
{
    return edge_exchange_query(call->exchange, name);
}

const char *rest_in_header(const struct rest_call *call, const char *name)
{
    return edge_exchange_header(call->exchange, name);
}

int rest_refuse(struct edge_err *err, int refusal, const char *fmt, ...)
{
    va_list args;

    err->code = refusal;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    return refusal;
}

int rest_number(const char *text, size_t most, size_t normal, size_t *ret, struct edge_err *err)
{
    char *end;
    long number;

    *ret = normal;
    if (!text || !*text || strcmp(text, "-1") == 0)
        return 0;
    number = strtol(text, &end, 10);
    if (*end || number < 1)
        return rest_refuse(err, CLOUD_INVALID, "a count is a number from 1 on");
    *ret = (size_t) number < most ? (size_t) number : most;
    return 0;
}

const struct edge_tls_peer *rest_certificate(const struct rest_call *call)
{
    return edge_exchange_certificate(call->exchange);
}

/* Routes */

/* "?" stands for any part; a handler finds it by its place. */
static bool matches(const struct rest_call *call, const char *pattern)
{
    size_t i = 0;

    while (*pattern == '/') {
        const char *part = ++pattern;
        size_t len = strcspn(pattern, "/");

        if (i == REST_PARTS || !call->part[i])
            return false;
        if ((len != 1 || *part != '?') &&
            (strlen(call->part[i]) != len || memcmp(call->part[i], part, len) != 0))
            return false;
        pattern += len;
        i++;
    }
    return i == REST_PARTS || !call->part[i];
}

static int find(const struct rest_call *call, const struct rest_route **ret, struct edge_err *err)
{
    const char *method = edge_exchange_method(call->exchange);
    bool known = false;

    for (size_t i = 0; i < rest_nroutes; i++) {
        if (!matches(call, rest_routes[i].path))
            continue;
        known = true;
        if (strcmp(method, rest_routes[i].method) == 0) {
            *ret = &rest_routes[i];
            return 0;
        }
    }
    return known ? rest_refuse(err, CLOUD_NO_METHOD, "the method is not allowed here")
                 : rest_refuse(err, CLOUD_NOT_FOUND, "there is nothing of this name");
}

static int authorize_device(struct rest_call *call, const char *token, struct edge_err *err)
{
    struct edge_identity who = {0};
    bool module = call->part[2] && strcmp(call->part[2], "modules") == 0 && call->part[3];

    if (strlen(call->part[1]) > EDGE_ID_MAX || (module && strlen(call->part[3]) > EDGE_ID_MAX))
        return rest_refuse(err, CLOUD_INVALID, "the id is too long");
    snprintf(who.device, sizeof who.device, "%s", call->part[1]);
    if (module)
        snprintf(who.module, sizeof who.module, "%s", call->part[3]);
    return cloud_authorize_device(call->cloud, token, rest_certificate(call), &who, err);
}

static bool names_policy(const char *token)
{
    return token && (strstr(token, "&skn=") || strstr(token, " skn="));
}

static int authorize(struct rest_call *call, const struct rest_route *route, struct edge_err *err)
{
    const char *token = rest_in_header(call, "authorization");
    int64_t until_s;

    if (route->auth == REST_OWN)
        return 0;
    if (route->auth == REST_DEVICE || (route->auth == REST_EITHER && !names_policy(token)))
        return authorize_device(call, token, err);
    if (!token)
        return rest_refuse(err, CLOUD_UNAUTHORIZED, "the authorization header is missing");
    return cloud_authorize(call->cloud, token, route->rights,
                           route->auth == REST_ENROLLER ? cloud_dps_host(call->cloud) : NULL, "",
                           false, NULL, &until_s, err);
}

static int read_body(struct rest_call *call, const struct rest_route *route, struct edge_err *err)
{
    struct edge_bytes body = edge_exchange_body(call->exchange);
    struct edge_err why = {0};
    int rc;

    if (route->body == REST_NO_BODY || route->body == REST_RAW)
        return 0;
    if (body.len == 0)
        return route->body == REST_OPTIONAL
                   ? 0
                   : rest_refuse(err, CLOUD_INVALID, "the request has no body");
    rc = edge_json_parse((const char *) body.data, body.len, &call->body, &why);
    return rc == EDGE_EINVALID || rc == EDGE_ELIMIT
               ? rest_refuse(err, CLOUD_INVALID, "%s", why.text)
               : rc;
}

static int serve(struct rest_call *call, struct edge_err *err)
{
    const struct rest_route *route = NULL;
    const char *version = rest_query(call, "api-version");
    struct cloud_faults faults;
    int rc;

    if (!http_path_split(call->path, call->part, REST_PARTS))
        return rest_refuse(err, CLOUD_NOT_FOUND, "there is nothing of this name");
    rc = find(call, &route, err);
    if (rc == 0 && (!version || !*version))
        rc = rest_refuse(err, CLOUD_BAD_VERSION, "the api-version query parameter is missing");
    cloud_faults_get(call->cloud, &faults);
    if (rc == 0 && faults.throttle)
        rc = rest_refuse(err, CLOUD_THROTTLED, "throttled; try again later");
    if (rc != 0 || !route)
        return rc;
    rc = authorize(call, route, err);
    if (rc == 0)
        rc = read_body(call, route, err);
    return rc == 0 ? route->serve(call, err) : rc;
}

void rest_handle(struct edge_exchange *exchange, void *arg)
{
    struct rest *rest = arg;
    struct rest_call *call = calloc(1, sizeof *call);
    struct edge_err err = {0};
    int rc;

    if (!call || !(call->path = edge_strdup(edge_exchange_path(exchange)))) {
        free(call);
        edge_exchange_reply(exchange, 500, NULL, "", 0);
        return;
    }
    call->rest = rest;
    call->cloud = rest->cloud;
    call->exchange = exchange;
    call->next = rest->calls;
    call->link = &rest->calls;
    if (call->next)
        call->next->link = &call->next;
    rest->calls = call;
    edge_exchange_on_gone(exchange, on_gone, call);
    rc = serve(call, &err);
    if (rc != REST_LATER)
        rest_finish(call, rc, &err);
}
