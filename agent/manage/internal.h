/* agent/manage/internal.h - what the files of this room share. Loop thread. */
#ifndef AGENT_MANAGE_INTERNAL_H
#define AGENT_MANAGE_INTERNAL_H

#include "agent/logs/logs.h"
#include "agent/manage/manage.h"
#include "common/http/server.h"
#include "common/loop/pool.h"

struct manage_watcher;

struct agent_manage {
    struct edge_loop *loop;
    struct agent_manage_ops ops;
    struct edge_http_server *server;
    struct edge_pool *pool; /* reads logs */
    char *log_dir;
    struct manage_watcher *watchers;
    struct edge_timer *changed; /* armed: watchers are told soon */
};

enum {
    HTTP_OK = 200,
    HTTP_NO_CONTENT = 204,
    HTTP_BAD_REQUEST = 400,
    HTTP_NOT_FOUND = 404,
    HTTP_NOT_ALLOWED = 405,
    HTTP_CONFLICT = 409,
    HTTP_PRECONDITION = 412,
    HTTP_EXPECTATION = 417,
    HTTP_ERROR = 500,
};

/** Answer with {"message":"…"}. */
void manage_fail(struct edge_exchange *x, int status, const char *message);
/** Answer with @p value, which is freed; NULL is an error of ours. */
void manage_reply(struct edge_exchange *x, struct edge_json *value);

/** Query parameter @p name as true or false; absent: false. @return 0 or EDGE_EINVALID */
int manage_flag(struct edge_exchange *x, const char *name, bool *ret, struct edge_err *err);
/** follow, tail, since, until. @return 0 or EDGE_EINVALID with the parameter in @p err */
int manage_log_query(struct edge_exchange *x, struct agent_log_query *ret, struct edge_err *err);

/* modules.c */
void manage_list(struct agent_manage *manage, struct edge_exchange *x);
void manage_show(struct agent_manage *manage, struct edge_exchange *x, const char *module);
void manage_act(struct agent_manage *manage, struct edge_exchange *x, const char *module,
                const char *verb);
void manage_tell_watchers(void *manage);

/* log_stream.c */
void manage_logs(struct agent_manage *manage, struct edge_exchange *x, const char *module);

#endif
