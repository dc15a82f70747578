#include "agent/methods/methods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/methods/internal.h"
#include "common/base/clock.h"
#include "common/crypto/hmac.h"

enum { READERS = 2, UPLOADERS = 1 };

/* A handler answers or fails; what it fails with is answered for it. */

static int on_ping(struct agent_methods *m, const struct edge_json *payload,
                   const struct methods_call *call, struct edge_err *err)
{
    (void) m;
    (void) payload;
    (void) err;
    call->done(METHODS_OK, NULL, call->arg);
    return 0;
}

static int on_restart(struct agent_methods *m, const struct edge_json *payload,
                      const struct methods_call *call, struct edge_err *err)
{
    const char *id;
    int rc = methods_request_schema(payload, err);

    if (rc == 0)
        rc = methods_request_text(payload, "id", &id, err);
    if (rc < 0)
        return rc;
    rc = m->config.ops.act(id, "restart", m->config.ops.arg, err);
    if (rc == -ENOENT)
        return edge_fail(err, -ENOENT, "Module %.128s is not known", id);
    if (rc < 0) /* whatever it was, the request was fine */
        return edge_wrap(err, rc == EDGE_EINVALID ? EDGE_ECONFLICT : rc,
                         "Module %.128s cannot be restarted", id);
    call->done(METHODS_OK, NULL, call->arg);
    return 0;
}

static int on_get_logs(struct agent_methods *m, const struct edge_json *payload,
                       const struct methods_call *call, struct edge_err *err)
{
    struct methods_job *job = NULL;
    int rc;

    if (methods_jobs_calls(m) >= AGENT_METHODS_CALLS_MAX)
        return edge_fail(err, -EBUSY, "more than %d calls at once", AGENT_METHODS_CALLS_MAX);
    rc = methods_job_create(m, &job);
    if (rc < 0)
        return rc;
    rc = methods_logs_request_parse(payload, job->wall_ns, &job->logs, err);
    if (rc < 0) {
        methods_job_free(job);
        return rc;
    }
    job->work = methods_fetch;
    job->call = *call;
    methods_job_start(m, job, m->readers);
    return 0;
}

static void answer_task(const struct methods_task *task, const struct methods_call *call)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = edge_json_new_object();

    edge_ignore(edge_json_set_str(body, "status", methods_task_word(task->status)));
    edge_ignore(edge_json_set_str(body, "message", task->message));
    edge_ignore(edge_json_set_str(body, "correlationId", task->id));
    call->done(METHODS_OK, body, call->arg);
}

static int on_task_status(struct agent_methods *m, const struct edge_json *payload,
                          const struct methods_call *call, struct edge_err *err)
{
    struct methods_task unknown = {.status = METHODS_TASK_UNKNOWN};
    const struct methods_task *task;
    const char *id;
    int rc = methods_request_schema(payload, err);

    if (rc == 0)
        rc = methods_request_text(payload, "correlationId", &id, err);
    if (rc < 0)
        return rc;
    task = methods_tasks_find(&m->tasks, id, edge_now_ms());
    if (!task) {
        (void) snprintf(unknown.id, sizeof unknown.id, "%.36s", id);
        (void) snprintf(unknown.message, sizeof unknown.message,
                        "Task %.36s is not known: it ended long ago, or before the agent's start",
                        id);
    }
    answer_task(task ? task : &unknown, call);
    return 0;
}

/* Take the job on as a task and answer that it runs. */
static int start_task(struct agent_methods *m, struct methods_job *job,
                      const struct methods_call *call, struct edge_err *err)
{
    struct methods_task *task = NULL;
    int rc = edge_uuid(job->task);

    if (rc < 0)
        return rc;
    if (methods_tasks_open(&m->tasks) < AGENT_METHODS_UPLOADS_MAX)
        task = methods_tasks_add(&m->tasks, job->task, edge_now_ms());
    if (!task)
        return edge_fail(err, -EBUSY, "more than %d uploads at once", AGENT_METHODS_UPLOADS_MAX);
    task->status = METHODS_TASK_RUNNING;
    methods_job_start(m, job, m->uploaders);
    answer_task(task, call);
    return 0;
}

static int take_sas(struct methods_job *job, const struct edge_json *payload, struct edge_err *err)
{
    const char *sas;
    int rc = methods_request_text(payload, "sasUrl", &sas, err);

    if (rc < 0)
        return rc;
    if (strlen(sas) > METHODS_URL_MAX)
        return edge_fail(err, EDGE_ELIMIT, "sasUrl is longer than %d bytes", METHODS_URL_MAX);
    job->sas = strdup(sas);
    return job->sas ? methods_blob_check(sas, err) : -ENOMEM;
}

static int on_upload_logs(struct agent_methods *m, const struct edge_json *payload,
                          const struct methods_call *call, struct edge_err *err)
{
    struct methods_job *job = NULL;
    int rc = methods_job_create(m, &job);

    if (rc < 0)
        return rc;
    job->work = methods_upload_logs;
    rc = methods_logs_request_parse(payload, job->wall_ns, &job->logs, err);
    if (rc == 0)
        rc = take_sas(job, payload, err);
    if (rc == 0)
        rc = start_task(m, job, call, err);
    if (rc < 0)
        methods_job_free(job);
    return rc;
}

static int on_upload_bundle(struct agent_methods *m, const struct edge_json *payload,
                            const struct methods_call *call, struct edge_err *err)
{
    struct methods_job *job = NULL;
    const struct edge_json *only = edge_json_get_nocase(payload, "edgeRuntimeOnly");
    int rc = methods_job_create(m, &job);

    if (rc < 0)
        return rc;
    job->work = methods_upload_bundle;
    rc = methods_request_schema(payload, err);
    if (rc == 0)
        rc = methods_request_window(payload, job->wall_ns, &job->since_ns, &job->until_ns, err);
    if (rc == 0 && only && edge_json_loose_bool(only, &job->runtime_only) < 0)
        rc = edge_fail(err, EDGE_EINVALID, "edgeRuntimeOnly is neither true nor false");
    if (rc == 0)
        rc = take_sas(job, payload, err);
    if (rc == 0) {
        job->systeminfo = m->config.ops.systeminfo(m->config.ops.arg);
        rc = start_task(m, job, call, err);
    }
    if (rc < 0)
        methods_job_free(job);
    return rc;
}

static const struct method {
    const char *name;
    int (*run)(struct agent_methods *m, const struct edge_json *payload,
               const struct methods_call *call, struct edge_err *err);
} table[] = {
    {"ping", on_ping},
    {"GetTaskStatus", on_task_status},
    {"GetModuleLogs", on_get_logs},
    {"RestartModule", on_restart},
    {"UploadModuleLogs", on_upload_logs},
    {"UploadSupportBundle", on_upload_bundle},
};

static int unknown_method(const char *name, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf names = EDGE_BUF_INIT(256);

    for (size_t i = 0; i < EDGE_ARRAY_LEN(table); i++)
        edge_buf_printf(&names, "%s%s", i ? ", " : "", table[i].name);
    return edge_fail(err, EDGE_EINVALID,
                     "Command '%.64s' not found. The supported commands are - %s", name,
                     names.data ? names.data : "");
}

void agent_methods_call(struct agent_methods *methods, const char *name,
                        const struct edge_json *payload, methods_done *done, void *arg)
{
    const struct methods_call call = {done, arg};
    struct edge_err err = {0};
    const struct method *method = NULL;
    int rc;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(table); i++) {
        if (strcasecmp(table[i].name, name) == 0)
            method = &table[i];
    }
    if (method && methods->config.on_call)
        methods->config.on_call(method->name, methods->config.arg);
    rc = method ? method->run(methods, payload, &call, &err) : unknown_method(name, &err);
    if (rc < 0)
        methods_fail(&call, rc, &err);
}

static int copy_text(const char **place)
{
    const char *from = *place;

    *place = edge_strdup(from);
    return from && !*place ? -ENOMEM : 0;
}

static int copy_texts(struct agent_methods_config *config)
{
    const char **const all[] = {&config->log_dir, &config->temp_dir, &config->hub,
                                &config->device,  &config->upstream, &config->ca_file};
    int rc = 0;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++)
        rc = copy_text(all[i]) < 0 ? -ENOMEM : rc;
    return rc;
}

static void free_texts(struct agent_methods_config *config)
{
    const char *const all[] = {config->log_dir, config->temp_dir, config->hub,
                               config->device,  config->upstream, config->ca_file};

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++)
        free((char *) (uintptr_t) all[i]); /* ours since copy_texts */
}

int agent_methods_create(const struct agent_methods_config *config, struct agent_methods **ret)
{
    struct agent_methods *m = calloc(1, sizeof *m);
    int rc;

    if (!m)
        return -ENOMEM;
    m->config = *config;
    rc = copy_texts(&m->config);
    m->cancel = edge_cancel_create();
    if (!m->cancel)
        rc = -ENOMEM;
    if (rc == 0)
        rc = edge_pool_create(config->loop, "methods", READERS, &m->readers);
    if (rc == 0)
        rc = edge_pool_create(config->loop, "uploads", UPLOADERS, &m->uploaders);
    if (rc < 0) {
        agent_methods_destroy(m);
        return rc;
    }
    *ret = m;
    return 0;
}

struct agent_methods *agent_methods_destroy(struct agent_methods *methods)
{
    if (!methods)
        return NULL;
    if (methods->cancel)
        edge_cancel_fire(methods->cancel);
    edge_pool_destroy(methods->readers); /* waits: the workers read our texts */
    edge_pool_destroy(methods->uploaders);
    methods_jobs_let_go(methods);
    edge_cancel_unref(methods->cancel);
    free_texts(&methods->config);
    free(methods);
    return NULL;
}
