/* What is done about one module, and what the end of it means to the module's life. */
#include <errno.h>
#include <stdlib.h>

#include "agent/supervisor/identity.h"
#include "agent/supervisor/job.h"
#include "common/base/clock.h"
#include "common/base/log.h"

enum { CREATE_RETRY_S = 10, CREATE_RETRY_MAX_S = 300 };

/* containerd did not answer, or not in time: what it has done is not known. */
static bool is_lost(const struct sup_job *job)
{
    return job->undo_rc < 0;
}

static void report_failure(struct sup_job *job, const char *what)
{
    struct sup_module *m = job->m;

    m->tried = true;
    sup_note(m, "%s: %s", what, job->err.text);
    edge_error("%s module=%s: %s", what, m->name, job->err.text);
}

/* ---- create ---- */

static int run_name(struct sup_job *job, struct edge_err *err)
{
    return agent_start_name(job->rt, job->network, job->spec, err);
}

static int run_create(struct sup_job *job, struct edge_err *err)
{
    return agent_container_create(job->rt, job->spec, job->grant.generation ? &job->grant : NULL,
                                  &job->made, err);
}

static int run_forget(struct sup_job *job, struct edge_err *err)
{
    return agent_network_forget(job->network, job->id, err);
}

static void retry_create_later(struct sup_module *m)
{
    int64_t pause = CREATE_RETRY_S;

    for (unsigned i = 0; i < m->failures && pause < CREATE_RETRY_MAX_S; i++)
        pause *= 2;
    m->failures++;
    pause = pause < CREATE_RETRY_MAX_S ? pause : CREATE_RETRY_MAX_S;
    m->retry_ms = edge_now_ms() + agent_with_jitter(pause * 1000, (uint32_t) edge_wall_ns());
}

static void create_failed(struct sup_job *job)
{
    struct sup_module *m = job->m;

    report_failure(job, "cannot create the container");
    free(EDGE_TAKE(m->image_ready)); /* it may be the image that is missing: pull it again */
    if (job->rc == EDGE_EUNAVAILABLE || job->rc == -ETIMEDOUT) {
        edge_ignore(agent_module_step(&m->life, MODULE_EV_LOST));
        return;
    }
    retry_create_later(m);
    edge_ignore(agent_module_step(&m->life, MODULE_EV_ERROR));
}

static void finish_create(struct sup_job *job)
{
    struct sup_module *m = job->m;

    if (job->rc < 0) {
        create_failed(job);
        return;
    }
    m->failures = 0;
    sup_note(m, "%s", job->made.notices);
    if (*m->note)
        edge_warn("module=%s: %s", m->name, m->note);
    free(EDGE_TAKE(m->image_ready));
    free(m->image_hash);
    m->image_hash = EDGE_TAKE(job->made.image_hash);
    m->life.stop_timeout_ms = job->made.facts.stop_timeout_ms;
    sup_health_set(m, &job->made.facts.health);
    sup_set_applied(m, EDGE_TAKE(job->spec));
    free(m->identity);
    m->identity = EDGE_TAKE(job->made.identity);
    edge_ignore(agent_module_step(&m->life, MODULE_EV_DONE));
}

static void op_create(struct agent_module *life)
{
    static const struct sup_stage stages[] = {
        {run_name, true, false}, {run_create, false, false}, {NULL, false, false}};
    struct sup_module *m = EDGE_CONTAINER_OF(life, struct sup_module, life);

    const struct sup_identity *identity = sup_identity_find(m);
    struct sup_job *job = sup_job_create(life, stages, finish_create, sup_wanted(m));

    if (identity && identity->held && agent_grant_copy(&identity->grant, &job->grant) < 0)
        abort();
    sup_job_submit(job);
}

/* ---- start ---- */

static int run_begin(struct sup_job *job, struct edge_err *err)
{
    return agent_start_begin(job->rt, &job->start, job->spec, err);
}

static int run_task(struct sup_job *job, struct edge_err *err)
{
    return agent_start_task(job->rt, &job->start, err);
}

static int run_join(struct sup_job *job, struct edge_err *err)
{
    return agent_start_join(job->network, &job->start, err);
}

static int run_go(struct sup_job *job, struct edge_err *err)
{
    return agent_start_go(job->rt, &job->start, err);
}

static int run_reap(struct sup_job *job, struct edge_err *err)
{
    return agent_task_reap(job->rt, job->id, &job->end, err);
}

static int run_detach(struct sup_job *job, struct edge_err *err)
{
    return agent_network_detach(job->network, job->id, err);
}

static void finish_start(struct sup_job *job)
{
    struct sup_module *m = job->m;

    if (job->rc < 0) {
        report_failure(job, "cannot start");
        edge_ignore(agent_module_step(&m->life, is_lost(job) ? MODULE_EV_LOST : MODULE_EV_ERROR));
        return;
    }
    free(m->address);
    m->address = EDGE_TAKE(job->start.address);
    if (strncmp(m->note, "cannot ", 7) == 0)
        m->note[0] = '\0';
    edge_info("module runs module=%s pid=%u address=%s image=%s", m->name, job->start.pid,
              m->address ? m->address : "-", job->spec->image);
    edge_ignore(agent_module_step(&m->life, MODULE_EV_DONE));
}

static void op_start(struct agent_module *life)
{
    static const struct sup_stage stages[] = {
        {run_begin, false, false}, {run_name, true, false}, {run_task, false, false},
        {run_join, true, false},   {run_go, false, false},  {run_reap, false, true},
        {run_detach, true, true},  {NULL, false, false},
    };
    struct sup_module *m = EDGE_CONTAINER_OF(life, struct sup_module, life);

    sup_job_submit(sup_job_create(life, stages, finish_start, m->applied));
}

/* ---- signal ---- */

static int run_signal(struct sup_job *job, struct edge_err *err)
{
    return agent_task_signal(job->rt, job->id, job->kill, err);
}

static void finish_signal(struct sup_job *job)
{
    struct sup_module *m = job->m;

    if (job->rc == -ENOENT)
        edge_ignore(agent_module_step(&m->life, MODULE_EV_EXITED)); /* its event may yet come */
    else if (job->rc < 0)
        edge_warn("cannot signal module=%s: %s", m->name, job->err.text);
}

static void op_signal(struct agent_module *life, bool kill)
{
    static const struct sup_stage stages[] = {{run_signal, false, false}, {NULL, false, false}};
    struct sup_job *job = sup_job_create(life, stages, finish_signal, NULL);

    job->kill = kill;
    sup_job_submit(job);
}

/* ---- reap ---- */

/* A task that is deleted tells its end only once: it counts though the network was not given back.
 */
static void take_end(struct sup_module *m, const struct agent_task_end *end)
{
    m->life.exit_code = end->code;
    m->life.exited_ns = end->exited_ns == EDGE_TIME_NEVER ? edge_wall_ns() : end->exited_ns;
    m->life.oom = m->life.oom || end->oom;
    if (m->life.down == AGENT_DOWN_ENDED)
        edge_info("module ended module=%s code=%lld%s", m->name, (long long) end->code,
                  m->life.oom ? " (out of memory)" : "");
}

static void finish_reap(struct sup_job *job)
{
    struct sup_module *m = job->m;

    if (job->rc == 0 || job->end.exited_ns != EDGE_TIME_NEVER)
        take_end(m, &job->end);
    if (job->rc < 0) {
        report_failure(job, "cannot collect the ended task");
        edge_ignore(agent_module_step(&m->life, MODULE_EV_LOST));
        return;
    }
    free(EDGE_TAKE(m->address));
    edge_ignore(agent_module_step(&m->life, MODULE_EV_DONE));
}

static void op_reap(struct agent_module *life)
{
    static const struct sup_stage stages[] = {
        {run_reap, false, false}, {run_detach, true, false}, {NULL, false, false}};

    sup_job_submit(sup_job_create(life, stages, finish_reap, NULL));
}

/* ---- remove ---- */

static int run_remove(struct sup_job *job, struct edge_err *err)
{
    return agent_container_remove(job->rt, job->id, job->logs, err);
}

static void finish_remove(struct sup_job *job)
{
    struct sup_module *m = job->m;

    if (job->rc < 0) {
        report_failure(job, "cannot remove the container");
        edge_ignore(agent_module_step(&m->life, MODULE_EV_LOST));
        return;
    }
    sup_set_applied(m, NULL);
    sup_health_set(m, NULL);
    free(EDGE_TAKE(m->image_hash));
    edge_ignore(agent_module_step(&m->life, MODULE_EV_DONE));
}

static void op_remove(struct agent_module *life)
{
    static const struct sup_stage stages[] = {{run_remove, false, false},
                                              {run_detach, true, false},
                                              {run_forget, true, false},
                                              {NULL, false, false}};
    struct sup_job *job = sup_job_create(life, stages, finish_remove, NULL);

    job->logs = !sup_wanted(job->m); /* an update keeps the module's logs */
    sup_job_submit(job);
}

/* ---- relabel ---- */

static int run_relabel(struct sup_job *job, struct edge_err *err)
{
    return agent_container_relabel(job->rt, job->spec, err);
}

static void finish_relabel(struct sup_job *job)
{
    struct sup_module *m = job->m;
    enum agent_policy before = m->life.policy;

    m->relabelling = false;
    if (job->rc < 0) {
        report_failure(job, "cannot change in place");
        m->relabel_failed = true;
        sup_list_in(m->sup, 5000);
        return;
    }
    edge_info("module changed in place module=%s", m->name);
    sup_set_applied(m, EDGE_TAKE(job->spec));
    if (m->life.policy != before)
        agent_module_policy_changed(&m->life);
    sup_changed(m->sup);
}

void sup_relabel(struct sup_module *m, const struct agent_module_spec *spec)
{
    static const struct sup_stage stages[] = {{run_relabel, false, false}, {NULL, false, false}};

    m->relabelling = true;
    sup_job_submit(sup_job_create(&m->life, stages, finish_relabel, spec));
}

/* ---- the rest of the ops ---- */

static void op_arm(struct agent_module *life, int64_t ms)
{
    struct sup_module *m = EDGE_CONTAINER_OF(life, struct sup_module, life);

    edge_timer_arm(m->timer, (uint64_t) ms);
}

static void op_disarm(struct agent_module *life)
{
    edge_timer_disarm(EDGE_CONTAINER_OF(life, struct sup_module, life)->timer);
}

static bool same_record(const struct agent_module_record *a, const struct agent_module_record *b)
{
    return a->restart_count == b->restart_count && a->last_restart_ns == b->last_restart_ns &&
           a->last_start_ns == b->last_start_ns && a->last_exit_ns == b->last_exit_ns &&
           a->exit_code == b->exit_code && a->down == b->down;
}

static void save(struct sup_module *m)
{
    struct edge_err err = {0};
    struct agent_module_record now = {
        .restart_count = m->life.restart_count,
        .last_restart_ns = m->life.last_restart_ns,
        .last_start_ns = m->life.started_ns,
        .last_exit_ns = m->life.exited_ns,
        .exit_code = m->life.exit_code,
        .down = (int) m->life.down,
    };

    if (same_record(&now, &m->saved))
        return;
    m->saved = now;
    if (agent_state_set_module(m->sup->cfg.state, m->name, &now, &err) < 0)
        edge_warn("restart count not kept module=%s: %s", m->name, err.text);
}

static void op_changed(struct agent_module *life)
{
    struct sup_module *m = EDGE_CONTAINER_OF(life, struct sup_module, life);

    if (m->sup->ending)
        return;
    edge_debug("module=%s state=%s", m->name, agent_module_state_name(life->state));
    if (!agent_module_busy(life) && life->state != MODULE_LOST)
        save(m);
    if (life->state == MODULE_LOST)
        sup_list_in(m->sup, 1000);
    sup_health_follow(m);
    sup_changed(m->sup);
    sup_kick(m->sup);
}

const struct agent_module_ops sup_ops = {
    .create = op_create,
    .start = op_start,
    .signal = op_signal,
    .reap = op_reap,
    .remove = op_remove,
    .arm = op_arm,
    .disarm = op_disarm,
    .changed = op_changed,
};
