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

/** Identities of modules, where the cloud drives the device. The calls block: they run on a pool of
 * their own, several at once, but no two about one module. What makes them return early has to be
 * fired before agent_supervisor_destroy. */
struct agent_identity_ops {
    /** Make sure that @p module has an identity, and a folder with its workload socket that takes
     * callers from @p cgroup. @param ret  set on success; owned by the caller */
    int (*obtain)(const char *module, const char *cgroup, struct agent_grant *ret, void *arg,
                  struct edge_err *err);
    /** Give both back. Success when there is nothing. */
    int (*release)(const char *module, void *arg, struct edge_err *err);
    /** All identities that there are, without folders. The caller frees each and the array. */
    int (*list)(struct agent_grant **ret, size_t *ret_len, void *arg, struct edge_err *err);
    void *arg;
};

struct agent_supervisor_config {
    struct edge_loop *loop;
    const struct agent_runtime *rt; /* all these outlive the supervisor */
    struct agent_network *net;
    struct agent_state *state;
    const struct agent_identity_ops *identities; /* or NULL: modules have none */
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

/** What is wanted now, NULL before the first apply. Borrowed until the next one. */
const struct agent_desired *agent_supervisor_desired(const struct agent_supervisor *sup);

/** The cloud can be asked again: has an identity been deleted or made anew there? A module whose
 * identity is another one gets a new container. */
void agent_supervisor_review_identities(struct agent_supervisor *sup);
/** Who hands out identities has begun a new life: ask for all of them again. What runs stays. */
void agent_supervisor_renew_identities(struct agent_supervisor *sup);

/** What keeps everything from being looked at, or NULL: containerd cannot be asked. Borrowed. */
const char *agent_supervisor_trouble(const struct agent_supervisor *sup);

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
