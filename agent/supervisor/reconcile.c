/* Plan, and hand every module its next step. */
#include <errno.h>
#include <stdlib.h>

#include "agent/spec/options.h"
#include "agent/supervisor/identity.h"
#include "common/base/clock.h"
#include "common/base/log.h"

static bool is_ready(const struct sup_module *m, const struct agent_desired *desired)
{
    const struct agent_module_spec *spec = agent_desired_find(desired, m->name);

    return spec && m->image_ready && strcmp(m->image_ready, spec->image) == 0;
}

/* Entries for the planner, sorted by name; the caller frees the array. NULL without memory. */
static struct agent_observed *observe(struct agent_supervisor *sup,
                                      const struct agent_desired *desired, size_t *ret_len)
{
    struct agent_observed *list;
    size_t len = 0;

    for (struct sup_module *m = sup->modules; m; m = m->next)
        len++;
    list = calloc(len + 1, sizeof *list);
    *ret_len = 0;
    for (struct sup_module *m = sup->modules; list && m; m = m->next) {
        list[(*ret_len)++] = (struct agent_observed){
            .name = m->name,
            .life = agent_module_life(&m->life),
            .ended_by_itself = agent_module_ended_by_itself(&m->life),
            .hash = m->applied ? m->applied->hash : "",
            .text = m->applied ? m->applied->text : "",
            .outdated = sup_identity_outdated(m),
            .startup_order = m->applied ? m->applied->startup_order : 0,
            .image_ready = is_ready(m, desired),
        };
    }
    return list;
}

bool sup_is_current(const struct sup_module *m, const struct agent_module_spec *spec)
{
    return m->applied && strcmp(m->applied->hash, spec->hash) == 0 && !sup_identity_outdated(m);
}

/* Whether others that start later may go on: it runs as wanted, or has had its chance. */
static bool is_settled(struct agent_supervisor *sup, const struct agent_module_spec *spec)
{
    const struct sup_module *m = sup_module_find(sup, spec->name);

    if (spec->want != AGENT_WANT_RUNNING)
        return true;
    if (!m)
        return false;
    if (m->tried)
        return true;
    if (!sup_is_current(m, spec))
        return false;
    switch (m->life.state) {
    case MODULE_RUNNING:
    case MODULE_UNHEALTHY:
    case MODULE_BACKOFF:
    case MODULE_FAILED:
        return true;
    default:
        return m->life.state == MODULE_STOPPED && agent_module_ended_by_itself(&m->life);
    }
}

static bool is_turn(struct agent_supervisor *sup, uint32_t order)
{
    for (size_t i = 0; i < sup->desired->nmodules; i++) {
        const struct agent_module_spec *spec = &sup->desired->modules[i];

        if (spec->startup_order < order && !is_settled(sup, spec))
            return false;
    }
    return true;
}

/* createOptions that cannot be read must not cost the container that runs. */
static bool is_sound(struct sup_module *m, const struct agent_module_spec *spec)
{
    EDGE_CLEANUP(agent_options_free) struct agent_options *options = NULL;
    struct edge_err err = {0};

    if (agent_options_parse(spec->create_options, &options, &err) == 0)
        return true;
    if (!m->tried) {
        sup_note(m, "settings.createOptions: %s", err.text);
        edge_error("module kept as it is module=%s: %s", m->name, m->note);
    }
    m->tried = true;
    return false;
}

static bool may_create(struct sup_module *m)
{
    int64_t left = m->retry_ms - edge_now_ms();

    if (left <= 0)
        return true;
    if (!edge_timer_armed(m->timer))
        edge_timer_arm(m->timer, (uint64_t) left);
    return false;
}

static void step_create(struct sup_module *m, const struct agent_step *step)
{
    const struct agent_module_spec *spec = sup_wanted(m);

    if (is_turn(m->sup, step->order) && may_create(m) && is_sound(m, spec) && sup_identity_ready(m))
        edge_ignore(agent_module_step(&m->life, MODULE_EV_CREATE));
}

static void step_replace(struct sup_module *m, const struct agent_step *step)
{
    const struct agent_module_spec *spec = sup_wanted(m);

    if (!is_turn(m->sup, step->order) || !is_sound(m, spec) || !sup_identity_ready(m))
        return;
    if (!is_ready(m, m->sup->desired)) { /* not even to be pulled: is it here? */
        sup_pull_want(m->sup, spec);
        return;
    }
    if (agent_module_step(&m->life, MODULE_EV_REMOVE) == 0)
        edge_info("module is replaced module=%s reason=\"%s\"", m->name, step->reason);
}

static void take_step(struct sup_module *m, const struct agent_step *step)
{
    switch (step->kind) {
    case AGENT_STEP_STOP:
        edge_ignore(agent_module_step(&m->life, MODULE_EV_DOWN));
        break;
    case AGENT_STEP_REMOVE:
        edge_ignore(agent_module_step(&m->life, MODULE_EV_REMOVE));
        break;
    case AGENT_STEP_PULL:
        sup_pull_want(m->sup, sup_wanted(m));
        break;
    case AGENT_STEP_CREATE:
        step_create(m, step);
        break;
    case AGENT_STEP_REPLACE:
        step_replace(m, step);
        break;
    case AGENT_STEP_RELABEL:
        if (!m->relabel_failed)
            sup_relabel(m, sup_wanted(m));
        break;
    case AGENT_STEP_START:
        if (is_turn(m->sup, step->order) && sup_identity_asked(m))
            edge_ignore(agent_module_step(&m->life, MODULE_EV_UP));
        break;
    }
}

/* A plan lists all steps of a module as if each had succeeded: only its first is for now. */
static void dispatch(struct agent_supervisor *sup, const struct agent_plan *plan)
{
    for (struct sup_module *m = sup->modules; m; m = m->next)
        m->acted = false;
    for (size_t i = 0; i < plan->len; i++) {
        struct sup_module *m = sup_module_find(sup, plan->steps[i].module);

        if (!m || m->acted)
            continue;
        m->acted = true;
        if (!agent_module_busy(&m->life) && !m->relabelling)
            take_step(m, &plan->steps[i]);
    }
}

static void drop_gone(struct agent_supervisor *sup)
{
    struct sup_module *next;
    struct edge_err err = {0};

    for (struct sup_module *m = sup->modules; m; m = next) {
        next = m->next;
        if (m->life.state != MODULE_ABSENT || m->jobs > 0 || sup_wanted(m))
            continue;
        edge_info("module is gone module=%s", m->name);
        if (agent_state_del_module(sup->cfg.state, m->name, &err) < 0)
            edge_warn("%s", err.text);
        sup_module_drop(m);
        sup_changed(sup);
    }
}

void sup_reconcile(struct agent_supervisor *sup)
{
    struct agent_observed *observed;
    struct agent_plan plan;
    size_t len;

    if (!sup->desired || !sup->listed || sup->ending)
        return;
    if (!sup_need_wanted(sup))
        return; /* no memory now: the next wake-up tries again */
    drop_gone(sup);
    sup_identities_follow(sup);
    observed = observe(sup, sup->desired, &len);
    if (observed && agent_plan_make(sup->desired, observed, len, &plan) == 0) {
        dispatch(sup, &plan);
        agent_plan_fini(&plan);
    }
    free(observed);
}

int agent_supervisor_plan(struct agent_supervisor *sup, const struct agent_desired *desired,
                          struct edge_json **ret, struct edge_err *err)
{
    struct agent_observed *observed;
    struct agent_plan plan;
    size_t len;
    int rc;

    if (!sup->listed)
        return edge_fail(err, EDGE_EUNAVAILABLE,
                         "what runs is not known yet: containerd has not answered");
    observed = observe(sup, desired, &len);
    if (!observed)
        return -ENOMEM;
    rc = agent_plan_make(desired, observed, len, &plan);
    if (rc == 0) {
        *ret = agent_plan_to_json(&plan);
        agent_plan_fini(&plan);
        rc = *ret ? 0 : -ENOMEM;
    }
    free(observed);
    return rc;
}
