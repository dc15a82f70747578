#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/methods/internal.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"

static int status_of(int rc)
{
    switch (rc) {
    case EDGE_EINVALID:
    case EDGE_ELIMIT:
        return METHODS_BAD_REQUEST;
    case -EBUSY:
        return METHODS_TOO_MANY;
    default:
        return METHODS_FAILED;
    }
}

void methods_fail(const struct methods_call *call, int rc, const struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = edge_json_new_object();

    edge_ignore(edge_json_set_str(body, "message", *err->text ? err->text : edge_strerror(rc)));
    call->done(status_of(rc), body, call->arg);
}

void methods_job_free(struct methods_job *job)
{
    for (size_t i = 0; i < job->nmodules; i++) {
        free(job->modules[i].name);
        free(job->modules[i].log_id);
    }
    free(job->modules);
    (void) edge_wipe(job->sas);
    methods_logs_request_fini(&job->logs);
    edge_cancel_unref(job->source.cancel);
    edge_json_free(job->inspect);
    edge_json_free(job->systeminfo);
    edge_json_free(job->answer);
    free(job);
}

/* All modules of the moment that have a container. */
static int list_modules(struct agent_methods *m, struct methods_job *job, struct edge_json *list)
{
    size_t n = edge_json_len(list);

    job->modules = calloc(n ? n : 1, sizeof *job->modules);
    if (!job->modules)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const char *name = edge_json_str(edge_json_get(edge_json_at(list, i), "name"), NULL);
        struct methods_module *module = &job->modules[job->nmodules];

        if (!name || m->config.ops.log_id(name, &module->log_id, m->config.ops.arg, NULL) < 0)
            continue;
        job->nmodules++;
        module->name = strdup(name);
        if (!module->name)
            return -ENOMEM;
    }
    return 0;
}

int methods_job_create(struct agent_methods *m, struct methods_job **ret)
{
    struct methods_job *job = calloc(1, sizeof *job);
    int rc;

    if (!job)
        return -ENOMEM;
    job->methods = m;
    job->config = &m->config;
    job->wall_ns = edge_wall_ns();
    job->source = (struct methods_source){
        .log_dir = m->config.log_dir,
        .hub = m->config.hub,
        .device = m->config.device,
        .cancel = edge_cancel_ref(m->cancel),
    };
    job->inspect = m->config.ops.list(m->config.ops.arg);
    rc = list_modules(m, job, job->inspect);
    if (rc < 0) {
        methods_job_free(job);
        return rc;
    }
    *ret = job;
    return 0;
}

static void do_work(void *arg)
{
    struct methods_job *job = arg;

    job->source.deadline_ms = edge_now_ms() + AGENT_METHODS_TIMEOUT_MS; /* it may have waited */
    job->rc = edge_cancelled(job->source.cancel) ? -ECANCELED : job->work(job, &job->err);
}

static void unlink_job(struct agent_methods *m, struct methods_job *job)
{
    struct methods_job **at = &m->jobs;

    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
}

static void finish_task(struct agent_methods *m, const struct methods_job *job)
{
    enum methods_task_status status = job->rc == 0            ? METHODS_TASK_COMPLETED
                                      : job->rc == -ECANCELED ? METHODS_TASK_CANCELLED
                                                              : METHODS_TASK_FAILED;
    const char *why = job->rc == 0 ? "" : *job->err.text ? job->err.text : edge_strerror(job->rc);

    methods_tasks_set(&m->tasks, job->task, status, why, edge_now_ms());
}

static void job_done(void *arg)
{
    struct methods_job *job = arg;

    if (job->methods) {
        unlink_job(job->methods, job);
        if (*job->task)
            finish_task(job->methods, job);
    }
    if (job->call.done && job->rc < 0)
        methods_fail(&job->call, job->rc, &job->err);
    else if (job->call.done)
        job->call.done(METHODS_OK, job->answer, job->call.arg);
    methods_job_free(job);
}

void methods_job_start(struct agent_methods *m, struct methods_job *job, struct edge_pool *pool)
{
    job->next = m->jobs;
    m->jobs = job;
    edge_pool_submit(pool, do_work, job_done, job);
}

unsigned methods_jobs_calls(const struct agent_methods *m)
{
    unsigned n = 0;

    for (const struct methods_job *job = m->jobs; job; job = job->next)
        n += job->call.done ? 1 : 0;
    return n;
}

/* The pools still hold them and free them later. */
void methods_jobs_let_go(struct agent_methods *m)
{
    const struct edge_err ends = {.text = "the agent ends"};

    for (struct methods_job *job = m->jobs; job; job = job->next) {
        job->methods = NULL;
        if (job->call.done)
            methods_fail(&job->call, -ECANCELED, &ends);
        job->call.done = NULL;
    }
}
