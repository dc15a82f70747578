/* The room's objects: made, found, applied to, let go. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/supervisor/identity.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"

enum { WORKERS = 4, PULLERS = 3, CHECKERS = 2 };

struct sup_module *sup_module_find(struct agent_supervisor *sup, const char *name)
{
    for (struct sup_module *m = sup->modules; m; m = m->next) {
        if (strcmp(m->name, name) == 0)
            return m;
    }
    return NULL;
}

struct sup_module *sup_module_find_id(struct agent_supervisor *sup, const char *id)
{
    for (struct sup_module *m = sup->modules; m; m = m->next) {
        if (strcmp(m->id, id) == 0)
            return m;
    }
    return NULL;
}

const struct agent_module_spec *sup_wanted(const struct sup_module *m)
{
    return m->sup->desired ? agent_desired_find(m->sup->desired, m->name) : NULL;
}

void sup_kick(struct agent_supervisor *sup)
{
    if (!sup->ending)
        edge_timer_arm(sup->kick, 0);
}

void sup_changed(struct agent_supervisor *sup)
{
    if (sup->cfg.on_change && !sup->ending)
        sup->cfg.on_change(sup->cfg.arg);
}

void sup_note(struct sup_module *m, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(m->note, sizeof m->note, fmt, args);
    va_end(args);
    sup_changed(m->sup);
}

/* Before a restart the plan has its say: a crash loop without pauses must not outrun a removal. */
static void on_module_timer(void *arg)
{
    struct sup_module *m = arg;
    enum agent_module_state due = m->life.state;

    if (m->sup->ending)
        return;
    if (due == MODULE_BACKOFF)
        sup_reconcile(m->sup); /* frees absent modules only */
    if (m->life.state == due)
        edge_ignore(agent_module_step(&m->life, MODULE_EV_TIMER));
    sup_kick(m->sup); /* in a state without a timer of its own: create may be tried again */
}

/* What is remembered of the module's last runs; nothing remembered is a new module. */
static void recall(struct sup_module *m)
{
    struct agent_module_record *r = &m->saved;
    struct edge_err err = {0};
    int rc = agent_state_get_module(m->sup->cfg.state, m->name, r, &err);

    if (rc < 0) {
        *r = (struct agent_module_record){.last_restart_ns = EDGE_TIME_NEVER,
                                          .last_start_ns = EDGE_TIME_NEVER,
                                          .last_exit_ns = EDGE_TIME_NEVER};
        if (rc != -ENOENT)
            edge_warn("restart count forgotten module=%s: %s", m->name, err.text);
    }
    m->life.restart_count = r->restart_count;
    m->life.exit_code = r->exit_code;
    m->life.started_ns = r->last_start_ns;
    m->life.exited_ns = r->last_exit_ns;
    m->life.last_restart_ns = r->last_restart_ns;
    if (r->down >= AGENT_DOWN_NEVER_STARTED && r->down <= AGENT_DOWN_NO_START)
        m->life.down = (enum agent_down) r->down;
}

static struct sup_module *module_create(struct agent_supervisor *sup, const char *name)
{
    struct sup_module *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->sup = sup;
    m->name = strdup(name);
    m->timer = edge_timer_create(sup->cfg.loop, on_module_timer, m);
    if (!m->name || !m->timer) {
        edge_timer_destroy(m->timer);
        free(m->name);
        free(m);
        return NULL;
    }
    agent_container_id(name, m->id);
    m->life = (struct agent_module){.ops = &sup_ops, .rules = &sup->cfg.rules};
    m->life.stop_timeout_ms = 10000;
    recall(m);
    return m;
}

struct sup_module *sup_module_need(struct agent_supervisor *sup, const char *name)
{
    struct sup_module **at = &sup->modules;
    struct sup_module *m;

    while (*at && strcmp((*at)->name, name) < 0)
        at = &(*at)->next;
    if (*at && strcmp((*at)->name, name) == 0)
        return *at;
    m = module_create(sup, name);
    if (!m)
        return NULL;
    m->next = *at;
    *at = m;
    return m;
}

void sup_module_drop(struct sup_module *m)
{
    struct sup_module **at = &m->sup->modules;

    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    sup_health_drop(m);
    edge_timer_destroy(m->timer);
    agent_module_spec_free(m->applied);
    free(m->image_ready);
    free(m->image_hash);
    free(m->identity);
    free(m->address);
    free(m->name);
    free(m);
}

void sup_set_applied(struct sup_module *m, struct agent_module_spec *spec)
{
    agent_module_spec_free(m->applied);
    m->applied = spec;
    if (spec)
        m->life.policy = spec->policy;
    else
        free(EDGE_TAKE(m->identity));
}

static void on_kick(void *arg)
{
    sup_reconcile(arg);
}

static void on_list_timer(void *arg)
{
    sup_list_in(arg, 0);
}

/* A device that has booted since has ended every module without their fault. */
static bool note_boot(struct agent_state *state)
{
    EDGE_CLEANUP(edge_free) char *known = NULL;
    struct edge_buf now;
    struct edge_err err = {0};
    bool rebooted;

    edge_buf_init(&now, 64);
    if (edge_file_read("/proc/sys/kernel/random/boot_id", &now, &err) < 0) {
        edge_buf_fini(&now);
        return false;
    }
    if (agent_state_get(state, "boot-id", &known, &err) < 0)
        known = NULL;
    rebooted = known && strcmp(known, now.data) != 0;
    if ((!known || rebooted) && agent_state_set(state, "boot-id", now.data, &err) < 0)
        edge_warn("%s", err.text);
    edge_buf_fini(&now);
    return rebooted;
}

static int open_pools(struct agent_supervisor *sup)
{
    struct edge_loop *loop = sup->cfg.loop;
    int rc = edge_pool_create(loop, "container", WORKERS, &sup->work);

    if (rc == 0)
        rc = edge_pool_create(loop, "network", 1, &sup->net);
    if (rc == 0)
        rc = edge_pool_create(loop, "pull", PULLERS, &sup->pull);
    if (rc == 0)
        rc = edge_pool_create(loop, "health", CHECKERS, &sup->check);
    if (rc == 0)
        rc = sup_identities_open(sup);
    return rc;
}

int agent_supervisor_create(const struct agent_supervisor_config *config,
                            struct agent_supervisor **ret, struct edge_err *err)
{
    struct agent_supervisor *sup = calloc(1, sizeof *sup);
    int rc;

    if (!sup)
        return edge_fail(err, -ENOMEM, "no memory for the supervisor");
    sup->cfg = *config;
    sup->kick = edge_timer_create(config->loop, on_kick, sup);
    sup->list_timer = edge_timer_create(config->loop, on_list_timer, sup);
    rc = sup->kick && sup->list_timer ? open_pools(sup) : -ENOMEM;
    if (rc < 0)
        edge_fail(err, rc, "cannot make the supervisor's threads: %s", edge_strerror(rc));
    if (rc == 0) {
        sup->rebooted = note_boot(config->state);
        rc = sup_events_start(sup, err);
    }
    if (rc < 0) {
        agent_supervisor_destroy(sup);
        return rc;
    }
    *ret = sup;
    return 0;
}

static void free_all(void *arg)
{
    struct agent_supervisor *sup = arg;

    while (sup->modules)
        sup_module_drop(sup->modules);
    sup_pulls_free(sup);
    sup_identities_free(sup);
    edge_timer_destroy(sup->kick);
    edge_timer_destroy(sup->list_timer);
    agent_desired_free(sup->desired);
    free(sup);
}

struct agent_supervisor *agent_supervisor_destroy(struct agent_supervisor *sup)
{
    if (!sup)
        return NULL;
    sup->ending = true;
    sup_events_stop(sup);
    sup_pulls_cancel(sup);
    sup->identity_pool = edge_pool_destroy(sup->identity_pool);
    sup->check = edge_pool_destroy(sup->check);
    sup->pull = edge_pool_destroy(sup->pull);
    sup->work = edge_pool_destroy(sup->work);
    sup->net = edge_pool_destroy(sup->net);
    /* Results on their way are handled by the loop before it ends; what they touch stays until
     * then. */
    edge_loop_post(sup->cfg.loop, free_all, sup);
    return NULL;
}

bool sup_need_wanted(struct agent_supervisor *sup)
{
    for (size_t i = 0; i < sup->desired->nmodules; i++) {
        if (!sup_module_need(sup, sup->desired->modules[i].name))
            return false;
    }
    return true;
}

void agent_supervisor_apply(struct agent_supervisor *sup, struct agent_desired *desired)
{
    agent_desired_free(sup->desired);
    sup->desired = desired;
    edge_ignore(sup_need_wanted(sup)); /* the reconciler tries again */
    for (struct sup_module *m = sup->modules; m; m = m->next) {
        m->tried = false;
        m->failures = 0;
        m->retry_ms = 0;
    }
    sup_pulls_review(sup);
    sup_identities_retry(sup);
    sup_kick(sup);
}

const char *agent_supervisor_container_id(struct agent_supervisor *sup, const char *module)
{
    struct sup_module *m = sup_module_find(sup, module);

    return m ? m->id : NULL;
}

const struct agent_desired *agent_supervisor_desired(const struct agent_supervisor *sup)
{
    return sup->desired;
}

const char *agent_supervisor_trouble(const struct agent_supervisor *sup)
{
    return *sup->list_error ? sup->list_error : NULL;
}

int agent_supervisor_act(struct agent_supervisor *sup, const char *module, const char *verb,
                         struct edge_err *err)
{
    struct sup_module *m = sup_module_find(sup, module);
    const struct agent_module_spec *wanted = m ? sup_wanted(m) : NULL;
    enum agent_module_event ev = MODULE_EV_RESTART;

    if (!m)
        return edge_fail(err, -ENOENT, "no module named %s", module);
    if (strcmp(verb, "stop") == 0)
        ev = MODULE_EV_DOWN;
    else if (strcmp(verb, "start") == 0)
        ev = MODULE_EV_UP;
    if (ev == MODULE_EV_DOWN ? !wanted || wanted->want == AGENT_WANT_RUNNING
                             : !wanted || wanted->want == AGENT_WANT_STOPPED)
        return edge_fail(err, EDGE_ECONFLICT,
                         "module %s: the deployment wants it %s; change its status there", module,
                         !wanted ? "removed" : agent_want_name(wanted->want));
    if (!m->applied)
        return edge_fail(err, EDGE_ECONFLICT, "module %s has no container yet: %s", module,
                         *m->note ? m->note : "it is being made");
    if (agent_module_step(&m->life, ev) == AGENT_MODULE_IGNORED && ev == MODULE_EV_RESTART)
        return edge_fail(err, EDGE_ECONFLICT, "module %s cannot be restarted while it is %s",
                         module, agent_module_state_name(m->life.state));
    return 0;
}
