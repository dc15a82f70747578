/* Docker HEALTHCHECK: a command run in the container at intervals. So many failures in a row make
 * the module unhealthy, one success makes it well again. One check at a time a module; each runs on
 * the pool `health`, so that a check that hangs holds up checks alone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/spec/spec.h"
#include "agent/supervisor/internal.h"
#include "common/base/clock.h"
#include "common/base/log.h"

enum { INTERVAL_MS = 30000, TIMEOUT_MS = 30000, RETRIES = 3, SLACK_MS = 5000 };

struct sup_health {
    struct sup_module *m;
    struct agent_healthcheck check; /* owned; with defaults filled in */
    struct edge_timer *timer;
    unsigned serial; /* of the run being checked: an older run's result is not taken */
    int failures;
    bool on;
};

struct probe {
    struct agent_supervisor *sup;
    char id[AGENT_ID_SIZE];
    char exec_id[32];
    char **argv;
    int timeout_ms;
    unsigned serial;
    int rc; /* 0 healthy, 1 unhealthy, negative: could not be asked */
    struct edge_err err;
};

static void strv_free(char **strv)
{
    for (char **s = strv; s && *s; s++)
        free(*s);
    free(strv);
}

/* ["CMD", a, b] -> a b;  ["CMD-SHELL", text] -> /bin/sh -c text */
static char **argv_of(char *const *test)
{
    bool shell = strcmp(test[0], "CMD-SHELL") == 0;
    size_t len = 0;
    size_t n = 0;
    char **argv;

    while (test[len])
        len++;
    argv = calloc(len + 3, sizeof *argv);
    if (!argv)
        return NULL;
    if (shell) {
        argv[n++] = strdup("/bin/sh");
        argv[n++] = strdup("-c");
    }
    for (size_t i = 1; i < len; i++)
        argv[n++] = strdup(test[i]);
    return argv;
}

static bool is_check(const struct agent_healthcheck *health)
{
    return health && health->test && health->test[0] && health->test[1] &&
           strcmp(health->test[0], "NONE") != 0;
}

/* ---- the blocking part ---- */

static int wait_for(struct probe *p, struct agent_ctrd *ctrd)
{
    struct agent_ctrd_call wait = {.timeout_ms = p->timeout_ms};
    struct agent_ctrd_call last = {.timeout_ms = SLACK_MS};
    struct agent_ctrd_exit end = {0};
    int rc = agent_ctrd_task_wait(ctrd, &wait, p->id, p->exec_id, &end, &p->err);

    if (rc == 0)
        return end.code == 0 ? 0 : 1;
    if (rc != -ETIMEDOUT)
        return rc;
    edge_ignore(agent_ctrd_task_kill(ctrd, NULL, p->id, p->exec_id, 9, false, NULL));
    edge_ignore(agent_ctrd_task_wait(ctrd, &last, p->id, p->exec_id, &end, NULL));
    return 1;
}

static int run_in(struct probe *p, struct agent_ctrd *ctrd, const char *spec)
{
    static const struct agent_ctrd_stdio nowhere = {"", "", false};
    EDGE_CLEANUP(edge_free) char *process = NULL;
    struct agent_ctrd_exit end;
    int rc = agent_spec_exec_process(spec, p->argv, &process, &p->err);

    if (rc == 0)
        rc = agent_ctrd_exec_create(ctrd, NULL, p->id, p->exec_id, process, &nowhere, &p->err);
    if (rc < 0)
        return rc;
    rc = agent_ctrd_exec_start(ctrd, NULL, p->id, p->exec_id, &p->err);
    rc = rc == 0 ? wait_for(p, ctrd) : rc == EDGE_EREMOTE ? 1 : rc; /* no such program: unhealthy */
    edge_ignore(agent_ctrd_task_delete(ctrd, NULL, p->id, p->exec_id, &end, NULL));
    return rc;
}

static void probe_work(void *arg)
{
    struct probe *p = arg;
    struct agent_ctrd *ctrd = p->sup->cfg.rt->ctrd;
    struct agent_ctrd_container container;

    p->rc = agent_ctrd_container_get(ctrd, NULL, p->id, &container, &p->err);
    if (p->rc < 0)
        return;
    p->rc = run_in(p, ctrd, container.spec);
    agent_ctrd_container_fini(&container);
}

/* ---- the loop's part ---- */

static void arm_next(struct sup_health *h)
{
    edge_timer_arm(h->timer, (uint64_t) h->check.interval_ms);
}

static void take(struct sup_health *h, const struct probe *p)
{
    struct sup_module *m = h->m;
    bool starting = edge_now_ms() - m->life.started_ms < h->check.start_ms;

    if (p->rc < 0) { /* containerd's trouble, not the module's */
        edge_debug("health check not made module=%s: %s", m->name, p->err.text);
    } else if (p->rc == 0) {
        h->failures = 0;
        edge_ignore(agent_module_step(&m->life, MODULE_EV_WELL));
    } else if (!starting && ++h->failures >= h->check.retries) {
        if (m->life.state == MODULE_RUNNING)
            edge_warn("unhealthy module=%s checks_failed=%d", m->name, h->failures);
        edge_ignore(agent_module_step(&m->life, MODULE_EV_SICK));
    }
}

static void probe_done(void *arg)
{
    struct probe *p = arg;
    struct sup_module *m = p->sup->ending ? NULL : sup_module_find_id(p->sup, p->id);
    struct sup_health *h = m ? m->health : NULL;

    if (h && h->on && h->serial == p->serial) {
        take(h, p);
        if (h->on)
            arm_next(h);
    }
    strv_free(p->argv);
    free(p);
}

static void on_due(void *arg)
{
    struct sup_health *h = arg;
    struct probe *p = calloc(1, sizeof *p);

    if (!p || !(p->argv = argv_of(h->check.test))) {
        free(p);
        arm_next(h);
        return;
    }
    p->sup = h->m->sup;
    p->serial = h->serial;
    p->timeout_ms = (int) h->check.timeout_ms;
    memcpy(p->id, h->m->id, sizeof p->id);
    (void) snprintf(p->exec_id, sizeof p->exec_id, "health-%llx",
                    (unsigned long long) edge_wall_ns());
    edge_pool_submit(h->m->sup->check, probe_work, probe_done, p);
}

void sup_health_drop(struct sup_module *m)
{
    struct sup_health *h = m->health;

    if (!h)
        return;
    edge_timer_destroy(h->timer);
    strv_free(h->check.test);
    free(h);
    m->health = NULL;
}

static int64_t or_default(int64_t value, int64_t fallback)
{
    int64_t day = 24 * 3600 * 1000;

    return value <= 0 ? fallback : value < day ? value : day;
}

void sup_health_set(struct sup_module *m, struct agent_healthcheck *health)
{
    struct sup_health *h;

    sup_health_drop(m);
    if (!is_check(health) || !(h = calloc(1, sizeof *h)))
        return;
    h->m = m;
    h->timer = edge_timer_create(m->sup->cfg.loop, on_due, h);
    h->check = *health;
    health->test = NULL; /* moved */
    h->check.interval_ms = or_default(h->check.interval_ms, INTERVAL_MS);
    h->check.timeout_ms = or_default(h->check.timeout_ms, TIMEOUT_MS);
    h->check.retries = h->check.retries > 0 ? h->check.retries : RETRIES;
    m->health = h;
    sup_health_follow(m);
}

void sup_health_follow(struct sup_module *m)
{
    struct sup_health *h = m->health;
    bool up = m->life.state == MODULE_RUNNING || m->life.state == MODULE_UNHEALTHY;

    if (!h || h->on == up)
        return;
    h->on = up;
    h->serial = ++m->sup->health_runs;
    h->failures = 0;
    if (up)
        arm_next(h);
    else
        edge_timer_disarm(h->timer);
}
