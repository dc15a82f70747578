#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/manage/internal.h"

/* A client that reads the list again and again. */
struct manage_watcher {
    struct agent_manage *manage;
    struct edge_exchange *x;
    struct manage_watcher *next;
    char *told;  /* the last list sent */
    bool behind; /* it has not taken that yet: tell it the newest once it has */
};

/* {"modules":[…]}, or NULL without memory */
static struct edge_json *modules(struct agent_manage *manage)
{
    struct edge_json *list = manage->ops.list(manage->ops.arg);
    struct edge_json *object = list ? edge_json_new_object() : NULL;

    if (!object) {
        edge_json_free(list);
        return NULL;
    }
    return edge_json_set(object, "modules", list) < 0 ? edge_json_free(object) : object;
}

static char *modules_line(struct agent_manage *manage)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *object = modules(manage);
    EDGE_CLEANUP(edge_free) char *text = object ? edge_json_text(object) : NULL;

    return text ? edge_format("%s\n", text) : NULL;
}

static void tell(struct manage_watcher *w, const char *line)
{
    if (w->behind || !line || (w->told && strcmp(w->told, line) == 0))
        return;
    free(w->told);
    w->told = edge_strdup(line);
    w->behind = !edge_exchange_write(w->x, line, strlen(line));
}

void manage_tell_watchers(void *arg)
{
    struct agent_manage *manage = arg;
    EDGE_CLEANUP(edge_free) char *line = modules_line(manage);

    for (struct manage_watcher *w = manage->watchers; w; w = w->next)
        tell(w, line);
}

static void watcher_ready(void *arg)
{
    struct manage_watcher *w = arg;
    EDGE_CLEANUP(edge_free) char *line = NULL;

    if (!w->behind)
        return;
    w->behind = false;
    line = modules_line(w->manage);
    tell(w, line);
}

static void watcher_gone(void *arg)
{
    struct manage_watcher *w = arg;
    struct manage_watcher **link = &w->manage->watchers;

    while (*link != w)
        link = &(*link)->next;
    *link = w->next;
    free(w->told);
    free(w);
}

static void watch(struct agent_manage *manage, struct edge_exchange *x)
{
    struct manage_watcher *w = calloc(1, sizeof *w);
    EDGE_CLEANUP(edge_free) char *line = NULL;

    if (!w) {
        manage_fail(x, HTTP_ERROR, "out of memory");
        return;
    }
    *w = (struct manage_watcher){manage, x, manage->watchers, NULL, false};
    manage->watchers = w;
    edge_exchange_on_gone(x, watcher_gone, w);
    edge_exchange_stream(x, HTTP_OK, "application/json", watcher_ready, w);
    line = modules_line(manage);
    tell(w, line);
}

void manage_list(struct agent_manage *manage, struct edge_exchange *x)
{
    struct edge_err err = {0};
    bool watching;

    if (manage_flag(x, "watch", &watching, &err) < 0)
        manage_fail(x, HTTP_BAD_REQUEST, err.text);
    else if (watching)
        watch(manage, x);
    else
        manage_reply(x, modules(manage));
}

static void no_module(struct edge_exchange *x, const char *module)
{
    EDGE_CLEANUP(edge_free) char *text = edge_format("no module named %s", module);

    manage_fail(x, HTTP_NOT_FOUND, text ? text : "no such module");
}

void manage_show(struct agent_manage *manage, struct edge_exchange *x, const char *module)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *list = manage->ops.list(manage->ops.arg);

    for (size_t i = 0; i < edge_json_len(list); i++) {
        struct edge_json *one = edge_json_at(list, i);

        if (strcmp(edge_json_str(edge_json_get(one, "name"), ""), module) == 0) {
            manage_reply(x, edge_json_copy(one));
            return;
        }
    }
    no_module(x, module);
}

void manage_act(struct agent_manage *manage, struct edge_exchange *x, const char *module,
                const char *verb)
{
    struct edge_err err = {0};
    int rc = manage->ops.act(module, verb, manage->ops.arg, &err);

    if (rc == 0)
        edge_exchange_reply(x, HTTP_NO_CONTENT, NULL, NULL, 0);
    else if (rc == -ENOENT && !*err.text)
        no_module(x, module);
    else
        manage_fail(x,
                    rc == -ENOENT          ? HTTP_NOT_FOUND
                    : rc == EDGE_ECONFLICT ? HTTP_CONFLICT
                                           : HTTP_ERROR,
                    *err.text ? err.text : edge_strerror(rc));
}
