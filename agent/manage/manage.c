#include "agent/manage/manage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/manage/internal.h"
#include "common/http/path.h"

enum {
    LOG_THREADS = 2,
    MERGE_MS = 100, /* changes within are one line to a watcher */
};

void manage_fail(struct edge_exchange *x, int status, const char *message)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *text = NULL;

    if (body)
        edge_ignore(edge_json_set_str(body, "message", message));
    text = edge_json_text(body);
    edge_exchange_reply(x, status, "application/json", text ? text : "", text ? strlen(text) : 0);
}

void manage_reply(struct edge_exchange *x, struct edge_json *value)
{
    EDGE_CLEANUP(edge_free) char *text = value ? edge_json_text(value) : NULL;

    edge_json_free(value);
    if (text)
        edge_exchange_reply(x, HTTP_OK, "application/json", text, strlen(text));
    else
        manage_fail(x, HTTP_ERROR, "out of memory");
}

static void serve_list(struct agent_manage *manage, struct edge_exchange *x, const char *module,
                       const char *verb)
{
    (void) module;
    (void) verb;
    manage_list(manage, x);
}

static void serve_show(struct agent_manage *manage, struct edge_exchange *x, const char *module,
                       const char *verb)
{
    (void) verb;
    manage_show(manage, x, module);
}

static void serve_logs(struct agent_manage *manage, struct edge_exchange *x, const char *module,
                       const char *verb)
{
    (void) verb;
    manage_logs(manage, x, module);
}

static void serve_systeminfo(struct agent_manage *manage, struct edge_exchange *x,
                             const char *module, const char *verb)
{
    (void) module;
    (void) verb;
    manage_reply(x, manage->ops.systeminfo(manage->ops.arg));
}

static void serve_plan(struct agent_manage *manage, struct edge_exchange *x, const char *module,
                       const char *verb)
{
    struct edge_json *plan = NULL;
    struct edge_err err = {0};
    int rc = manage->ops.plan(edge_exchange_body(x), &plan, manage->ops.arg, &err);

    (void) module;
    (void) verb;
    if (rc == 0)
        manage_reply(x, plan);
    else
        manage_fail(x, rc == -ENOMEM || rc == EDGE_EUNAVAILABLE ? HTTP_ERROR : HTTP_BAD_REQUEST,
                    *err.text ? err.text : edge_strerror(rc));
}

/* The code a reported lastDesiredStatus would have. */
static int apply_status(int rc)
{
    switch (rc) {
    case EDGE_EINVALID:
    case EDGE_ELIMIT:
        return HTTP_BAD_REQUEST;
    case EDGE_ESCHEMA:
        return HTTP_PRECONDITION;
    case EDGE_EEMPTY:
        return HTTP_EXPECTATION;
    case EDGE_ECONFLICT:
        return HTTP_CONFLICT;
    default:
        return HTTP_ERROR;
    }
}

static void serve_apply(struct agent_manage *manage, struct edge_exchange *x, const char *module,
                        const char *verb)
{
    struct edge_err err = {0};
    struct edge_json *done;
    int rc = manage->ops.apply(edge_exchange_body(x), manage->ops.arg, &err);

    (void) module;
    (void) verb;
    if (rc != 0) {
        manage_fail(x, apply_status(rc), *err.text ? err.text : edge_strerror(rc));
        return;
    }
    done = edge_json_new_object();
    if (done) {
        edge_ignore(edge_json_set_int(done, "code", HTTP_OK));
        edge_ignore(edge_json_set_str(done, "description", ""));
    }
    manage_reply(x, done);
}

enum { PARTS = 3 };

/* "*" is a module's name. */
static const struct route {
    const char *path[PARTS];
    const char *method;
    void (*serve)(struct agent_manage *manage, struct edge_exchange *x, const char *module,
                  const char *verb);
} routes[] = {
    {{"modules"}, "GET", serve_list},
    {{"modules", "*"}, "GET", serve_show},
    {{"modules", "*", "logs"}, "GET", serve_logs},
    {{"modules", "*", "restart"}, "POST", manage_act},
    {{"modules", "*", "start"}, "POST", manage_act},
    {{"modules", "*", "stop"}, "POST", manage_act},
    {{"plan"}, "POST", serve_plan},
    {{"apply"}, "POST", serve_apply},
    {{"systeminfo"}, "GET", serve_systeminfo},
};

static void handle(struct edge_exchange *x, void *arg)
{
    EDGE_CLEANUP(edge_free) char *path = edge_strdup(edge_exchange_path(x));
    const struct route *found = NULL;
    const char *parts[PARTS];

    if (!path || !http_path_split(path, parts, PARTS)) {
        manage_fail(x, HTTP_NOT_FOUND, "not found");
        return;
    }
    for (size_t i = 0; i < EDGE_ARRAY_LEN(routes); i++) {
        if (!http_path_is(parts, routes[i].path, PARTS))
            continue;
        found = &routes[i];
        if (strcmp(found->method, edge_exchange_method(x)) == 0) {
            found->serve(arg, x, parts[1], parts[2]);
            return;
        }
    }
    if (found)
        edge_exchange_set_header(x, "Allow", found->method);
    manage_fail(x, found ? HTTP_NOT_ALLOWED : HTTP_NOT_FOUND,
                found ? "method not allowed" : "not found");
}

void agent_manage_changed(struct agent_manage *manage)
{
    if (manage->watchers && !edge_timer_armed(manage->changed))
        edge_timer_arm(manage->changed, MERGE_MS);
}

struct agent_manage *agent_manage_close(struct agent_manage *manage)
{
    if (!manage)
        return NULL;
    edge_http_server_close(manage->server); /* watchers and log streams end */
    edge_pool_destroy(manage->pool);
    edge_timer_destroy(manage->changed);
    free(manage->log_dir);
    free(manage);
    return NULL;
}

int agent_manage_open(struct edge_loop *loop, const char *uri, const char *log_dir,
                      const struct agent_manage_ops *ops, struct agent_manage **ret,
                      struct edge_err *err)
{
    struct agent_manage *manage = calloc(1, sizeof *manage);
    struct edge_http_server_options options = {.uri = uri, .handle = handle, .arg = manage};
    int rc;

    if (!manage)
        return edge_fail(err, -ENOMEM, "no memory for the management API");
    manage->loop = loop;
    manage->ops = *ops;
    manage->log_dir = edge_strdup(log_dir);
    manage->changed = edge_timer_create(loop, manage_tell_watchers, manage);
    rc = manage->log_dir && manage->changed ? 0 : -ENOMEM;
    if (rc == 0)
        rc = edge_pool_create(loop, "logs", LOG_THREADS, &manage->pool);
    if (rc < 0)
        edge_fail(err, rc, "cannot start the management API: %s", edge_strerror(rc));
    else
        rc = edge_http_server_open(loop, &options, &manage->server, err);
    if (rc < 0) {
        agent_manage_close(manage);
        return rc;
    }
    *ret = manage;
    return 0;
}
