/* agent/supervisor/job.h - blocking work about one module: a list of stages, run one after the
 * other, each on its pool, on copies of what they need; then, on the loop thread, its end. */
#ifndef AGENT_SUPERVISOR_JOB_H
#define AGENT_SUPERVISOR_JOB_H

#include "agent/supervisor/internal.h"

struct sup_job;
struct sup_stage {
    int (*run)(struct sup_job *job, struct edge_err *err);
    bool on_net; /* on the network's thread, else on one for containers */
    bool undo;   /* runs only after a failure; its own failure means the outcome is unknown */
};

struct sup_job {
    struct sup_module *m;
    const struct sup_stage *stages; /* run NULL at the end */
    size_t at;
    int rc;      /* first failure; err says why */
    int undo_rc; /* first failure of an undo stage */
    struct edge_err err;
    void (*finish)(struct sup_job *job); /* loop thread; not called while the agent ends */
    /* what the stages work on: copies, for the module lives on the loop thread */
    const struct agent_runtime *rt;
    struct agent_network *network;
    char id[AGENT_ID_SIZE];
    struct agent_module_spec *spec;
    struct agent_grant grant; /* its members are NULL without an identity */
    struct agent_start start;
    struct agent_task_end end;
    struct agent_container_made made;
    bool kill;
    bool logs;
};

/** A job about @p life's module, which it keeps alive. Aborts without memory: a job that cannot
 * begin would leave its module waiting for ever.
 * @param spec  copied, or NULL */
struct sup_job *sup_job_create(struct agent_module *life, const struct sup_stage *stages,
                               void (*finish)(struct sup_job *job),
                               const struct agent_module_spec *spec);
/** Begin. The job frees itself after its end. */
void sup_job_submit(struct sup_job *job);

#endif
