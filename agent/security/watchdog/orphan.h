/* agent/security/watchdog/orphan.h - an agent that an earlier edge-securityd has left behind. Reads
 * /proc; any thread. Source: proc(5), /proc/locks. */
#ifndef AGENT_SECURITY_WATCHDOG_ORPHAN_H
#define AGENT_SECURITY_WATCHDOG_ORPHAN_H

#include <stdint.h>
#include <sys/types.h>

/** Who holds the lock of the file @p path: a process named edge-agent. @return 0: nobody such */
pid_t sec_orphan_find(const char *path);
/** The process that holds a flock of that inode, by a text as in /proc/locks; 0: none. */
pid_t sec_lock_holder(const char *text, unsigned major, unsigned minor, uint64_t inode);
/** SIGTERM; it goes its usual way, modules run on. */
void sec_orphan_end(pid_t pid);

#endif
