/* agent/network/netns.h - naming a task's network namespace so that a reused pid cannot mislead.
 * A pid may pass to another process between attach and detach, even to one that lives in the host's
 * namespace; plugins must never be let loose there. So a namespace is opened once, its inode is
 * compared, and plugins get the path of our descriptor. Blocking. */
#ifndef AGENT_NETWORK_NETNS_H
#define AGENT_NETWORK_NETNS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

struct agent_netns {
    int fd; /* -1: it has gone */
    uint64_t inode;
    char path[48]; /* "/proc/<agent>/fd/<n>", "" when it has gone; valid until closed */
};
void agent_netns_close(struct agent_netns *netns);
static inline void agent_netns_closep(struct agent_netns *netns)
{
    agent_netns_close(netns);
}

/** The namespace of process @p pid.
 * @return 0, EDGE_EINVALID when it is the agent's own, errno when there is no such process */
EDGE_MUST_CHECK int agent_netns_open(uint32_t pid, struct agent_netns *ret, struct edge_err *err);
/** The same again later: with fd -1 when @p pid has gone or has another namespace than @p inode. */
void agent_netns_reopen(uint32_t pid, uint64_t inode, struct agent_netns *ret);

#endif
