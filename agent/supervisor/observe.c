/* What happens in containerd: its events, and the list that makes up for those that were missed.
 * Events only wake; the state that counts is the list's. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/rootfs/rootfs.h"
#include "agent/supervisor/internal.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/pause.h"

enum { SLOW_LIST_MS = 60000, RETRY_LIST_MS = 2000, SWEEP_KEEP_S = 24 * 3600 };
static const struct edge_pauses pauses = {100, 2000};

/* ---- events: a thread of its own reads the stream ---- */

struct note {
    struct agent_supervisor *sup;
    struct agent_ctrd_event ev;
    char id[AGENT_ID_SIZE];
};

/* The list that is being read may have been made before it, and the module be one that only the
 * list tells of, or one whose state has no use for the event: another list is read then. */
static void on_exit_of(struct agent_supervisor *sup, struct sup_module *m, int64_t at_ns)
{
    if (m && at_ns != EDGE_TIME_NEVER && at_ns == m->life.exited_ns)
        return; /* of the run before: a list was earlier, and it has been dealt with */
    if (sup->listing)
        sup->list_again = true;
    if (m)
        edge_ignore(agent_module_step(&m->life, MODULE_EV_EXITED));
}

static void on_event(void *arg)
{
    struct note *note = arg;
    struct agent_supervisor *sup = note->sup;
    struct sup_module *m = sup->ending ? NULL : sup_module_find_id(sup, note->id);

    if (note->ev.kind == AGENT_CTRD_EVENT_BARRIER && !sup->ending) {
        sup->connected = true;
        sup->reconnected = true;
        sup_list_in(sup, 0);
    } else if (m && note->ev.kind == AGENT_CTRD_EVENT_OOM) {
        m->life.oom = true;
        edge_warn("out of memory module=%s", m->name);
    } else if (note->ev.kind == AGENT_CTRD_EVENT_EXIT) {
        on_exit_of(sup, m, note->ev.at_ns);
    }
    free(note);
}

static void post_event(const struct agent_ctrd_event *ev, void *arg)
{
    struct agent_supervisor *sup = arg;
    struct note *note = calloc(1, sizeof *note);

    if (!note || strlen(ev->id) >= sizeof note->id) { /* not an id of ours */
        free(note);
        return;
    }
    note->sup = sup;
    note->ev = *ev;
    memcpy(note->id, ev->id, strlen(ev->id));
    edge_loop_post(sup->cfg.loop, on_event, note);
}

static void on_break(void *arg)
{
    struct agent_supervisor *sup = arg;

    if (sup->connected && !sup->ending)
        edge_warn("containerd is away; modules run on");
    sup->connected = false;
}

static void *read_events(void *arg)
{
    struct agent_supervisor *sup = arg;
    struct agent_ctrd_call call = {.timeout_ms = -1, .cancel = sup->events_cancel};
    unsigned pause_ms = 0;

    while (!edge_cancelled(sup->events_cancel)) {
        struct edge_err err = {0};
        int64_t since = edge_now_ms();
        int rc = agent_ctrd_events_run(sup->cfg.rt->ctrd, &call, post_event, sup, &err);

        if (rc == -ECANCELED)
            break;
        edge_loop_post(sup->cfg.loop, on_break, sup);
        if (edge_now_ms() - since > 5000)
            pause_ms = 0;
        pause_ms = edge_pause_longer(pause_ms, &pauses);
        if (edge_cancel_sleep(sup->events_cancel, rc == EDGE_EUNAVAILABLE ? (int) pause_ms : 5000))
            break;
    }
    return NULL;
}

int sup_events_start(struct agent_supervisor *sup, struct edge_err *err)
{
    sigset_t all;
    sigset_t before;
    int rc;

    sup->events_cancel = edge_cancel_create();
    if (!sup->events_cancel)
        return edge_fail(err, -ENOMEM, "no memory for the event stream");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&sup->events_thread, NULL, read_events, sup);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return edge_fail(err, -rc, "cannot start the event thread: %s", edge_strerror(rc));
    pthread_setname_np(sup->events_thread, "events");
    sup->events_started = true;
    return 0;
}

void sup_events_stop(struct agent_supervisor *sup)
{
    edge_cancel_fire(sup->events_cancel);
    if (sup->events_started)
        pthread_join(sup->events_thread, NULL);
    sup->events_cancel = edge_cancel_unref(sup->events_cancel);
}

/* ---- the list ---- */

struct listing {
    struct agent_supervisor *sup;
    struct agent_container_seen *seen;
    size_t len;
    bool first;
    int rc;
    struct edge_err err;
};

static void list_work(void *arg)
{
    struct listing *l = arg;

    if (l->first)
        l->rc = agent_ctrd_need_namespace(l->sup->cfg.rt->ctrd, NULL, &l->err);
    if (l->rc == 0)
        l->rc = agent_containers_list(l->sup->cfg.rt, &l->seen, &l->len, &l->err);
}

static void sweep(struct agent_supervisor *sup, const char *const *live)
{
    struct edge_err err = {0};

    if (agent_rootfs_sweep(sup->cfg.rt->homedir, live, &err) < 0)
        edge_warn("volumes of earlier containers are not cleared: %s", err.text);
    if (agent_images_sweep(sup->cfg.rt->images, SWEEP_KEEP_S, &err) < 0)
        edge_warn("left-overs of earlier pulls are not cleared: %s", err.text);
}

/* What an earlier life has left: endpoints of tasks that are gone, parts of pulls nobody goes on
 * with. */
static void restore_work(void *arg)
{
    struct listing *l = arg;
    const char **live = calloc(l->len + 1, sizeof *live);
    const char **known = calloc(l->len + 1, sizeof *known);
    size_t n = 0;

    for (size_t i = 0; live && known && i < l->len; i++) {
        known[i] = l->seen[i].id;
        if (l->seen[i].has_task && l->seen[i].task.status == AGENT_CTRD_RUNNING)
            live[n++] = l->seen[i].id;
    }
    l->rc = live && known ? agent_network_restore(l->sup->cfg.net, live, &l->err) : -ENOMEM;
    for (size_t i = 0; i < l->len; i++)
        l->seen[i].address = edge_strdup(agent_network_address(l->sup->cfg.net, l->seen[i].id));
    if (known)
        sweep(l->sup, known);
    free(live);
    free(known);
}

static enum agent_seen seen_as(const struct agent_container_seen *c)
{
    if (!c->has_task)
        return AGENT_SEEN_CONTAINER;
    switch (c->task.status) {
    case AGENT_CTRD_CREATED:
        return AGENT_SEEN_CREATED;
    case AGENT_CTRD_STOPPED:
        return AGENT_SEEN_ENDED;
    case AGENT_CTRD_UNKNOWN:
    case AGENT_CTRD_RUNNING:
    case AGENT_CTRD_PAUSED:
    case AGENT_CTRD_PAUSING:
        break;
    }
    return AGENT_SEEN_RUNNING;
}

static void adopt_facts(struct sup_module *m, const struct agent_container_seen *c)
{
    struct agent_run_facts facts = {0};
    struct edge_err err = {0};

    if (!m->applied)
        return;
    if (agent_run_facts_read(m->applied, c->image_config, &facts, &err) < 0) {
        edge_warn("module=%s: %s", m->name, err.text);
        return;
    }
    m->life.stop_timeout_ms = facts.stop_timeout_ms;
    sup_health_set(m, &facts.health);
    agent_run_facts_fini(&facts);
}

/* A container this life of the agent has not made or read yet. */
static void adopt(struct sup_module *m, const struct agent_container_seen *c)
{
    struct agent_module_spec *spec = NULL;
    struct edge_err err = {0};

    if (m->applied)
        return;
    if (c->spec_text &&
        agent_module_spec_parse(c->spec_text, strlen(c->spec_text), &spec, &err) < 0)
        edge_warn("labels of module=%s cannot be read, it will be made anew: %s", m->name,
                  err.text);
    sup_set_applied(m, spec);
    free(m->image_hash);
    m->image_hash = edge_strdup(c->image_hash);
    free(m->identity);
    m->identity = edge_strdup(c->identity);
    free(m->address);
    m->address = edge_strdup(c->address);
    adopt_facts(m, c);
    if (m->sup->rebooted && m->life.policy != AGENT_POLICY_NEVER) {
        m->life.restart_count = 0;
        if (!(c->has_task && c->task.status == AGENT_CTRD_RUNNING))
            m->life.down = AGENT_DOWN_STOPPED; /* by the reboot: it starts as on the first day */
    }
}

static bool may_judge(const struct sup_module *m)
{
    return !agent_module_busy(&m->life) && m->life.turn == m->listed_turn;
}

static const struct agent_container_seen *find_seen(const struct listing *l, const char *id)
{
    for (size_t i = 0; i < l->len; i++) {
        if (strcmp(l->seen[i].id, id) == 0)
            return &l->seen[i];
    }
    return NULL;
}

static void judge(struct sup_module *m, const struct listing *l)
{
    const struct agent_container_seen *c = find_seen(l, m->id);

    if (!may_judge(m))
        return;
    if (!c) {
        sup_set_applied(m, NULL);
        agent_module_see(&m->life, AGENT_SEEN_NOTHING);
        return;
    }
    adopt(m, c);
    agent_module_see(&m->life, seen_as(c));
    if (m->life.state == MODULE_STOPPING && m->sup->reconnected)
        sup_ops.signal(&m->life, false); /* the signal may have been lost with the connection */
}

/* The earliest wish counts. */
static void list_by(struct agent_supervisor *sup, uint64_t ms)
{
    if (!edge_timer_armed(sup->list_timer) || edge_timer_left(sup->list_timer) > ms)
        edge_timer_arm(sup->list_timer, ms);
}

static void list_end(struct listing *l)
{
    struct agent_supervisor *sup = l->sup;

    agent_containers_seen_free(l->seen, l->len);
    free(l);
    sup->listing = false;
    if (sup->list_again) {
        sup->list_again = false;
        sup_list_in(sup, 0);
    }
}

static void take_list(struct listing *l)
{
    struct agent_supervisor *sup = l->sup;

    for (size_t i = 0; i < l->len; i++) {
        if (!sup_module_find_id(sup, l->seen[i].id))
            edge_ignore(sup_module_need(sup, l->seen[i].module) ? 0 : -ENOMEM);
    }
    for (struct sup_module *m = sup->modules; m; m = m->next) {
        m->relabel_failed = false;
        judge(m, l);
    }
    if (!sup->listed)
        edge_info("observed containers=%zu", l->len);
    sup->listed = true;
    sup->list_error[0] = '\0';
    sup->reconnected = false;
    sup->rebooted = false;
    list_by(sup, SLOW_LIST_MS);
    sup_changed(sup);
    sup_kick(sup);
}

static void list_failed(struct listing *l)
{
    if (l->sup->connected || !l->sup->listed)
        edge_warn("cannot list containers: %s", l->err.text);
    (void) snprintf(l->sup->list_error, sizeof l->sup->list_error, "containerd: %.380s",
                    l->err.text);
    sup_changed(l->sup);
    list_by(l->sup, RETRY_LIST_MS);
}

static void restore_done(void *arg)
{
    struct listing *l = arg;

    if (!l->sup->ending) {
        if (l->rc < 0)
            edge_error("module network cannot be restored: %s", l->err.text);
        take_list(l); /* modules that run must be supervised, with or without their network */
    }
    list_end(l);
}

static void list_done(void *arg)
{
    struct listing *l = arg;
    struct agent_supervisor *sup = l->sup;

    if (!sup->ending && l->rc == 0 && l->first) {
        edge_pool_submit(sup->net, restore_work, restore_done, l);
        return;
    }
    if (!sup->ending && l->rc == 0) {
        take_list(l);
        sup_rules_look(sup);
    } else if (!sup->ending)
        list_failed(l);
    list_end(l);
}

static void list_now(struct agent_supervisor *sup)
{
    struct listing *l = calloc(1, sizeof *l);

    if (!l) {
        list_by(sup, RETRY_LIST_MS);
        return;
    }
    l->sup = sup;
    l->first = !sup->listed;
    sup->listing = true;
    for (struct sup_module *m = sup->modules; m; m = m->next)
        m->listed_turn = agent_module_busy(&m->life) ? UINT64_MAX : m->life.turn;
    edge_pool_submit(sup->work, list_work, list_done, l);
}

void sup_list_in(struct agent_supervisor *sup, uint64_t ms)
{
    if (sup->ending)
        return;
    if (ms > 0)
        list_by(sup, ms);
    else if (sup->listing)
        sup->list_again = true;
    else
        list_now(sup);
}
