/* agent/network/hold.h - host ports kept from other processes while a module publishes them.
 * Rules alone would not tell a program of the host that its port is taken: it would bind and never
 * be reached. So the agent binds the port itself, without listening: the rules lead clients past
 * it, and who comes before them is refused.
 */
#ifndef AGENT_NETWORK_HOLD_H
#define AGENT_NETWORK_HOLD_H

#include "agent/network/record.h"

/** Bind @p port's address and keep the socket in port->held. A port in TIME_WAIT is free.
 * An address that the host does not have (yet), or a protocol the kernel lacks, is let pass.
 * @return 0, EDGE_ECONFLICT when a process of the host has the port, errno */
EDGE_MUST_CHECK int agent_hold_port(struct agent_record_port *port, struct edge_err *err);

#endif
