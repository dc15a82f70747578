/* agent/security/notify/notify.h - words to the service manager: READY=1, STATUS=…, WATCHDOG=1.
 * Without one they go nowhere. Any thread. Source: sd_notify(3), the datagram protocol. */
#ifndef AGENT_SECURITY_NOTIFY_NOTIFY_H
#define AGENT_SECURITY_NOTIFY_NOTIFY_H

#include "common/base/attr.h"

/** Never fails: who manages us sees by the silence. */
void sec_notify(const char *fmt, ...) EDGE_PRINTF(1, 2);

#endif
