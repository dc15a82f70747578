#include "common/workload/call.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/encode.h"
#include "common/http/client.h"

enum { TOTAL_MS = 100000, BODY_MAX = 4 << 20, PATH_MAX_LEN = 2048 };

static int code_of(int status)
{
    switch (status) {
    case 401:
    case 403:
        return EDGE_EAUTH;
    case 404:
        return -ENOENT;
    case 429:
    case 503:
        return EDGE_EUNAVAILABLE;
    default:
        return EDGE_EREMOTE;
    }
}

/* The daemon's own words where it has any. */
static int refused(const struct edge_daemon_call *call, const struct edge_http_response *answer,
                   struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = NULL;
    int code = code_of(answer->status);
    const char *message = NULL;

    if (answer->body.len > 0 &&
        edge_json_parse(answer->body.data, answer->body.len, &body, NULL) == 0)
        message = edge_json_str(edge_json_get(body, "message"), NULL);
    if (message)
        edge_fail(err, code, "edge-securityd: %s", message);
    else
        edge_fail(err, code, "edge-securityd answered %s %.*s with status %d", call->method,
                  (int) strcspn(call->path, "?"), call->path, answer->status);
    if (err)
        err->status = answer->status;
    return code;
}

static int read_answer(const struct edge_http_response *answer, struct edge_json **ret,
                       struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = NULL;
    int rc =
        edge_json_parse(answer->body.data ? answer->body.data : "", answer->body.len, &body, err);

    if (rc == -ENOMEM)
        return rc;
    if (rc < 0 || !edge_json_is(body, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EPROTOCOL, "edge-securityd's answer is not a JSON object");
    *ret = EDGE_TAKE(body);
    return 0;
}

int edge_daemon_call(const struct edge_daemon_call *call, struct edge_json **ret,
                     struct edge_err *err)
{
    static const struct edge_http_header headers[] = {{"Content-Type", "application/json"}};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response answer = {0};
    EDGE_CLEANUP(edge_free) char *url = edge_format("http://localhost%s", call->path);
    EDGE_CLEANUP(edge_wipe) char *body = call->body ? edge_json_text(call->body) : NULL;
    struct edge_http_request request = {
        .method = call->method,
        .url = url,
        .unix_path = call->socket,
        .headers = headers,
        .nheaders = body ? 1 : 0,
        .body = {(const uint8_t *) body, body ? strlen(body) : 0},
        .stall_s = TOTAL_MS / 1000, /* it may be asking the cloud, patiently */
        .total_ms = TOTAL_MS,
        .max_body = BODY_MAX,
        .cancel = call->cancel,
    };
    int rc;

    if (!url || (call->body && !body))
        return -ENOMEM;
    rc = edge_http_request(&request, &answer, err);
    if (rc < 0)
        return rc == EDGE_EUNAVAILABLE ? edge_wrap(err, rc, "edge-securityd") : rc;
    if (answer.status < 200 || answer.status > 299)
        return refused(call, &answer, err);
    return ret ? read_answer(&answer, ret, err) : 0;
}

char *edge_daemon_path(const char *before, const char *id, const char *after)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf path = EDGE_BUF_INIT(PATH_MAX_LEN);

    (void) edge_buf_puts(&path, before);
    (void) edge_percent_encode(&path, id, strlen(id));
    (void) edge_buf_puts(&path, after);
    return edge_buf_take(&path);
}

int edge_daemon_take(const struct edge_json *object, const char *name, char **ret,
                     struct edge_err *err)
{
    const char *text = edge_json_str(edge_json_get(object, name), NULL);

    if (!text || !*text)
        return edge_fail(err, EDGE_EPROTOCOL, "edge-securityd's answer has no %s", name);
    *ret = strdup(text);
    return *ret ? 0 : -ENOMEM;
}
