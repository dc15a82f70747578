#include "hub/auth/scope_http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/cancel.h"
#include "common/base/encode.h"
#include "common/http/client.h"
#include "common/loop/pool.h"

#define API_VERSION "2018-08-30-preview"

enum {
    THREADS = 2,
    PAGE_SIZE = 10, /* as IoT Edge asks */
    URL_MAX = 8192,
    BODY_MAX = 4 << 20,
    TOTAL_MS = 60000,
    STALL_S = 20,
    TRIES = 3,
    PAUSE_MS = 1000, /* before the second try; four times that before the third */
    STATUS_THROTTLED = 429,
    STATUS_ELSEWHERE = 502,
};

typedef void scope_done(int status, const char *json, size_t len, const struct edge_err *err,
                        void *arg);

/* token --> request on a thread --> done; or done by close, whichever comes first */
struct scope_call {
    struct hub_scope_http *http; /* NULL: closed */
    bool submitted;
    char *url;
    char *token;
    scope_done *done;
    void *arg;
    struct edge_http_response answer;
    struct edge_err err;
    struct scope_call *next;
};

struct hub_scope_http {
    struct hub_scope_source source;
    struct hub_workload *workload;
    struct edge_pool *pool;
    struct edge_cancel *cancel;
    char *trust_pem;
    char *base; /* "https://host" */
    char *path; /* "/devices/d/modules/$edgeHub/", encoded */
    struct scope_call *calls;
};

static void call_free(struct scope_call *call)
{
    if (call->http) {
        struct scope_call **link = &call->http->calls;

        while (*link != call)
            link = &(*link)->next;
        *link = call->next;
    }
    (void) edge_wipe(call->token);
    edge_buf_wipe(&call->answer.body); /* keys */
    edge_http_response_fini(&call->answer);
    free(call->url);
    free(call);
}

static void finish(struct scope_call *call)
{
    const struct edge_buf *body = &call->answer.body;
    int status = call->answer.status;

    if (status != 0 && status != 200 && !*call->err.text)
        edge_fail(&call->err, EDGE_EREMOTE, "asked for the scope, it answered status %d", status);
    if (call->http)
        call->done(status, body->data ? body->data : "", body->len, &call->err, call->arg);
    call_free(call);
}

/* ---- on a thread ---- */

static bool is_passing(int status)
{
    return status == STATUS_THROTTLED || status >= 500;
}

static int try_once(struct scope_call *call)
{
    const struct edge_http_header headers[] = {{"Authorization", call->token},
                                               {"Accept", "application/json"}};
    const struct edge_http_request request = {
        .url = call->url,
        .headers = headers,
        .nheaders = EDGE_ARRAY_LEN(headers),
        .ca_pem = call->http->trust_pem,
        .stall_s = STALL_S,
        .total_ms = TOTAL_MS,
        .max_body = BODY_MAX,
        .cancel = call->http->cancel,
    };

    edge_http_response_fini(&call->answer);
    call->answer = (struct edge_http_response){0};
    return edge_http_request(&request, &call->answer, &call->err);
}

/* Its http waits for this to end. */
static void call_work(void *arg)
{
    struct scope_call *call = arg;
    int pause_ms = PAUSE_MS;

    for (int tries = 1; try_once(call) == 0 && is_passing(call->answer.status); tries++) {
        if (tries == TRIES || edge_cancel_sleep(call->http->cancel, pause_ms))
            return;
        pause_ms *= 4;
    }
    if (call->err.code < 0)
        call->answer.status = 0;
}

static void call_done(void *arg)
{
    finish(arg);
}

/* ---- on the loop ---- */

static void with_token(int rc, const char *token, int64_t until_s, const struct edge_err *err,
                       void *arg)
{
    struct scope_call *call = arg;

    (void) until_s;
    call->token = rc == 0 ? edge_strdup(token) : NULL;
    if (!call->token) {
        call->err = *err;
        finish(call);
        return;
    }
    call->submitted = true;
    edge_pool_submit(call->http->pool, call_work, call_done, call);
}

static void nothing(void *arg)
{
    (void) arg;
}

/* NULL @p url: nothing to ask, only to answer: with @p status, later. */
static void ask(struct hub_scope_http *http, char *url, int status, scope_done *done, void *arg)
{
    struct scope_call *call = calloc(1, sizeof *call);

    if (!call)
        abort(); /* its asker would wait for ever */
    *call = (struct scope_call){
        .http = http, .url = url, .done = done, .arg = arg, .next = http->calls};
    http->calls = call;
    if (url) {
        hub_workload_token(http->workload, with_token, call);
        return;
    }
    call->answer.status = status;
    edge_fail(&call->err, EDGE_EPROTOCOL,
              status ? "the list of the scope goes on at another host" : "no memory");
    call->submitted = true;
    edge_pool_submit(http->pool, nothing, call_done, call);
}

/* A link is followed only at who gave it. The caller frees it. */
static char *follow(const struct hub_scope_http *http, const char *link)
{
    size_t n = strlen(http->base);

    if (link[0] == '/' && link[1] != '/')
        return edge_format("%s%s", http->base, link);
    return strncasecmp(link, http->base, n) == 0 && link[n] == '/' ? edge_strdup(link) : NULL;
}

static void ask_page(void *self, const char *link, scope_done *done, void *arg)
{
    struct hub_scope_http *http = self;
    char *url = link ? follow(http, link)
                     : edge_format("%s%sdevicesAndModulesInDeviceScope?deviceCount=%d"
                                   "&continuationToken=&api-version=" API_VERSION,
                                   http->base, http->path, PAGE_SIZE);

    ask(http, url, link ? STATUS_ELSEWHERE : 0, done, arg);
}

static void ask_one(void *self, const struct edge_identity *who, scope_done *done, void *arg)
{
    struct hub_scope_http *http = self;
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf url = EDGE_BUF_INIT(URL_MAX);

    (void) edge_buf_printf(&url, "%s%sdeviceAndModuleInDeviceScope?targetDeviceId=", http->base,
                           http->path);
    (void) edge_percent_encode(&url, who->device, strlen(who->device));
    if (*who->module) {
        (void) edge_buf_puts(&url, "&targetModuleId=");
        (void) edge_percent_encode(&url, who->module, strlen(who->module));
    }
    (void) edge_buf_puts(&url, "&api-version=" API_VERSION);
    ask(http, edge_buf_take(&url), 0, done, arg);
}

/* ---- life ---- */

static char *path_of(const struct edge_identity *who)
{
    EDGE_CLEANUP(edge_free) char *resource = edge_identity_resource(who, "");

    return resource ? edge_format("%s/", resource) : NULL;
}

int hub_scope_http_open(struct edge_loop *loop, struct hub_workload *workload,
                        const struct hub_self *self, const char *trust_pem,
                        struct hub_scope_http **ret, struct edge_err *err)
{
    struct hub_scope_http *http = calloc(1, sizeof *http);
    int rc = -ENOMEM;

    if (!http)
        return edge_fail(err, rc, "no memory");
    http->source = (struct hub_scope_source){.page = ask_page, .one = ask_one, .self = http};
    http->workload = workload;
    http->trust_pem = edge_strdup(trust_pem);
    http->base = edge_format("https://%s", self->upstream);
    http->path = path_of(&self->who);
    http->cancel = edge_cancel_create();
    if (http->base && http->path && http->cancel && (!trust_pem || http->trust_pem))
        rc = edge_pool_create(loop, "hub-scope", THREADS, &http->pool);
    if (rc < 0) {
        hub_scope_http_close(http);
        return edge_fail(err, rc, "cannot prepare to ask for the scope: %s", edge_strerror(rc));
    }
    *ret = http;
    return 0;
}

const struct hub_scope_source *hub_scope_http_source(const struct hub_scope_http *http)
{
    return &http->source;
}

static void give_up(struct scope_call *call)
{
    struct edge_err err = {0};

    edge_fail(&err, -ECANCELED, "the hub ends");
    call->done(0, "", 0, &err, call->arg);
    hub_workload_forget(call->http->workload, call);
    call->http = NULL;
    if (!call->submitted)
        call_free(call); /* else call_done does */
}

struct hub_scope_http *hub_scope_http_close(struct hub_scope_http *http)
{
    if (!http)
        return NULL;
    if (http->cancel)
        edge_cancel_fire(http->cancel);
    edge_pool_destroy(http->pool);
    while (http->calls) {
        struct scope_call *call = http->calls;

        http->calls = call->next;
        give_up(call);
    }
    edge_cancel_unref(http->cancel);
    free(http->trust_pem);
    free(http->base);
    free(http->path);
    free(http);
    return NULL;
}
