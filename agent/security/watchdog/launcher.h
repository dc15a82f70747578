/* agent/security/watchdog/launcher.h - the small process between edge-securityd and edge-agent. It
 * is this very program started again before privileges are given up, so that the agent, which needs
 * them, can be started again and again. It does nothing but that, and when edge-securityd is gone
 * it ends the agent and itself: modules run on.
 *
 * One SOCK_SEQPACKET socket: commands of one letter in, struct sec_launcher_report out. */
#ifndef AGENT_SECURITY_WATCHDOG_LAUNCHER_H
#define AGENT_SECURITY_WATCHDOG_LAUNCHER_H

#include <stdint.h>

#include "common/base/err.h"

#define SEC_LAUNCHER_OPTION "--launch-agent"

enum sec_launcher_command {
    SEC_LAUNCH_START = 'S', /* unless it runs */
    SEC_LAUNCH_TERM = 'T',
    SEC_LAUNCH_KILL = 'K',
};

struct sec_launcher_report {
    int32_t kind;  /* 'P' started, 'X' ended */
    int32_t value; /* pid, or negative errno; wait status */
};

/** Start the launcher. @param program  the agent   @param config  its --config
 * @param ret_fd  our end of the socket */
EDGE_MUST_CHECK int sec_launcher_spawn(const char *program, const char *config, int *ret_fd,
                                       struct edge_err *err);
/** main of the launcher: `edge-securityd --launch-agent FD PROGRAM CONFIG`. @return exit code */
int sec_launcher_main(int argc, char **argv);

#endif
