/* Identities in the cloud, one a module: had before its container is made, given back when the
 * module is gone. Each goes its own way, tried again for ever; nothing of supervision waits here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/supervisor/identity.h"
#include "common/base/clock.h"
#include "common/base/log.h"

enum { WORKERS = 2 };

#define KEY_NAMES "identities" /* of whom something may have to be given back */

static const struct agent_restart_rules pause_rules = {.unit_s = 10};

/* One call: lives until its result is in, also when nobody waits for it any more. */
struct errand {
    struct agent_supervisor *sup;
    char *module;
    char *cgroup; /* NULL: give back */
    struct agent_grant grant;
    int rc;
    struct edge_err err;
};

static struct sup_identity *find(struct agent_supervisor *sup, const char *module)
{
    for (struct sup_identity *i = sup->identities; i; i = i->next) {
        if (strcmp(i->module, module) == 0)
            return i;
    }
    return NULL;
}

const struct sup_identity *sup_identity_find(const struct sup_module *m)
{
    return find(m->sup, m->name);
}

/* ---- the objects ---- */

static void on_timer(void *arg)
{
    sup_kick(((struct sup_identity *) arg)->sup);
}

static void identity_free(struct sup_identity *i)
{
    struct sup_identity **at = &i->sup->identities;

    while (*at != i)
        at = &(*at)->next;
    *at = i->next;
    edge_timer_destroy(i->timer);
    agent_grant_fini(&i->grant);
    free(i->cgroup);
    free(i->module);
    free(i);
}

static struct sup_identity *need(struct agent_supervisor *sup, const char *module)
{
    struct sup_identity *i = find(sup, module);

    if (i)
        return i;
    i = calloc(1, sizeof *i);
    if (!i)
        return NULL;
    i->sup = sup;
    i->module = strdup(module);
    i->timer = edge_timer_create(sup->cfg.loop, on_timer, i);
    i->next = sup->identities;
    sup->identities = i;
    if (i->module && i->timer)
        return i;
    identity_free(i);
    return NULL;
}

/* On disk before anything is asked for: a power cut leaves no identity that nobody knows of. */
static void remember(struct agent_supervisor *sup)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *names = edge_json_new_array();
    EDGE_CLEANUP(edge_free) char *text = NULL;
    struct edge_err err = {0};

    for (struct sup_identity *i = sup->identities; names && i; i = i->next)
        edge_ignore(edge_json_append(names, edge_json_new_str(i->module)));
    text = names ? edge_json_text(names) : NULL;
    if (text && agent_state_set(sup->cfg.state, KEY_NAMES, text, &err) < 0)
        edge_warn("the list of identities is not kept: %s", err.text);
}

static void recall(struct agent_supervisor *sup)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *names = NULL;
    EDGE_CLEANUP(edge_free) char *text = NULL;

    if (agent_state_get(sup->cfg.state, KEY_NAMES, &text, NULL) < 0 ||
        edge_json_parse(text, strlen(text), &names, NULL) < 0)
        return;
    for (size_t n = 0; n < edge_json_len(names); n++) {
        const char *name = edge_json_str(edge_json_at(names, n), "");

        if (*name)
            (void) need(sup, name);
    }
}

int sup_identities_open(struct agent_supervisor *sup)
{
    int rc;

    if (!sup->cfg.identities)
        return 0;
    rc = edge_pool_create(sup->cfg.loop, "identity", WORKERS, &sup->identity_pool);
    if (rc == 0)
        recall(sup);
    return rc;
}

void sup_identities_free(struct agent_supervisor *sup)
{
    while (sup->identities)
        identity_free(sup->identities);
}

/* ---- errands ---- */

static void errand_free(struct errand *e)
{
    agent_grant_fini(&e->grant);
    free(e->module);
    free(e->cgroup);
    free(e);
}

static void work(void *arg)
{
    struct errand *e = arg;
    const struct agent_identity_ops *ops = e->sup->cfg.identities;

    if (e->cgroup)
        e->rc = ops->obtain(e->module, e->cgroup, &e->grant, ops->arg, &e->err);
    else
        e->rc = ops->release(e->module, ops->arg, &e->err);
}

/* The same reason is told once, however often it stands in the way. */
static void tell(struct sup_identity *i, const struct errand *e, const char *why, int64_t pause)
{
    bool again = strncmp(i->error, why, sizeof i->error - 1) == 0;

    (void) snprintf(i->error, sizeof i->error, "%.399s", why);
    edge_log(again ? EDGE_LOG_DEBUG : EDGE_LOG_ERROR,
             "cannot %s identity module=%s retry_s=%lld: %s", e->cgroup ? "obtain" : "give back",
             i->module, (long long) (pause / 1000), why);
}

static void failed(struct sup_identity *i, const struct errand *e)
{
    struct sup_module *m = sup_module_find(i->sup, i->module);
    int64_t pause = agent_restart_pause_ms(&pause_rules, i->failures++);

    pause = agent_with_jitter(pause, (uint32_t) edge_wall_ns());
    i->retry_ms = edge_now_ms() + pause;
    edge_timer_arm(i->timer, (uint64_t) pause);
    tell(i, e, *e->err.text ? e->err.text : edge_strerror(e->rc), pause);
    if (m)
        m->tried = true; /* others need not wait for it */
}

static void obtained(struct sup_identity *i, struct errand *e)
{
    agent_grant_fini(&i->grant);
    i->grant = e->grant;
    e->grant = (struct agent_grant){0};
    free(i->cgroup);
    i->cgroup = EDGE_TAKE(e->cgroup);
    i->held = true;
    i->stale = false;
    i->failures = 0;
    i->error[0] = '\0';
}

static void done(void *arg)
{
    struct errand *e = arg;
    struct agent_supervisor *sup = e->sup;
    struct sup_identity *i = sup->ending ? NULL : find(sup, e->module);

    if (i) {
        i->busy = false;
        if (e->rc < 0) {
            failed(i, e);
        } else if (e->cgroup) {
            obtained(i, e);
        } else {
            edge_info("identity is given back module=%s", i->module);
            identity_free(i);
            remember(sup);
        }
        sup_changed(sup);
        sup_kick(sup);
    }
    errand_free(e);
}

static void run(struct sup_identity *i, char *cgroup)
{
    struct errand *e = calloc(1, sizeof *e);
    char *module = strdup(i->module);

    if (!e || !module || (!cgroup && !i->leaving)) { /* no memory: in a while */
        free(e);
        free(module);
        free(cgroup);
        edge_timer_arm(i->timer, 10000);
        return;
    }
    *e = (struct errand){.sup = i->sup, .module = module, .cgroup = cgroup};
    i->busy = true;
    edge_pool_submit(i->sup->identity_pool, work, done, e);
}

/* ---- what is wanted ---- */

/* Once a module is wanted again or gone for good, what failed in the other direction is past. */
static void turn(struct sup_identity *i, bool leaving)
{
    if (i->leaving == leaving)
        return;
    i->leaving = leaving;
    i->held = false;
    i->failures = 0;
    i->error[0] = '\0';
    edge_timer_disarm(i->timer);
}

static void follow(struct sup_identity *i)
{
    struct agent_supervisor *sup = i->sup;
    const struct agent_module_spec *spec = agent_desired_find(sup->desired, i->module);

    if (i->busy)
        return;
    turn(i, !spec && !sup_module_find(sup, i->module));
    if (edge_timer_armed(i->timer))
        return;
    if (i->leaving)
        run(i, NULL);
    else if (spec && (!i->held || i->stale))
        run(i, agent_container_cgroup(sup->cfg.rt, spec));
}

void sup_identities_follow(struct agent_supervisor *sup)
{
    struct sup_identity *before = sup->identities;
    struct sup_identity *next;

    if (!sup->cfg.identities)
        return;
    for (size_t n = 0; n < sup->desired->nmodules; n++)
        (void) need(sup, sup->desired->modules[n].name);
    if (sup->identities != before)
        remember(sup);
    for (struct sup_identity *i = sup->identities; i; i = next) {
        next = i->next;
        follow(i);
    }
}

void sup_identities_retry(struct agent_supervisor *sup)
{
    for (struct sup_identity *i = sup->identities; i; i = i->next) {
        i->failures = 0;
        edge_timer_disarm(i->timer);
    }
}

const struct sup_identity *sup_identity_missing(const struct sup_module *m)
{
    const struct sup_identity *i = find(m->sup, m->name);

    return i && !i->held && !i->leaving && *i->error && sup_wanted(m) ? i : NULL;
}

bool sup_identity_ready(struct sup_module *m)
{
    struct sup_identity *i = find(m->sup, m->name);
    EDGE_CLEANUP(edge_free) char *cgroup = NULL;

    if (!m->sup->cfg.identities)
        return true;
    if (!i || !i->held || i->leaving)
        return false;
    cgroup = agent_container_cgroup(m->sup->cfg.rt, sup_wanted(m));
    if (cgroup && strcmp(cgroup, i->cgroup) == 0)
        return true;
    if (!i->stale) /* it will live elsewhere, and be known by that */
        sup_kick(m->sup);
    i->stale = true;
    return false;
}

bool sup_identity_asked(const struct sup_module *m)
{
    const struct sup_identity *i = find(m->sup, m->name);

    return !m->sup->cfg.identities || (i && (i->held || i->failures > 0));
}

const char *sup_identity_outdated(const struct sup_module *m)
{
    const struct sup_identity *i = find(m->sup, m->name);

    if (!i || !i->held || !m->applied || agent_grant_fits(&i->grant, m->identity))
        return NULL;
    return m->identity ? "its identity in IoT Hub is another one"
                       : "it was made without an identity in IoT Hub";
}
