#include "agent/supervisor/job.h"

#include <stdlib.h>

static void job_free(struct sup_job *job)
{
    agent_start_end(&job->start);
    agent_container_made_fini(&job->made);
    agent_module_spec_free(job->spec);
    agent_grant_fini(&job->grant);
    free(job);
}

static void stage_work(void *arg)
{
    struct sup_job *job = arg;
    const struct sup_stage *stage = &job->stages[job->at];
    struct edge_err err = {0};
    int rc = stage->run(job, &err);

    if (rc >= 0)
        return;
    if (stage->undo) {
        if (job->undo_rc == 0)
            job->undo_rc = rc;
        return;
    }
    job->rc = rc;
    job->err = err;
    if (!job->err.text[0])
        edge_ignore(edge_fail(&job->err, rc, "%s", edge_strerror(rc)));
}

static void stage_done(void *arg)
{
    struct sup_job *job = arg;
    struct sup_module *m = job->m;

    job->at++;
    while (job->stages[job->at].run && job->stages[job->at].undo != (job->rc < 0))
        job->at++;
    if (job->stages[job->at].run) {
        sup_job_submit(job);
        return;
    }
    m->jobs--;
    if (!m->sup->ending)
        job->finish(job);
    job_free(job);
    sup_kick(m->sup);
}

void sup_job_submit(struct sup_job *job)
{
    struct agent_supervisor *sup = job->m->sup;
    struct edge_pool *pool = job->stages[job->at].on_net ? sup->net : sup->work;

    if (sup->ending) { /* the pools are closed: the next life of the agent finds what is left */
        job->m->jobs--;
        job_free(job);
        return;
    }
    edge_pool_submit(pool, stage_work, stage_done, job);
}

struct sup_job *sup_job_create(struct agent_module *life, const struct sup_stage *stages,
                               void (*finish)(struct sup_job *job),
                               const struct agent_module_spec *spec)
{
    struct sup_module *m = EDGE_CONTAINER_OF(life, struct sup_module, life);
    struct sup_job *job = calloc(1, sizeof *job);

    if (!job)
        abort();
    job->m = m;
    job->stages = stages;
    job->finish = finish;
    job->rt = m->sup->cfg.rt;
    job->network = m->sup->cfg.net;
    memcpy(job->id, m->id, sizeof job->id);
    if (spec && !(job->spec = agent_module_spec_copy(spec)))
        abort();
    m->jobs++;
    return job;
}
