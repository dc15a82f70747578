/* agent/security/confine/confine.h - give up what edge-securityd does not need. Once, before any
 * thread starts and after the launcher of the agent, which keeps what it has, has been started.
 * Sources: capabilities(7), seccomp(2), mount_setattr(2), prctl(2).
 *
 * It cannot be the unit's settings that do this: they would bind the agent too, which mounts and
 * makes networks in the host's own namespaces. */
#ifndef AGENT_SECURITY_CONFINE_CONFINE_H
#define AGENT_SECURITY_CONFINE_CONFINE_H

#include "common/base/err.h"

/**
 * All folders read-only but @p writable; no capability but reading files of others
 * (CAP_DAC_READ_SEARCH); no new privileges; no memory dumps; no program started, no other process
 * traced, no mount, module, clock or namespace changed ever again.
 * @param writable  existing folders, NULL at the end
 * @param warn  told what cannot be done here (not root, an old kernel); the rest is done
 * @return 0, or why nothing is safe to go on: the system calls cannot be filtered
 */
EDGE_MUST_CHECK int sec_confine(const char *const *writable, void (*warn)(const char *text),
                                struct edge_err *err);

#endif
