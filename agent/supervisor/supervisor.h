/* agent/supervisor/supervisor.h - makes the desired state true and keeps it so. Loop thread.
 *
 * Level-triggered: whatever happens (a new deployment, an event, a finished job, a timer) only
 * wakes the reconciler, which plans from what is known and hands each module its next step. Modules
 * move by the table of agent/module/life.h; blocking work runs on pools: one for containers, one
 * thread for the network, one for pulls, one for health checks, so that none waits for another
 * kind. */
#ifndef AGENT_SUPERVISOR_SUPERVISOR_H
#define AGENT_SUPERVISOR_SUPERVISOR_H

#include "agent/desired/desired.h"
#include "agent/module/policy.h"
#include "agent/runtime/runtime.h"
#include "agent/state/state.h"
#include "common/json/json.h"
#include "common/loop/loop.h"

struct agent_supervisor;

struct agent_supervisor_config {
    struct edge_loop *loop;
    const struct agent_runtime *rt; /* all these outlive the supervisor */
    struct agent_network *net;
    struct agent_state *state;
    struct agent_restart_rules rules;
    void (*on_change)(void *arg); /* the list may read differently now; may be NULL */
    void *arg;
};

/** Begin to observe. Nothing is changed before the first apply and the first complete list. */
EDGE_MUST_CHECK int agent_supervisor_create(const struct agent_supervisor_config *config,
                                            struct agent_supervisor **ret, struct edge_err *err);
/** Wait for jobs in flight (pulls are cancelled) and let go. Modules run on. Accepts NULL. */
struct agent_supervisor *agent_supervisor_destroy(struct agent_supervisor *sup);

/** From now on this is wanted. Takes ownership. */
void agent_supervisor_apply(struct agent_supervisor *sup, struct agent_desired *desired);

/** What @p desired would change now. The caller frees @p ret. @return 0, EDGE_EUNAVAILABLE:
 * containerd has not been looked at yet, or -ENOMEM */
EDGE_MUST_CHECK int agent_supervisor_plan(struct agent_supervisor *sup,
                                          const struct agent_desired *desired,
                                          struct edge_json **ret, struct edge_err *err);

/** All modules, an array sorted by name; the caller frees it. Members: name, status, description,
 * image, exitCode, restartCount, startedAt, exitedAt, … (agent/supervisor/README.md). NULL without
 * memory. */
struct edge_json *agent_supervisor_list(struct agent_supervisor *sup);

/** verb "restart", "start" or "stop". Begun when 0 is returned. @return 0, -ENOENT (no such
 * module), EDGE_ECONFLICT (the deployment wants otherwise, or it is in the middle of something) */
EDGE_MUST_CHECK int agent_supervisor_act(struct agent_supervisor *sup, const char *module,
                                         const char *verb, struct edge_err *err);

/** Container id of a module of the deployment or with a container; borrowed. NULL when unknown. */
const char *agent_supervisor_container_id(struct agent_supervisor *sup, const char *module);

#endif
