/* agent/containerd/tasks.h - container records, their tasks, and the events about them.
 * Rules of agent/containerd/client.h hold. */
#ifndef AGENT_CONTAINERD_TASKS_H
#define AGENT_CONTAINERD_TASKS_H

#include <stdbool.h>

#include "agent/containerd/client.h"

/* ---- container records ---- */

struct agent_ctrd_container {
    char *id;
    char *image; /* name of the image record */
    char *runtime;
    char *snapshotter;
    char *snapshot_key;
    char **labels; /* key, value, …, NULL at the end */
    char *spec;    /* OCI runtime spec, JSON text */
};
void agent_ctrd_container_fini(struct agent_ctrd_container *container);
/** The value of label @p key, or NULL. */
const char *agent_ctrd_container_label(const struct agent_ctrd_container *container,
                                       const char *key);

struct agent_ctrd_container_new {
    const char *id;             /* [A-Za-z0-9]+([._-][A-Za-z0-9]+)*, at most 76 characters */
    const char *image;          /* may be "" */
    const char *runtime;        /* "io.containerd.runc.v2" */
    const char *runtime_binary; /* runc by default; another OCI runtime's path or name; NULL */
    const char *snapshotter;
    const char *snapshot_key;
    const char *spec;                      /* OCI runtime spec, JSON text, UTF-8 */
    const struct agent_ctrd_label *labels; /* key + value at most 4096 bytes each */
    size_t nlabels;
};
/** Keeps the snapshot from being collected from now on; whether it is still there is not checked.
 * @return -EEXIST when the id is taken */
EDGE_MUST_CHECK int agent_ctrd_container_create(struct agent_ctrd *ctrd,
                                                const struct agent_ctrd_call *call,
                                                const struct agent_ctrd_container_new *what,
                                                struct edge_err *err);
EDGE_MUST_CHECK int agent_ctrd_container_get(struct agent_ctrd *ctrd,
                                             const struct agent_ctrd_call *call, const char *id,
                                             struct agent_ctrd_container *ret,
                                             struct edge_err *err);
/** Containers that carry label @p key = @p value; free with agent_ctrd_containers_free. */
EDGE_MUST_CHECK int agent_ctrd_container_list(struct agent_ctrd *ctrd,
                                              const struct agent_ctrd_call *call, const char *key,
                                              const char *value, struct agent_ctrd_container **ret,
                                              size_t *ret_len, struct edge_err *err);
struct agent_ctrd_container *agent_ctrd_containers_free(struct agent_ctrd_container *list,
                                                        size_t len);
/** Set labels in place; an empty value removes the label; others stay. */
EDGE_MUST_CHECK int agent_ctrd_container_label_set(struct agent_ctrd *ctrd,
                                                   const struct agent_ctrd_call *call,
                                                   const char *id,
                                                   const struct agent_ctrd_label *labels,
                                                   size_t nlabels, struct edge_err *err);
/** Replace the spec used by the next task. */
EDGE_MUST_CHECK int agent_ctrd_container_spec_set(struct agent_ctrd *ctrd,
                                                  const struct agent_ctrd_call *call,
                                                  const char *id, const char *spec,
                                                  struct edge_err *err);
/** Success when absent. Delete the task first: containerd would orphan its process. */
EDGE_MUST_CHECK int agent_ctrd_container_delete(struct agent_ctrd *ctrd,
                                                const struct agent_ctrd_call *call, const char *id,
                                                struct edge_err *err);

/* ---- tasks ---- */

enum agent_ctrd_status {
    AGENT_CTRD_UNKNOWN,
    AGENT_CTRD_CREATED,
    AGENT_CTRD_RUNNING,
    AGENT_CTRD_STOPPED,
    AGENT_CTRD_PAUSED,
    AGENT_CTRD_PAUSING,
};

struct agent_ctrd_task {
    char *id; /* container id */
    uint32_t pid;
    enum agent_ctrd_status status;
    uint32_t exit_code; /* when stopped */
    int64_t exited_ns;  /* wall clock; EDGE_TIME_NEVER unless stopped */
};
EDGE_MUST_CHECK int agent_ctrd_task_get(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                                        const char *id, struct agent_ctrd_task *ret,
                                        struct edge_err *err);
void agent_ctrd_task_fini(struct agent_ctrd_task *task);
/** All tasks of the namespace, init processes only; free with agent_ctrd_tasks_free. */
EDGE_MUST_CHECK int agent_ctrd_task_list(struct agent_ctrd *ctrd,
                                         const struct agent_ctrd_call *call,
                                         struct agent_ctrd_task **ret, size_t *ret_len,
                                         struct edge_err *err);
struct agent_ctrd_task *agent_ctrd_tasks_free(struct agent_ctrd_task *list, size_t len);

/** Where a process's output goes: URIs ("binary:///path?k=v", "file:///path") or "" for nowhere. */
struct agent_ctrd_stdio {
    const char *out; /* never "file://" with err empty: containerd's shim crashes */
    const char *err;
    bool terminal;
};
/**
 * @param rootfs  mounts of the container's snapshot
 * @param ret_pid  of the init process, created and waiting for start
 * On failure the container record and its snapshot stay: the caller removes them.
 */
EDGE_MUST_CHECK int
agent_ctrd_task_create(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call, const char *id,
                       const struct agent_ctrd_mounts *rootfs, const struct agent_ctrd_stdio *stdio,
                       const char *runtime_binary, uint32_t *ret_pid, struct edge_err *err);
EDGE_MUST_CHECK int agent_ctrd_task_start(struct agent_ctrd *ctrd,
                                          const struct agent_ctrd_call *call, const char *id,
                                          struct edge_err *err);
/** @param exec_id  NULL: the init process   @param all  every process of the container
 * @return -ENOENT when there is no task or the process has ended */
EDGE_MUST_CHECK int agent_ctrd_task_kill(struct agent_ctrd *ctrd,
                                         const struct agent_ctrd_call *call, const char *id,
                                         const char *exec_id, uint32_t signum, bool all,
                                         struct edge_err *err);

struct agent_ctrd_exit {
    uint32_t code;
    int64_t exited_ns; /* wall clock */
};
/** Blocks until the process ends or the call's deadline (-ETIMEDOUT: it lives on). */
EDGE_MUST_CHECK int agent_ctrd_task_wait(struct agent_ctrd *ctrd,
                                         const struct agent_ctrd_call *call, const char *id,
                                         const char *exec_id, struct agent_ctrd_exit *ret,
                                         struct edge_err *err);
/** Forget an ended task (@p exec_id NULL) or exec process and read how it ended. @return -ENOENT
 * when there is none: containerd 1.7 and later forget tasks that ended while it was down */
EDGE_MUST_CHECK int agent_ctrd_task_delete(struct agent_ctrd *ctrd,
                                           const struct agent_ctrd_call *call, const char *id,
                                           const char *exec_id, struct agent_ctrd_exit *ret,
                                           struct edge_err *err);
/** @param process  OCI process object, JSON text. Prepares; agent_ctrd_exec_start runs it. */
EDGE_MUST_CHECK int agent_ctrd_exec_create(struct agent_ctrd *ctrd,
                                           const struct agent_ctrd_call *call, const char *id,
                                           const char *exec_id, const char *process,
                                           const struct agent_ctrd_stdio *stdio,
                                           struct edge_err *err);
EDGE_MUST_CHECK int agent_ctrd_exec_start(struct agent_ctrd *ctrd,
                                          const struct agent_ctrd_call *call, const char *id,
                                          const char *exec_id, struct edge_err *err);
/** Pids of all processes in the container, host view; the caller frees the array. */
EDGE_MUST_CHECK int agent_ctrd_task_pids(struct agent_ctrd *ctrd,
                                         const struct agent_ctrd_call *call, const char *id,
                                         uint32_t **ret, size_t *ret_len, struct edge_err *err);
/** @param resources  OCI LinuxResources, JSON text */
EDGE_MUST_CHECK int agent_ctrd_task_update(struct agent_ctrd *ctrd,
                                           const struct agent_ctrd_call *call, const char *id,
                                           const char *resources, struct edge_err *err);

struct agent_ctrd_metrics {
    uint64_t memory_bytes; /* working set: usage less inactive file pages */
    uint64_t memory_limit; /* UINT64_MAX: none */
    uint64_t oom_kills;
    uint64_t cpu_ns;
    uint64_t pids;
};
EDGE_MUST_CHECK int agent_ctrd_task_metrics(struct agent_ctrd *ctrd,
                                            const struct agent_ctrd_call *call, const char *id,
                                            struct agent_ctrd_metrics *ret, struct edge_err *err);

/* ---- events ---- */

enum agent_ctrd_event_kind {
    AGENT_CTRD_EVENT_BARRIER, /* the stream is live: what happens from now on will be seen */
    AGENT_CTRD_EVENT_START,
    AGENT_CTRD_EVENT_EXIT, /* of an init process; execs are not reported */
    AGENT_CTRD_EVENT_OOM,
    AGENT_CTRD_EVENT_DELETE,
};
struct agent_ctrd_event {
    enum agent_ctrd_event_kind kind;
    const char *id; /* container id, "" for the barrier; borrowed for the callback */
    uint32_t pid;
    uint32_t exit_code;
    int64_t at_ns; /* wall clock */
};
/**
 * Subscribe to this namespace's task events and deliver them to @p fn on the calling thread until
 * the stream breaks or @p call is cancelled. Publishes the barrier by itself until it comes back,
 * so the first event is always AGENT_CTRD_EVENT_BARRIER: list after it, and nothing is missed.
 * The call's timeout does not count here.
 * @return why it ended: EDGE_EUNAVAILABLE containerd went away (call again, with back-off),
 * -ECANCELED, or another code (call again after a longer pause)
 */
EDGE_MUST_CHECK int agent_ctrd_events_run(struct agent_ctrd *ctrd,
                                          const struct agent_ctrd_call *call,
                                          void (*fn)(const struct agent_ctrd_event *ev, void *arg),
                                          void *arg, struct edge_err *err);

#endif
