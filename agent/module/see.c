/* A state that disagrees with containerd is brought into line. */
#include "agent/module/acts.h"
#include "common/base/clock.h"

static void put(struct agent_module *m, enum agent_module_state state, enum agent_module_event ev)
{
    if (m->state == state && ev == MODULE_EVENT_MAX)
        return;
    m->state = state;
    m->turn++;
    if (agent_module_step(m, ev) != 0)
        m->ops->changed(m);
}

static bool is_up(enum agent_module_state state)
{
    return state == MODULE_RUNNING || state == MODULE_UNHEALTHY || state == MODULE_STOPPING;
}

static bool end_is_known(const struct agent_module *m)
{
    return m->exited_ns != EDGE_TIME_NEVER && m->exited_ns >= m->started_ns;
}

/* A container without a task. What is down is right already. What was up has missed its end: reap
 * finds no task, takes the exit as unknown and gives the network back. What is new to this life of
 * the agent goes by the record: its end may be dealt with already, but for the restart that
 * follows. */
static void see_container(struct agent_module *m)
{
    if (is_up(m->state)) {
        put(m, m->state, MODULE_EV_EXITED);
        return;
    }
    if (m->state != MODULE_LOST && m->state != MODULE_ABSENT)
        return;
    if (!agent_module_ended_by_itself(m))
        put(m, MODULE_STOPPED, m->remove_next ? MODULE_EV_REMOVE : MODULE_EVENT_MAX);
    else if (end_is_known(m))
        put(m, MODULE_REAPING, MODULE_EV_DONE);
    else
        put(m, MODULE_RUNNING, MODULE_EV_EXITED);
}

static void see_running(struct agent_module *m)
{
    if (is_up(m->state))
        return;
    m->ops->disarm(m);
    m->exited_early = false;
    m->down = AGENT_DOWN_ENDED;
    if (m->started_ns == EDGE_TIME_NEVER || end_is_known(m))
        m->started_ns = edge_wall_ns(); /* the record is of an earlier run */
    put(m, MODULE_RUNNING, MODULE_EVENT_MAX);
    agent_module_arm_care(m);
}

void agent_module_see(struct agent_module *m, enum agent_seen seen)
{
    switch (seen) {
    case AGENT_SEEN_NOTHING:
        m->ops->disarm(m);
        if (m->state != MODULE_ABSENT)
            agent_module_fresh(m);
        m->remove_next = m->again = false;
        put(m, MODULE_ABSENT, MODULE_EVENT_MAX);
        break;
    case AGENT_SEEN_CONTAINER:
        see_container(m);
        break;
    case AGENT_SEEN_CREATED:
        m->down = AGENT_DOWN_STOPPED; /* somebody's start was cut off: the plan starts it anew */
        put(m, MODULE_RUNNING, MODULE_EV_EXITED);
        break;
    case AGENT_SEEN_RUNNING:
        see_running(m);
        break;
    case AGENT_SEEN_ENDED:
        if (!is_up(m->state))
            m->down = AGENT_DOWN_ENDED;
        put(m, is_up(m->state) ? m->state : MODULE_RUNNING, MODULE_EV_EXITED);
        break;
    }
}

void agent_module_policy_changed(struct agent_module *m)
{
    bool down = m->state == MODULE_STOPPED || m->state == MODULE_FAILED;

    if (down && agent_module_ended_by_itself(m))
        put(m, MODULE_REAPING, MODULE_EV_DONE); /* decide once more how to go on after its end */
}
