/* agent/network/conntrack.h - forgetting connections that rules no longer describe. Blocking.
 *
 * The kernel looks at published ports only for the first packet of a connection. A sender of UDP
 * that never pauses would keep talking to the address of a module that has gone, or to nobody when
 * it began before the module did. */
#ifndef AGENT_NETWORK_CONNTRACK_H
#define AGENT_NETWORK_CONNTRACK_H

#include "agent/network/record.h"

/** Connections through a published port to @p address, which is given back. */
EDGE_MUST_CHECK int agent_conntrack_forget_address(const char *address, struct edge_err *err);
/** UDP connections to a host port that @p record now publishes but that go elsewhere. */
EDGE_MUST_CHECK int agent_conntrack_forget_ports(const struct agent_record *record,
                                                 struct edge_err *err);

#endif
