#include "agent/security/api/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/http/path.h"

static const char *const versions[] = {"2018-06-28", "2019-01-30", "2019-10-22", "2019-11-05",
                                       "2020-07-07", "2021-12-07", "2022-08-03"};

/* ---- answers ---- */

static struct edge_json *message(const char *text)
{
    struct edge_json *body = edge_json_new_object();

    if (body)
        edge_ignore(edge_json_set_str(body, "message", text));
    return body;
}

static void send_json(struct edge_exchange *x, int status, const struct edge_json *body)
{
    char *text = body ? edge_json_text(body) : NULL;

    edge_exchange_reply(x, status, text ? "application/json" : NULL, text ? text : "",
                        text ? strlen(text) : 0);
    (void) edge_wipe(text); /* may hold a private key */
}

void sec_api_fail(struct edge_exchange *x, int status, const char *text)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = message(text);

    send_json(x, status, body);
}

void sec_reply(struct sec_request *r, int status, struct edge_json *body)
{
    edge_json_free(r->reply_);
    r->status_ = status;
    r->reply_ = body;
}

void sec_refuse_text(struct sec_request *r, int status, const char *text)
{
    sec_reply(r, status, message(text));
}

static int status_of(int rc, const struct edge_err *err)
{
    switch (rc) {
    case EDGE_EINVALID:
    case EDGE_ELIMIT:
        return HTTP_BAD_REQUEST;
    case -ENOENT:
        return HTTP_NOT_FOUND;
    case EDGE_ECONFLICT:
        return HTTP_CONFLICT;
    case EDGE_EUNAVAILABLE:
        return err->status == HTTP_THROTTLED ? HTTP_THROTTLED : HTTP_UNAVAILABLE;
    default:
        return HTTP_ERROR;
    }
}

void sec_refuse(struct sec_request *r, int rc, const struct edge_err *err)
{
    sec_refuse_text(r, status_of(rc, err), *err->text ? err->text : edge_strerror(rc));
}

/* ---- requests ---- */

static void request_free(struct sec_request *r)
{
    edge_json_free(r->body);
    edge_json_free(r->reply_);
    free(r->path_);
    free(r);
}

/* @return 0, or the status to refuse with */
static int find_route(const struct sec_api *api, struct sec_request *r, struct edge_exchange *x,
                      const char *version)
{
    const char *allowed = NULL;

    for (size_t i = 0; i < api->nroutes; i++) {
        const struct sec_route *route = &api->routes[i];

        if (!http_path_is(r->parts, route->path, SEC_API_PARTS) ||
            (route->since && (!version || strcmp(version, route->since) < 0)))
            continue;
        allowed = route->method;
        if (strcmp(route->method, edge_exchange_method(x)) != 0)
            continue;
        r->route_ = route;
        return 0;
    }
    if (allowed)
        edge_exchange_set_header(x, "Allow", allowed);
    return allowed ? HTTP_NOT_ALLOWED : HTTP_NOT_FOUND;
}

static bool version_known(const char *version)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(versions); i++) {
        if (strcmp(version, versions[i]) == 0)
            return true;
    }
    return false;
}

static bool is_json(const char *type)
{
    return type && strncasecmp(type, "application/json", 16) == 0 &&
           (type[16] == '\0' || type[16] == ';' || type[16] == ' ');
}

/* @return 0, or the status to refuse with */
static int take_body(struct sec_request *r, struct edge_exchange *x, struct edge_err *err)
{
    struct edge_bytes body = edge_exchange_body(x);
    int rc;

    if (!r->route_->body)
        return 0;
    if (!is_json(edge_exchange_header(x, "Content-Type"))) {
        edge_fail(err, 0, "the content type must be application/json");
        return HTTP_UNSUPPORTED_TYPE;
    }
    if (body.len == 0) {
        edge_fail(err, 0, "a JSON body is missing");
        return HTTP_BAD_REQUEST;
    }
    rc = edge_json_parse((const char *) body.data, body.len, &r->body, err);
    if (rc == 0 && !edge_json_is(r->body, EDGE_JSON_OBJECT))
        edge_fail(err, 0, "the body must be a JSON object");
    return rc < 0 || !edge_json_is(r->body, EDGE_JSON_OBJECT) ? HTTP_UNPROCESSABLE : 0;
}

/* @return 0, or the status to refuse with */
static int check(const struct sec_api *api, struct sec_request *r, struct edge_exchange *x,
                 struct edge_err *err)
{
    const char *version = edge_exchange_query(x, "api-version");
    int status;

    if (api->versions && !version) {
        edge_fail(err, 0, "api-version not specified");
        return HTTP_BAD_REQUEST;
    }
    if (api->versions && !version_known(version)) {
        edge_fail(err, 0, "invalid api-version");
        return HTTP_BAD_REQUEST;
    }
    r->path_ = edge_strdup(edge_exchange_path(x));
    if (!r->path_)
        return HTTP_ERROR;
    status = http_path_split(r->path_, r->parts, SEC_API_PARTS) ? find_route(api, r, x, version)
                                                                : HTTP_NOT_FOUND;
    if (status) {
        edge_fail(err, 0, "%s", status == HTTP_NOT_FOUND ? "not found" : "method not allowed");
        return status;
    }
    return take_body(r, x, err);
}

static void do_work(void *arg)
{
    struct sec_request *r = arg;

    r->route_->work(r);
}

static void done(void *arg)
{
    struct sec_request *r = arg;

    if (r->exchange) {
        edge_exchange_on_gone(r->exchange, NULL, NULL);
        send_json(r->exchange, r->status_ ? r->status_ : HTTP_ERROR, r->reply_);
    }
    request_free(r);
}

static void gone(void *arg)
{
    ((struct sec_request *) arg)->exchange = NULL;
}

void sec_api_handle(const struct sec_api *api, struct edge_exchange *x, void *server)
{
    struct sec_request *r = calloc(1, sizeof *r);
    struct edge_err err = {0};
    struct edge_pool *pool;
    int status;

    if (!r) {
        sec_api_fail(x, HTTP_ERROR, "out of memory");
        return;
    }
    r->server = server;
    status = check(api, r, x, &err);
    pool = status ? NULL : api->admit(r, x);
    if (status)
        sec_api_fail(x, status, *err.text ? err.text : "out of memory");
    if (!pool) {
        request_free(r);
        return;
    }
    r->exchange = x;
    if (!r->route_->work) {
        r->route_->reply(r);
        done(r);
        return;
    }
    edge_exchange_on_gone(x, gone, r);
    edge_pool_submit(pool, do_work, done, r);
}

/* ---- members of the body ---- */

const char *sec_need_text(struct sec_request *r, const char *member)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    const char *found = edge_json_str(edge_json_get(r->body, member), NULL);

    if (found)
        return found;
    text = edge_format("the member `%s` is missing or no text", member);
    sec_refuse_text(r, HTTP_UNPROCESSABLE, text ? text : "out of memory");
    return NULL;
}

bool sec_need_bytes(struct sec_request *r, const char *member, struct edge_buf *ret)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    const char *found = sec_need_text(r, member);

    if (!found)
        return false;
    if (edge_base64_decode(found, strlen(found), ret) == 0)
        return true;
    text = edge_format("the member `%s` is not valid base64, or too long", member);
    sec_refuse_text(r, HTTP_UNPROCESSABLE, text ? text : "out of memory");
    return false;
}
