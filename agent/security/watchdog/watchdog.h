/* agent/security/watchdog/watchdog.h - keeps edge-agent running: starts it, starts it again with
 * growing pauses, ends one that has stopped answering. Modules are none of its business. Loop
 * thread. Sources: agent.md 8.5 (what IoT Edge does), issue texts of 11.2.
 *
 *   DOWN --time--> STARTING --started--> UP --three times no answer, or restart--> ENDING
 *    ^  <--failed-----'                  |                                          | 30 s: kill
 *    '------------------ended------------'------------------------------ended-------'
 */
#ifndef AGENT_SECURITY_WATCHDOG_WATCHDOG_H
#define AGENT_SECURITY_WATCHDOG_WATCHDOG_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/base/err.h"
#include "common/loop/pool.h"

struct sec_watchdog;

/** All borrowed; they outlive the object. */
struct sec_watchdog_options {
    struct edge_loop *loop;
    struct edge_pool *pool; /* asks the agent whether it is well */
    int launcher;           /* fd of sec_launcher_spawn; becomes ours */
    const char *lock;       /* the agent's lock file */
    const char *socket;     /* path of the agent's management socket */
    /** The launcher is gone: the agent cannot be kept any more. */
    void (*lost)(void *arg);
    /** After sec_watchdog_end: there is no agent any more. */
    void (*ended)(void *arg);
    void *arg;
};

EDGE_MUST_CHECK int sec_watchdog_open(const struct sec_watchdog_options *options,
                                      struct sec_watchdog **ret);
/** After its pool has run dry; the agent goes with the launcher. Accepts NULL; returns NULL. */
struct sec_watchdog *sec_watchdog_close(struct sec_watchdog *w);

/** Is it well? Called every minute by who has a timer anyway. */
void sec_watchdog_look(struct sec_watchdog *w);
/** End the agent and start it again: the device has become another. */
void sec_watchdog_restart(struct sec_watchdog *w);
/** End the agent for good, then `ended`. */
void sec_watchdog_end(struct sec_watchdog *w);
/** The running agent, 0: none. */
pid_t sec_watchdog_agent(const struct sec_watchdog *w);

#endif
