/* agent/security/workload/peer.h - is a process in the cgroup of a module's container? Reads
 * /proc; any thread. Source: cgroups(7), /proc/<pid>/cgroup. */
#ifndef AGENT_SECURITY_WORKLOAD_PEER_H
#define AGENT_SECURITY_WORKLOAD_PEER_H

#include <stdbool.h>
#include <sys/types.h>

/** A process that has gone, or that we cannot see, is not. */
bool sec_peer_in_cgroup(pid_t pid, const char *cgroup);
/** Does a text as in /proc/<pid>/cgroup name @p cgroup ("/edge/<id>") or something below it? */
bool sec_cgroup_listed(const char *text, const char *cgroup);

#endif
