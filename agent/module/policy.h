/* agent/module/policy.h - restart or not, and when. Pure; any thread. Source: agent.md 3.5, 3.6. */
#ifndef AGENT_MODULE_POLICY_H
#define AGENT_MODULE_POLICY_H

#include <stdbool.h>

#include "agent/desired/desired.h"

/** How a module came down without being asked to. */
enum agent_end {
    AGENT_END_CLEAN,     /* exit code 0 */
    AGENT_END_CRASH,     /* any other code or signal; also when containerd has forgotten the code */
    AGENT_END_UNHEALTHY, /* its health check failed */
};

/** never: nothing. on-failure: a crash. on-unhealthy: a crash or unhealthy. always: anything. */
bool agent_policy_restarts(enum agent_policy policy, enum agent_end end);

struct agent_restart_rules {
    uint32_t max_count;    /* restarts before giving up; 0: never give up */
    uint32_t unit_s;       /* first pause, doubled each time up to 300 s; 0: none */
    uint32_t care_minutes; /* up this long, a module starts counting anew */
};

/** Pause before restart number @p count + 1: min(unit * 2^count, 300) s, in ms. */
int64_t agent_restart_pause_ms(const struct agent_restart_rules *rules, uint32_t count);

/** @p ms and up to a tenth more, so that modules (and devices) do not restart in step.
 * @param dice  any random number */
int64_t agent_with_jitter(int64_t ms, uint32_t dice);

#endif
