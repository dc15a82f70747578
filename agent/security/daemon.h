/* agent/security/daemon.h - edge-securityd put together. Loop thread. */
#ifndef AGENT_SECURITY_DAEMON_H
#define AGENT_SECURITY_DAEMON_H

#include "agent/config/config.h"

enum {
    SEC_EXIT_FAILED = 1,
    SEC_EXIT_SETTINGS = 153, /* the configuration is wrong: starting again helps nobody */
};

/** Serve until a signal. @param config  borrowed   @param launcher  of sec_launcher_spawn, or -1:
 * somebody else runs the agent   @return exit code */
int sec_daemon_run(const struct agent_config *config, int launcher);

#endif
