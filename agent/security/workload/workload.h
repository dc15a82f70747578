/* agent/security/workload/workload.h - IoT Edge's workload API, on a socket for each module:
 * <rundir>/workload/<id>/workload.sock, whose folder is mounted into the container. Whoever reaches
 * the socket acts as that module and nobody else; that the caller is in the container's cgroup is
 * looked at besides. The sockets come back by themselves, in the same folders, when the daemon
 * restarts. Loop thread. Sources: agent.md 5.1, 5.3 to 5.5. */
#ifndef AGENT_SECURITY_WORKLOAD_WORKLOAD_H
#define AGENT_SECURITY_WORKLOAD_WORKLOAD_H

#include <sys/types.h>

#include "agent/security/certs/certs.h"
#include "agent/security/keys/keys.h"
#include "agent/security/self/self.h"
#include "common/loop/pool.h"

struct sec_workload;

/** All borrowed; they outlive the object. */
struct sec_workload_options {
    struct edge_loop *loop;
    struct edge_pool *pool; /* does the work */
    const char *rundir;
    struct sec_self *self;
    struct sec_keys *keys;
    struct sec_certs *certs;
    /** Is that process the agent? */
    bool (*is_agent)(pid_t pid, uid_t uid, void *arg);
    void *arg;
};

/** Open the agent's own socket and those of the modules that are remembered; one of these that
 * fails is told by @p warn and left out. */
EDGE_MUST_CHECK int sec_workload_open(const struct sec_workload_options *options,
                                      void (*warn)(const char *text), struct sec_workload **ret,
                                      struct edge_err *err);
/** The sockets' folders stay. Close after the pool has run dry. Accepts NULL; returns NULL. */
struct sec_workload *sec_workload_close(struct sec_workload *workload);

/** Have a socket for @p module, whose container is in @p cgroup ("/edge/<id>"): a new one, or the
 * present one for another container.
 * @param ret  the folder; the caller frees it
 * @return 0, EDGE_EINVALID, EDGE_ELIMIT, EDGE_ECONFLICT, errno */
EDGE_MUST_CHECK int sec_workload_add(struct sec_workload *workload, const char *module,
                                     const char *cgroup, char **ret, struct edge_err *err);
/** Close the socket and remove its folder. @return 0 also when there is none */
EDGE_MUST_CHECK int sec_workload_remove(struct sec_workload *workload, const char *module,
                                        struct edge_err *err);

#endif
