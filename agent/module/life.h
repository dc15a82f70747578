/* agent/module/life.h - one module's life, as one table (drawn in README.md). Pure: what a
 * transition does goes through an ops table - containerd in the agent, a fake in tests. Loop
 * thread. */
#ifndef AGENT_MODULE_LIFE_H
#define AGENT_MODULE_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/module/policy.h"
#include "agent/plan/plan.h"

enum agent_module_state {
    MODULE_ABSENT,   /* no container */
    MODULE_CREATING, /* job: container and snapshot */
    MODULE_STOPPED,  /* a container without a task */
    MODULE_STARTING, /* job: task, network, start */
    MODULE_RUNNING,
    MODULE_UNHEALTHY, /* runs, but its health check fails and the policy leaves it alone */
    MODULE_STOPPING,  /* told to end; the timer is the stop timeout */
    MODULE_REAPING,   /* job: delete the ended task, give back its network */
    MODULE_BACKOFF,   /* down; the timer is the pause before the restart */
    MODULE_FAILED,    /* down for good: policy or MaxRestartCount */
    MODULE_REMOVING,  /* job: delete container and snapshot */
    MODULE_LOST,      /* a job's outcome is unknown (containerd went away): the next list tells */
    MODULE_STATE_MAX,
};

enum agent_module_event {
    MODULE_EV_CREATE,  /* plan: container wanted, image present */
    MODULE_EV_UP,      /* plan: run */
    MODULE_EV_DOWN,    /* plan: stop */
    MODULE_EV_REMOVE,  /* plan: delete the container (stop first where it runs) */
    MODULE_EV_RESTART, /* operator: stop and start again, or start */
    MODULE_EV_DONE,    /* the state's job succeeded */
    MODULE_EV_ERROR,   /* the state's job failed; nothing of it is left */
    MODULE_EV_LOST,    /* the state's job may have done anything */
    MODULE_EV_EXITED,  /* the task's init process ended */
    MODULE_EV_SICK,    /* health check failed often enough */
    MODULE_EV_WELL,    /* health check passed again */
    MODULE_EV_TIMER,   /* the armed timer fired */
    MODULE_EV_PAUSE,   /* own follow-up: restart after a pause */
    MODULE_EV_GIVE_UP, /* own follow-up: no restart */
    MODULE_EVENT_MAX,
};

/** Lower-case words for logs. */
const char *agent_module_state_name(enum agent_module_state state);

/** Why a module is down. */
enum agent_down {
    AGENT_DOWN_NEVER_STARTED,
    AGENT_DOWN_STOPPED,   /* we stopped it */
    AGENT_DOWN_ENDED,     /* it ended by itself */
    AGENT_DOWN_UNHEALTHY, /* we stopped it because it was unhealthy */
    AGENT_DOWN_NO_START,  /* it could not be started */
};

struct agent_module;

/** What transitions do. Each call begins something and returns; its outcome comes back as an event.
 */
struct agent_module_ops {
    void (*create)(struct agent_module *m);            /* -> DONE, ERROR, LOST */
    void (*start)(struct agent_module *m);             /* -> DONE, ERROR, LOST */
    void (*signal)(struct agent_module *m, bool kill); /* -> EXITED when it has ended */
    void (*reap)(struct agent_module *m);            /* -> DONE (exit_code, exited_ns set), LOST */
    void (*remove)(struct agent_module *m);          /* -> DONE, LOST */
    void (*arm)(struct agent_module *m, int64_t ms); /* one timer a module -> TIMER */
    void (*disarm)(struct agent_module *m);
    void (*changed)(
        struct agent_module *m); /* state, counts or times changed: persist and report */
};

/** The part of a module that its life needs. Embedded in the supervisor's own struct. */
struct agent_module {
    const struct agent_module_ops *ops;
    const struct agent_restart_rules *rules;
    enum agent_module_state state;
    enum agent_policy policy; /* of the applied spec */
    enum agent_down down;     /* why it is, or is going, down */
    bool again;               /* going down to come up again at once */
    bool exited_early;        /* ended while its start was still being reported */
    bool remove_next;         /* going down to be removed */
    uint64_t turn;            /* counts transitions: tells an outdated list from a new one */
    /* memory of the last run */
    uint32_t restart_count;
    int64_t exit_code;  /* -1: unknown */
    int64_t started_ns; /* wall clock; EDGE_TIME_NEVER */
    int64_t exited_ns;
    int64_t last_restart_ns;
    int64_t started_ms; /* edge_now_ms; 0 when not known */
    int64_t stop_timeout_ms;
    bool oom;        /* the kernel killed something in it since it started */
    bool oom_before; /* the same of the run before this one */
};

enum { AGENT_MODULE_IGNORED = 1 };
/** Take one event. @return 0, or AGENT_MODULE_IGNORED: it means nothing in this state */
int agent_module_step(struct agent_module *m, enum agent_module_event ev);

/** What a fresh list of containers and tasks says of a module no job is working on. Brings a state
 * that disagrees into line (a missed exit, a task somebody started, a container that vanished). */
enum agent_seen {
    AGENT_SEEN_NOTHING,   /* no container */
    AGENT_SEEN_CONTAINER, /* a container without a task */
    AGENT_SEEN_CREATED,   /* a task that was never started */
    AGENT_SEEN_RUNNING,
    AGENT_SEEN_ENDED, /* a task whose process has ended, not yet deleted */
};
void agent_module_see(struct agent_module *m, enum agent_seen seen);

/** The policy has become another one while the container stays: what it left down may now be
 * restarted. */
void agent_module_policy_changed(struct agent_module *m);

/** A job is in flight: only its outcome may move the module. */
bool agent_module_busy(const struct agent_module *m);
/** For the planner. */
enum agent_life agent_module_life(const struct agent_module *m);
bool agent_module_ended_by_itself(const struct agent_module *m);

#endif
