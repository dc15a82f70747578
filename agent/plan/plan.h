/* agent/plan/plan.h - desired x observed -> ordered steps. Pure, no I/O; any thread. */
#ifndef AGENT_PLAN_PLAN_H
#define AGENT_PLAN_PLAN_H

#include "agent/desired/desired.h"

/** What runs, as the labels and the task of a container say. */
enum agent_life {
    AGENT_LIFE_ABSENT,  /* no container */
    AGENT_LIFE_STOPPED, /* a container that is down and is to stay so until somebody wants it up:
                           never started, stopped by us, ended well under a policy that accepts it
                         */
    AGENT_LIFE_RUNNING, /* also while starting */
    AGENT_LIFE_UNHEALTHY,
    AGENT_LIFE_BACKOFF,  /* down, a restart is due */
    AGENT_LIFE_FAILED,   /* down, ended badly, no restart is due */
    AGENT_LIFE_STOPPING, /* going down */
};

struct agent_observed {
    const char *name; /* module name */
    enum agent_life life;
    bool ended_by_itself; /* down although nobody stopped it */
    const char *hash;     /* applied spec's hash; "" when unreadable */
    const char *text;     /* applied spec's canonical text; "" when unreadable */
    const char *outdated; /* why it must be made anew although its spec has not changed, or NULL */
    uint32_t startup_order; /* from the applied spec */
    bool image_ready;       /* the desired image is present: create needs no pull */
};

enum agent_step_kind {
    AGENT_STEP_STOP,    /* status-only change, or the first half of a removal */
    AGENT_STEP_REMOVE,  /* container no longer wanted (stop included) */
    AGENT_STEP_PULL,    /* bring the image; what runs goes on running */
    AGENT_STEP_CREATE,  /* container (and snapshot) from a present image */
    AGENT_STEP_REPLACE, /* stop, remove, create: the image is present */
    AGENT_STEP_RELABEL, /* restartPolicy, startupOrder, version or pull policy changed: in place */
    AGENT_STEP_START,
};
const char *agent_step_name(enum agent_step_kind kind);

struct agent_step {
    enum agent_step_kind kind;
    const char *module; /* borrowed from desired or observed */
    uint32_t order;     /* startupOrder group */
    char reason[128];   /* "image changed", "not in the deployment", … */
};

struct agent_plan {
    struct agent_step *steps;
    size_t len;
};

/**
 * Steps that lead from observed to desired, whole (as if each succeeds): removals first, then by
 * startupOrder, within it by name. Nothing to do is an empty plan.
 * @param observed  sorted by name, one entry a module; modules without a container may be left out
 * @return 0 or -ENOMEM
 */
EDGE_MUST_CHECK int agent_plan_make(const struct agent_desired *desired,
                                    const struct agent_observed *observed, size_t nobserved,
                                    struct agent_plan *ret);
void agent_plan_fini(struct agent_plan *plan);

/** {"steps":[{"step":"pull","module":"cam","startupOrder":1,"reason":"…"}…]} */
struct edge_json *agent_plan_to_json(const struct agent_plan *plan);

#endif
