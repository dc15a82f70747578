#include <errno.h>
#include <stdlib.h>

#include "agent/containerd/call.h"
#include "agent/containerd/tasks.h"
#include "agent/containerd/wire.h"
#include "proto/containerd/tasks.pb-c.h"

#define PROCESS_TYPE   "types.containerd.io/opencontainers/runtime-spec/1/Process"
#define RESOURCES_TYPE "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources"

static const ProtobufCServiceDescriptor *const service = &tasks__tasks__descriptor;

int agent_ctrd_exec_create(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                           const char *id, const char *exec_id, const char *process,
                           const struct agent_ctrd_stdio *stdio, struct edge_err *err)
{
    Tasks__ExecProcessRequest request = TASKS__EXEC_PROCESS_REQUEST__INIT;
    Google__Any spec;
    int rc;

    rc = wire_stdio_check(stdio, err);
    if (rc == 0)
        rc = wire_json(PROCESS_TYPE, process, "exec process", &spec, err);
    if (rc < 0)
        return rc;
    request.container_id = id;
    request.exec_id = exec_id;
    request.spec = &spec;
    if (stdio) {
        request.stdout = stdio->out;
        request.stderr = stdio->err;
        request.terminal = stdio->terminal;
    }
    return ctrd_unary(ctrd, call, service, "Exec", &request.base, NULL, err);
}

int agent_ctrd_exec_start(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                          const char *id, const char *exec_id, struct edge_err *err)
{
    Tasks__StartRequest request = TASKS__START_REQUEST__INIT;

    request.container_id = id;
    request.exec_id = exec_id;
    return ctrd_unary(ctrd, call, service, "Start", &request.base, NULL, err);
}

int agent_ctrd_task_kill(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                         const char *id, const char *exec_id, uint32_t signum, bool all,
                         struct edge_err *err)
{
    Tasks__KillRequest request = TASKS__KILL_REQUEST__INIT;

    request.container_id = id;
    request.exec_id = exec_id ? exec_id : "";
    request.signal = signum;
    request.all = all;
    return ctrd_unary(ctrd, call, service, "Kill", &request.base, NULL, err);
}

int agent_ctrd_task_wait(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                         const char *id, const char *exec_id, struct agent_ctrd_exit *ret,
                         struct edge_err *err)
{
    Tasks__WaitRequest request = TASKS__WAIT_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Tasks__WaitResponse *reply = NULL;
    int rc;

    request.container_id = id;
    request.exec_id = exec_id ? exec_id : "";
    rc = ctrd_unary(ctrd, call, service, "Wait", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    *ret = (struct agent_ctrd_exit){reply->exit_status, wire_time(reply->exited_at)};
    return 0;
}

static int delete_exec(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call, const char *id,
                       const char *exec_id, void *ret_reply, struct edge_err *err)
{
    Tasks__DeleteProcessRequest request = TASKS__DELETE_PROCESS_REQUEST__INIT;

    request.container_id = id;
    request.exec_id = exec_id;
    return ctrd_unary(ctrd, call, service, "DeleteProcess", &request.base, ret_reply, err);
}

static int delete_init(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call, const char *id,
                       void *ret_reply, struct edge_err *err)
{
    Tasks__DeleteTaskRequest request = TASKS__DELETE_TASK_REQUEST__INIT;

    request.container_id = id;
    return ctrd_unary(ctrd, call, service, "Delete", &request.base, ret_reply, err);
}

int agent_ctrd_task_delete(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                           const char *id, const char *exec_id, struct agent_ctrd_exit *ret,
                           struct edge_err *err)
{
    EDGE_CLEANUP(pb_free) Tasks__DeleteResponse *reply = NULL;
    int rc = exec_id ? delete_exec(ctrd, call, id, exec_id, &reply, err)
                     : delete_init(ctrd, call, id, &reply, err);

    if (rc < 0)
        return rc;
    if (ret)
        *ret = (struct agent_ctrd_exit){reply->exit_status, wire_time(reply->exited_at)};
    return 0;
}

int agent_ctrd_task_pids(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                         const char *id, uint32_t **ret, size_t *ret_len, struct edge_err *err)
{
    Tasks__ListPidsRequest request = TASKS__LIST_PIDS_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Tasks__ListPidsResponse *reply = NULL;
    uint32_t *pids;
    int rc;

    request.container_id = id;
    rc = ctrd_unary(ctrd, call, service, "ListPids", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    pids = calloc(reply->n_processes + 1, sizeof *pids);
    if (!pids)
        return edge_fail(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < reply->n_processes; i++)
        pids[i] = reply->processes[i]->pid;
    *ret = pids;
    *ret_len = reply->n_processes;
    return 0;
}

int agent_ctrd_task_update(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                           const char *id, const char *resources, struct edge_err *err)
{
    Tasks__UpdateTaskRequest request = TASKS__UPDATE_TASK_REQUEST__INIT;
    Google__Any packed;
    int rc = wire_json(RESOURCES_TYPE, resources, "resources", &packed, err);

    if (rc < 0)
        return rc;
    request.container_id = id;
    request.resources = &packed;
    return ctrd_unary(ctrd, call, service, "Update", &request.base, NULL, err);
}
