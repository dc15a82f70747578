#include <errno.h>
#include <stdlib.h>

#include "agent/containerd/call.h"
#include "agent/containerd/runc.h"
#include "agent/containerd/tasks.h"
#include "common/base/clock.h"
#include "proto/containerd/tasks.pb-c.h"

static const ProtobufCServiceDescriptor *const service = &tasks__tasks__descriptor;

void agent_ctrd_task_fini(struct agent_ctrd_task *task)
{
    free(task->id);
    *task = (struct agent_ctrd_task){0};
}

struct agent_ctrd_task *agent_ctrd_tasks_free(struct agent_ctrd_task *list, size_t len)
{
    for (size_t i = 0; i < len; i++)
        agent_ctrd_task_fini(&list[i]);
    free(list);
    return NULL;
}

static enum agent_ctrd_status status_of(Task__Status status)
{
    switch (status) {
    case TASK__STATUS__CREATED:
        return AGENT_CTRD_CREATED;
    case TASK__STATUS__RUNNING:
        return AGENT_CTRD_RUNNING;
    case TASK__STATUS__STOPPED:
        return AGENT_CTRD_STOPPED;
    case TASK__STATUS__PAUSED:
        return AGENT_CTRD_PAUSED;
    case TASK__STATUS__PAUSING:
        return AGENT_CTRD_PAUSING;
    default:
        return AGENT_CTRD_UNKNOWN;
    }
}

static int copy_task(const Task__Process *from, struct agent_ctrd_task *ret, struct edge_err *err)
{
    struct agent_ctrd_task to = {
        .id = edge_strdup(from->id),
        .pid = from->pid,
        .status = status_of(from->status),
        .exited_ns = EDGE_TIME_NEVER,
    };

    if (!to.id)
        return edge_fail(err, -ENOMEM, "out of memory");
    if (to.status == AGENT_CTRD_STOPPED) {
        to.exit_code = from->exit_status;
        to.exited_ns = wire_time(from->exited_at);
    }
    *ret = to;
    return 0;
}

int agent_ctrd_task_get(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call, const char *id,
                        struct agent_ctrd_task *ret, struct edge_err *err)
{
    Tasks__GetRequest request = TASKS__GET_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Tasks__GetResponse *reply = NULL;
    int rc;

    request.container_id = id;
    rc = ctrd_unary(ctrd, call, service, "Get", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    if (!reply->process)
        return edge_fail(err, EDGE_EPROTOCOL, "containerd: task %s came back empty", id);
    return copy_task(reply->process, ret, err);
}

int agent_ctrd_task_list(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                         struct agent_ctrd_task **ret, size_t *ret_len, struct edge_err *err)
{
    Tasks__ListTasksRequest request = TASKS__LIST_TASKS_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Tasks__ListTasksResponse *reply = NULL;
    struct agent_ctrd_task *list;
    int rc;

    rc = ctrd_unary(ctrd, call, service, "List", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    list = calloc(reply->n_tasks + 1, sizeof *list);
    if (!list)
        return edge_fail(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < reply->n_tasks; i++) {
        rc = copy_task(reply->tasks[i], &list[i], err);
        if (rc < 0) {
            agent_ctrd_tasks_free(list, i);
            return rc;
        }
    }
    *ret = list;
    *ret_len = reply->n_tasks;
    return 0;
}

int agent_ctrd_task_create(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                           const char *id, const struct agent_ctrd_mounts *rootfs,
                           const struct agent_ctrd_stdio *stdio, const char *runtime_binary,
                           uint32_t *ret_pid, struct edge_err *err)
{
    Tasks__CreateTaskRequest request = TASKS__CREATE_TASK_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Tasks__CreateTaskResponse *reply = NULL;
    EDGE_CLEANUP(wire_mounts_fini) struct wire_mounts mounts = {0};
    EDGE_CLEANUP(runc_options_fini) Google__Any options = GOOGLE__ANY__INIT;
    int rc;

    rc = wire_stdio_check(stdio, err);
    if (rc == 0)
        rc = wire_mounts_init(&mounts, rootfs, err);
    if (rc == 0 && runtime_binary)
        rc = runc_options_init(&options, runtime_binary, err);
    if (rc < 0)
        return rc;

    request.container_id = id;
    request.rootfs = mounts.list;
    request.n_rootfs = mounts.len;
    request.options = runtime_binary ? &options : NULL;
    if (stdio) {
        request.stdout = stdio->out;
        request.stderr = stdio->err;
        request.terminal = stdio->terminal;
    }
    rc = ctrd_unary(ctrd, call, service, "Create", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    *ret_pid = reply->pid;
    return 0;
}

int agent_ctrd_task_start(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                          const char *id, struct edge_err *err)
{
    return agent_ctrd_exec_start(ctrd, call, id, "", err);
}
