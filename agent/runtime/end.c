/* How a task comes to its end, and what containerd has of us. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "agent/runtime/effective.h"
#include "agent/runtime/runtime.h"
#include "agent/spec/spec.h"
#include "common/base/clock.h"
#include "common/base/log.h"

/* The stop signal of createOptions, else of the image, else SIGTERM. */
static int stop_signal(const struct agent_runtime *rt, const char *id, int *ret,
                       struct edge_err *err)
{
    EDGE_CLEANUP(agent_module_spec_free) struct agent_module_spec *spec = NULL;
    EDGE_CLEANUP(agent_options_free) struct agent_options *options = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *kept = NULL;
    EDGE_CLEANUP(edge_free) char *text = NULL;
    struct agent_ctrd_container container;
    const char *conf;
    int rc = agent_ctrd_container_get(rt->ctrd, NULL, id, &container, err);

    *ret = SIGTERM;
    if (rc < 0)
        return rc;
    text = agent_labels_spec_text(&container);
    conf = agent_ctrd_container_label(&container, AGENT_LABEL_IMAGE_CONF);
    if (text && (!conf || edge_json_parse(conf, strlen(conf), &kept, NULL) == 0) &&
        agent_module_spec_parse(text, strlen(text), &spec, NULL) == 0 &&
        agent_effective_options(spec, kept, &options, NULL) == 0 && options->stop_signal &&
        agent_signal_parse(options->stop_signal, ret) < 0)
        *ret = SIGTERM;
    agent_ctrd_container_fini(&container);
    return 0;
}

int agent_task_signal(const struct agent_runtime *rt, const char *id, bool kill,
                      struct edge_err *err)
{
    int signum = SIGKILL;
    int rc = kill ? 0 : stop_signal(rt, id, &signum, err);

    if (rc < 0)
        return rc;
    return agent_ctrd_task_kill(rt->ctrd, NULL, id, NULL, (uint32_t) signum, kill, err);
}

static bool saw_oom(const struct agent_runtime *rt, const char *id)
{
    struct agent_ctrd_metrics metrics;

    return agent_ctrd_task_metrics(rt->ctrd, NULL, id, &metrics, NULL) == 0 &&
           metrics.oom_kills > 0;
}

/* A task that was created and never started, or that outlived its turn: end it first. */
static int kill_first(const struct agent_runtime *rt, const char *id, struct edge_err *err)
{
    static const struct agent_ctrd_call patient = {.timeout_ms = 15000};
    struct agent_ctrd_exit end;
    int rc = agent_ctrd_task_kill(rt->ctrd, NULL, id, NULL, SIGKILL, true, err);

    if (rc == 0)
        rc = agent_ctrd_task_wait(rt->ctrd, &patient, id, NULL, &end, err);
    return rc == -ENOENT ? 0 : rc;
}

int agent_task_reap(const struct agent_runtime *rt, const char *id, struct agent_task_end *ret,
                    struct edge_err *err)
{
    struct agent_ctrd_task task;
    struct agent_ctrd_exit end = {0};
    int rc = agent_ctrd_task_get(rt->ctrd, NULL, id, &task, err);

    *ret = (struct agent_task_end){-1, EDGE_TIME_NEVER, false};
    if (rc < 0 && rc != -ENOENT)
        return rc;
    if (rc == 0) {
        ret->oom = saw_oom(rt, id);
        if (task.status != AGENT_CTRD_STOPPED)
            rc = kill_first(rt, id, err);
        agent_ctrd_task_fini(&task);
    } else {
        rc = 0; /* a create or delete that was cut off leaves a shim without a task: delete ends it
                 */
    }
    if (rc == 0)
        rc = agent_ctrd_task_delete(rt->ctrd, NULL, id, NULL, &end, err);
    if (rc == -ENOENT)
        return 0;
    if (rc < 0)
        return rc;
    ret->code = end.code;
    ret->exited_ns = end.exited_ns;
    return 0;
}

/* ---- listing ---- */

static void seen_fini(struct agent_container_seen *seen)
{
    free(seen->id);
    free(seen->module);
    free(seen->spec_text);
    free(seen->image_hash);
    free(seen->identity);
    free(seen->address);
    edge_json_free(seen->image_config);
    if (seen->has_task)
        agent_ctrd_task_fini(&seen->task);
}

struct agent_container_seen *agent_containers_seen_free(struct agent_container_seen *seen,
                                                        size_t len)
{
    for (size_t i = 0; seen && i < len; i++)
        seen_fini(&seen[i]);
    free(seen);
    return NULL;
}

static int read_container(const struct agent_ctrd_container *container,
                          struct agent_container_seen *ret)
{
    const char *module = agent_ctrd_container_label(container, AGENT_LABEL_MODULE);
    const char *conf = agent_ctrd_container_label(container, AGENT_LABEL_IMAGE_CONF);

    ret->id = strdup(container->id);
    ret->module = strdup(module && *module ? module : container->id);
    ret->spec_text = agent_labels_spec_text(container);
    ret->image_hash = edge_strdup(agent_ctrd_container_label(container, AGENT_LABEL_IMAGE_HASH));
    ret->identity = edge_strdup(agent_ctrd_container_label(container, AGENT_LABEL_IDENTITY));
    if (conf && edge_json_parse(conf, strlen(conf), &ret->image_config, NULL) < 0)
        ret->image_config = NULL;
    return ret->id && ret->module ? 0 : -ENOMEM;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct agent_container_seen *) a)->id,
                  ((const struct agent_container_seen *) b)->id);
}

/* A record of the same name is the only handle on such a task (containerd.md 4). */
static void end_orphan(const struct agent_runtime *rt, const struct agent_ctrd_task *task)
{
    struct agent_ctrd_container_new record = {
        .id = task->id,
        .image = "",
        .runtime = "io.containerd.runc.v2",
        .snapshotter = "",
        .snapshot_key = "",
        .spec = "{}",
    };
    struct agent_task_end end;
    struct agent_ctrd_task again;
    struct edge_err err = {0};

    if (agent_ctrd_task_get(rt->ctrd, NULL, task->id, &again, &err) < 0)
        return; /* it has gone since it was listed, and its container with it */
    agent_ctrd_task_fini(&again);
    if (agent_ctrd_container_create(rt->ctrd, NULL, &record, &err) < 0)
        return; /* it has a record, of a foreign owner: not ours to end */
    edge_warn("ending a task without a container id=%s pid=%u", task->id, task->pid);
    if (agent_task_reap(rt, task->id, &end, &err) < 0 ||
        agent_ctrd_container_delete(rt->ctrd, NULL, task->id, &err) < 0)
        edge_warn("cannot end the task id=%s: %s", task->id, err.text);
}

/* Hands each task to its container; what is handed over is empty in @p tasks afterwards. */
static void match(const struct agent_runtime *rt, struct agent_container_seen *seen, size_t len,
                  struct agent_ctrd_task *tasks, size_t ntasks)
{
    for (size_t i = 0; i < ntasks; i++) {
        struct agent_container_seen key = {.id = tasks[i].id};
        struct agent_container_seen *found =
            len ? bsearch(&key, seen, len, sizeof *seen, by_id) : NULL;

        if (!found) {
            end_orphan(rt, &tasks[i]);
            continue;
        }
        found->task = tasks[i];
        found->has_task = true;
        tasks[i] = (struct agent_ctrd_task){0};
    }
}

int agent_containers_list(const struct agent_runtime *rt, struct agent_container_seen **ret,
                          size_t *ret_len, struct edge_err *err)
{
    struct agent_ctrd_container *containers;
    struct agent_container_seen *seen;
    struct agent_ctrd_task *tasks;
    size_t len;
    size_t ntasks;
    int rc = agent_ctrd_task_list(rt->ctrd, NULL, &tasks, &ntasks, err);

    if (rc < 0)
        return rc;
    rc = agent_ctrd_container_list(rt->ctrd, NULL, AGENT_LABEL_OWNER, AGENT_LABEL_OWNER_VALUE,
                                   &containers, &len, err);
    if (rc < 0) {
        agent_ctrd_tasks_free(tasks, ntasks);
        return rc;
    }
    seen = calloc(len + 1, sizeof *seen);
    rc = seen ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < len; i++)
        rc = read_container(&containers[i], &seen[i]);
    agent_ctrd_containers_free(containers, len);
    if (rc == 0) {
        qsort(seen, len, sizeof *seen, by_id);
        match(rt, seen, len, tasks, ntasks);
        *ret = EDGE_TAKE(seen);
        *ret_len = len;
    }
    agent_ctrd_tasks_free(tasks, ntasks);
    agent_containers_seen_free(seen, rc == 0 ? 0 : len);
    return rc;
}
