#include "agent/module/acts.h"

#include "common/base/clock.h"

enum { KILL_AGAIN_MS = 10000, NONE = MODULE_STATE_MAX };

static enum agent_module_event no_follow_up(struct agent_module *m)
{
    (void) m;
    return MODULE_EVENT_MAX;
}

static enum agent_module_event act_create(struct agent_module *m)
{
    m->ops->create(m);
    return MODULE_EVENT_MAX;
}

static enum agent_module_event act_start(struct agent_module *m)
{
    m->ops->disarm(m);
    m->exited_early = false;
    m->again = false;
    m->oom_before = m->oom;
    m->oom = false;
    m->ops->start(m);
    return MODULE_EVENT_MAX;
}

static enum agent_module_event act_restart(struct agent_module *m)
{
    m->restart_count++;
    m->last_restart_ns = edge_wall_ns();
    return act_start(m);
}

void agent_module_arm_care(struct agent_module *m)
{
    if (m->restart_count > 0)
        m->ops->arm(m, (int64_t) m->rules->care_minutes * 60000);
}

static enum agent_module_event act_started(struct agent_module *m)
{
    m->started_ns = edge_wall_ns();
    m->started_ms = edge_now_ms();
    m->down = AGENT_DOWN_ENDED; /* what it will be unless somebody stops it */
    agent_module_arm_care(m);
    return m->exited_early ? MODULE_EV_EXITED : MODULE_EVENT_MAX;
}

static enum agent_module_event act_forgive(struct agent_module *m)
{
    m->restart_count = 0;
    return MODULE_EVENT_MAX;
}

static enum agent_module_event act_note_early_exit(struct agent_module *m)
{
    m->exited_early = true;
    return MODULE_EVENT_MAX;
}

static enum agent_module_event stop_because(struct agent_module *m, enum agent_down why)
{
    m->down = why;
    m->ops->arm(m, m->stop_timeout_ms);
    m->ops->signal(m, false);
    return MODULE_EVENT_MAX;
}

static enum agent_module_event act_stop(struct agent_module *m)
{
    return stop_because(m, AGENT_DOWN_STOPPED);
}

static enum agent_module_event act_stop_for_restart(struct agent_module *m)
{
    m->again = true;
    return stop_because(m, AGENT_DOWN_STOPPED);
}

/* The operator's restart of what is going down anyway: it comes up again without a pause. */
static enum agent_module_event act_note_again(struct agent_module *m)
{
    m->again = true;
    return MODULE_EVENT_MAX;
}

static enum agent_module_event act_stop_for_removal(struct agent_module *m)
{
    m->remove_next = true;
    return stop_because(m, AGENT_DOWN_STOPPED);
}

static enum agent_module_event act_sick(struct agent_module *m)
{
    if (!agent_policy_restarts(m->policy, AGENT_END_UNHEALTHY))
        return MODULE_EVENT_MAX;
    return MODULE_EV_PAUSE;
}

static enum agent_module_event act_stop_sick(struct agent_module *m)
{
    return stop_because(m, AGENT_DOWN_UNHEALTHY);
}

static enum agent_module_event act_kill(struct agent_module *m)
{
    m->ops->arm(m, KILL_AGAIN_MS);
    m->ops->signal(m, true);
    return MODULE_EVENT_MAX;
}

static enum agent_module_event act_reap(struct agent_module *m)
{
    m->ops->disarm(m);
    m->ops->reap(m);
    return MODULE_EVENT_MAX;
}

/* How a module that shall run again goes on: after a pause, unless it has used up its restarts. */
static enum agent_module_event pause_or_give_up(const struct agent_module *m)
{
    bool used_up = m->rules->max_count > 0 && m->restart_count >= m->rules->max_count;

    return used_up ? MODULE_EV_GIVE_UP : MODULE_EV_PAUSE;
}

/* Started in an earlier life of the agent, only the wall clock tells. */
static int64_t up_ms(const struct agent_module *m)
{
    if (m->started_ms > 0)
        return edge_now_ms() - m->started_ms;
    if (m->started_ns == EDGE_TIME_NEVER || m->exited_ns < m->started_ns)
        return 0;
    return (m->exited_ns - m->started_ns) / 1000000;
}

static enum agent_module_event after_end(struct agent_module *m, enum agent_end end)
{
    if (up_ms(m) >= (int64_t) m->rules->care_minutes * 60000)
        m->restart_count = 0;
    if (agent_policy_restarts(m->policy, end))
        return pause_or_give_up(m);
    return end == AGENT_END_CLEAN ? MODULE_EVENT_MAX : MODULE_EV_GIVE_UP;
}

static enum agent_module_event act_reaped(struct agent_module *m)
{
    if (m->remove_next)
        return MODULE_EV_REMOVE;
    if (m->again)
        return MODULE_EV_UP;
    switch (m->down) {
    case AGENT_DOWN_NEVER_STARTED:
    case AGENT_DOWN_STOPPED:
        return MODULE_EVENT_MAX;
    case AGENT_DOWN_UNHEALTHY:
        return after_end(m, AGENT_END_UNHEALTHY);
    case AGENT_DOWN_NO_START:
        return pause_or_give_up(m);
    case AGENT_DOWN_ENDED:
        break;
    }
    return after_end(m, m->exit_code == 0 ? AGENT_END_CLEAN : AGENT_END_CRASH);
}

/* What keeps a module from starting (a port taken, a missing device) may go away by itself: it is
 * tried again under every policy, for none of them speaks of a module that has not run. */
static enum agent_module_event act_start_failed(struct agent_module *m)
{
    m->down = AGENT_DOWN_NO_START;
    m->exit_code = -1;
    m->exited_ns = edge_wall_ns();
    return pause_or_give_up(m);
}

/* What cannot be started would otherwise be tried without end where pauses are turned off. */
enum { NO_START_PAUSE_MS = 1000 };

/* The pause counts from the exit, which may lie in an earlier life of the agent. */
static enum agent_module_event act_pause(struct agent_module *m)
{
    int64_t now = edge_wall_ns();
    int64_t pause = agent_restart_pause_ms(m->rules, m->restart_count);
    int64_t since = m->exited_ns == EDGE_TIME_NEVER ? 0 : (now - m->exited_ns) / 1000000;

    if (m->down == AGENT_DOWN_NO_START && pause < NO_START_PAUSE_MS)
        pause = NO_START_PAUSE_MS;
    pause = agent_with_jitter(pause, (uint32_t) (now / 1000));
    if (since > 0)
        pause = since >= pause ? 0 : pause - since;
    m->ops->arm(m, pause);
    return MODULE_EVENT_MAX;
}

static enum agent_module_event act_rest(struct agent_module *m)
{
    m->ops->disarm(m);
    m->down = AGENT_DOWN_STOPPED;
    return MODULE_EVENT_MAX;
}

static enum agent_module_event act_remove(struct agent_module *m)
{
    m->ops->disarm(m);
    m->remove_next = false;
    m->ops->remove(m);
    return MODULE_EVENT_MAX;
}

void agent_module_fresh(struct agent_module *m)
{
    m->down = AGENT_DOWN_NEVER_STARTED;
    m->restart_count = 0;
    m->exit_code = 0;
    m->started_ns = m->exited_ns = m->last_restart_ns = EDGE_TIME_NEVER;
    m->started_ms = 0;
    m->oom = m->oom_before = false;
}

static enum agent_module_event act_fresh(struct agent_module *m)
{
    agent_module_fresh(m);
    return MODULE_EVENT_MAX;
}

typedef enum agent_module_event act_fn(struct agent_module *m);

struct edge_ {
    enum agent_module_state next;
    act_fn *act; /* NULL in an empty cell: the event means nothing in that state */
};

static const struct edge_ edges[MODULE_STATE_MAX][MODULE_EVENT_MAX] = {
    [MODULE_ABSENT] = {[MODULE_EV_CREATE] = {MODULE_CREATING, act_create}},
    [MODULE_CREATING] = {[MODULE_EV_DONE] = {MODULE_STOPPED, act_fresh},
                         [MODULE_EV_ERROR] = {MODULE_ABSENT, no_follow_up},
                         [MODULE_EV_LOST] = {MODULE_LOST, no_follow_up}},
    [MODULE_STOPPED] = {[MODULE_EV_UP] = {MODULE_STARTING, act_start},
                        [MODULE_EV_RESTART] = {MODULE_STARTING, act_start},
                        [MODULE_EV_PAUSE] = {MODULE_BACKOFF, act_pause},
                        [MODULE_EV_GIVE_UP] = {MODULE_FAILED, no_follow_up},
                        [MODULE_EV_REMOVE] = {MODULE_REMOVING, act_remove}},
    [MODULE_STARTING] = {[MODULE_EV_DONE] = {MODULE_RUNNING, act_started},
                         [MODULE_EV_ERROR] = {MODULE_STOPPED, act_start_failed},
                         [MODULE_EV_EXITED] = {MODULE_STARTING, act_note_early_exit},
                         [MODULE_EV_RESTART] = {MODULE_STARTING, no_follow_up}, /* it is */
                         [MODULE_EV_LOST] = {MODULE_LOST, no_follow_up}},
    [MODULE_RUNNING] = {[MODULE_EV_EXITED] = {MODULE_REAPING, act_reap},
                        [MODULE_EV_DOWN] = {MODULE_STOPPING, act_stop},
                        [MODULE_EV_RESTART] = {MODULE_STOPPING, act_stop_for_restart},
                        [MODULE_EV_REMOVE] = {MODULE_STOPPING, act_stop_for_removal},
                        [MODULE_EV_SICK] = {MODULE_UNHEALTHY, act_sick},
                        [MODULE_EV_TIMER] = {MODULE_RUNNING, act_forgive}},
    [MODULE_UNHEALTHY] = {[MODULE_EV_EXITED] = {MODULE_REAPING, act_reap},
                          [MODULE_EV_DOWN] = {MODULE_STOPPING, act_stop},
                          [MODULE_EV_RESTART] = {MODULE_STOPPING, act_stop_for_restart},
                          [MODULE_EV_REMOVE] = {MODULE_STOPPING, act_stop_for_removal},
                          [MODULE_EV_SICK] = {MODULE_UNHEALTHY, act_sick},
                          [MODULE_EV_PAUSE] = {MODULE_STOPPING, act_stop_sick},
                          [MODULE_EV_WELL] = {MODULE_RUNNING, no_follow_up}},
    [MODULE_STOPPING] = {[MODULE_EV_EXITED] = {MODULE_REAPING, act_reap},
                         [MODULE_EV_RESTART] = {MODULE_STOPPING, act_note_again},
                         [MODULE_EV_TIMER] = {MODULE_STOPPING, act_kill}},
    [MODULE_REAPING] = {[MODULE_EV_DONE] = {MODULE_STOPPED, act_reaped},
                        [MODULE_EV_RESTART] = {MODULE_REAPING, act_note_again},
                        [MODULE_EV_LOST] = {MODULE_LOST, no_follow_up}},
    [MODULE_BACKOFF] = {[MODULE_EV_TIMER] = {MODULE_STARTING, act_restart},
                        [MODULE_EV_UP] = {MODULE_STARTING, act_start},
                        [MODULE_EV_RESTART] = {MODULE_STARTING, act_start},
                        [MODULE_EV_DOWN] = {MODULE_STOPPED, act_rest},
                        [MODULE_EV_REMOVE] = {MODULE_REMOVING, act_remove}},
    [MODULE_FAILED] = {[MODULE_EV_UP] = {MODULE_STARTING, act_start},
                       [MODULE_EV_RESTART] = {MODULE_STARTING, act_start},
                       [MODULE_EV_DOWN] = {MODULE_STOPPED, act_rest},
                       [MODULE_EV_REMOVE] = {MODULE_REMOVING, act_remove}},
    [MODULE_REMOVING] = {[MODULE_EV_DONE] = {MODULE_ABSENT, act_fresh},
                         [MODULE_EV_LOST] = {MODULE_LOST, no_follow_up}},
};

int agent_module_step(struct agent_module *m, enum agent_module_event ev)
{
    bool moved = false;

    while (ev < MODULE_EVENT_MAX) {
        const struct edge_ *e = &edges[m->state][ev];

        if (!e->act)
            break;
        m->state = e->next;
        m->turn++;
        moved = true;
        ev = e->act(m);
    }
    if (moved)
        m->ops->changed(m);
    return moved ? 0 : AGENT_MODULE_IGNORED;
}

bool agent_module_busy(const struct agent_module *m)
{
    return m->state == MODULE_CREATING || m->state == MODULE_STARTING ||
           m->state == MODULE_REAPING || m->state == MODULE_REMOVING;
}

bool agent_module_ended_by_itself(const struct agent_module *m)
{
    return m->down == AGENT_DOWN_ENDED || m->down == AGENT_DOWN_UNHEALTHY ||
           m->down == AGENT_DOWN_NO_START;
}

enum agent_life agent_module_life(const struct agent_module *m)
{
    static const enum agent_life lives[MODULE_STATE_MAX] = {
        [MODULE_ABSENT] = AGENT_LIFE_ABSENT,     [MODULE_CREATING] = AGENT_LIFE_STOPPED,
        [MODULE_STOPPED] = AGENT_LIFE_STOPPED,   [MODULE_STARTING] = AGENT_LIFE_RUNNING,
        [MODULE_RUNNING] = AGENT_LIFE_RUNNING,   [MODULE_UNHEALTHY] = AGENT_LIFE_UNHEALTHY,
        [MODULE_STOPPING] = AGENT_LIFE_STOPPING, [MODULE_REAPING] = AGENT_LIFE_STOPPING,
        [MODULE_BACKOFF] = AGENT_LIFE_BACKOFF,   [MODULE_FAILED] = AGENT_LIFE_FAILED,
        [MODULE_REMOVING] = AGENT_LIFE_STOPPING, [MODULE_LOST] = AGENT_LIFE_STOPPING,
    };

    return lives[m->state];
}

const char *agent_module_state_name(enum agent_module_state state)
{
    static const char *const names[MODULE_STATE_MAX] = {
        [MODULE_ABSENT] = "absent",     [MODULE_CREATING] = "creating",
        [MODULE_STOPPED] = "stopped",   [MODULE_STARTING] = "starting",
        [MODULE_RUNNING] = "running",   [MODULE_UNHEALTHY] = "unhealthy",
        [MODULE_STOPPING] = "stopping", [MODULE_REAPING] = "reaping",
        [MODULE_BACKOFF] = "backoff",   [MODULE_FAILED] = "failed",
        [MODULE_REMOVING] = "removing", [MODULE_LOST] = "lost",
    };

    return state < MODULE_STATE_MAX ? names[state] : "?";
}
