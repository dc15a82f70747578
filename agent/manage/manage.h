/* agent/manage/manage.h - the agent's HTTP API for edgectl, on a unix socket. Loop thread.
 *
 *   GET  /modules                        200 {"modules":[module…]}; ?watch=true: the same object
 * again, one a line, after each change, until the client leaves GET  /modules/{name} 200 module ·
 * 404 POST /modules/{name}/restart|start|stop   204 · 404 · 409 GET
 * /modules/{name}/logs?follow&tail&since&until&timestamps 200, frames of 8 bytes [1 stdout | 2
 * stderr,0,0,0,length BE] + text POST /plan       deployment          200 plan · 400 {"message"}
 *   POST /apply      deployment          200 {"code":200,"description":…} · 400, 412, 417
 * {"message"} GET  /systeminfo                     200 api-version is accepted and not needed.
 * Errors are {"message":"…"}; unknown path 404, method 405. */
#ifndef AGENT_MANAGE_MANAGE_H
#define AGENT_MANAGE_MANAGE_H

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/json/json.h"
#include "common/loop/loop.h"

/** What the API is made of; the agent implements it. All called on the loop thread. */
struct agent_manage_ops {
    /** All modules, an array the caller frees. Members: name, status, description, image, exitCode,
     * restartCount, startedAt, … */
    struct edge_json *(*list)(void *arg);
    /** "restart", "start" or "stop"; accepted means begun. @return 0, -ENOENT, EDGE_ECONFLICT */
    int (*act)(const char *module, const char *verb, void *arg, struct edge_err *err);
    /** @return 0, or agent_desired_parse's codes */
    int (*plan)(struct edge_bytes text, struct edge_json **ret, void *arg, struct edge_err *err);
    int (*apply)(struct edge_bytes text, void *arg, struct edge_err *err);
    /** Container id whose logs are @p module's; the caller frees it. @return 0 or -ENOENT */
    int (*log_id)(const char *module, char **ret, void *arg, struct edge_err *err);
    struct edge_json *(*systeminfo)(void *arg);
    void *arg;
};

struct agent_manage;
/** @param uri  "unix:///run/edge/mgmt.sock", mode 0660; a dead socket file there is replaced
 * @param log_dir  <homedir>/logs */
EDGE_MUST_CHECK int agent_manage_open(struct edge_loop *loop, const char *uri, const char *log_dir,
                                      const struct agent_manage_ops *ops, struct agent_manage **ret,
                                      struct edge_err *err);
/** Tell watchers that the list may have changed. Cheap; bursts are merged. */
void agent_manage_changed(struct agent_manage *manage);
struct agent_manage *agent_manage_close(struct agent_manage *manage);

#endif
