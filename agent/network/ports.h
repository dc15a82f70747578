/* agent/network/ports.h - which published ports may stand beside each other. Pure; any thread.
 *
 * A port is a protocol, a host address ("" is every address) and a number. Two of the same protocol
 * and number conflict when their addresses are equal or one of them is "". */
#ifndef AGENT_NETWORK_PORTS_H
#define AGENT_NETWORK_PORTS_H

#include "agent/network/record.h"

enum {
    AGENT_PORT_CHOICE_FIRST = 32768,
    AGENT_PORT_CHOICE_LAST = 60999,
};

/** Asks the host about a port: 0 when it is free (and now kept for us: port->held), else a code
 * and @p err. NULL asks nobody. */
typedef int agent_port_probe(struct agent_record_port *port, struct edge_err *err);

/**
 * Check @p record's ports against those of @p set and against each other, then choose a number for
 * those that have none.
 * @return 0, EDGE_ECONFLICT naming port, protocol and both modules, or what @p probe returned
 */
EDGE_MUST_CHECK int agent_ports_resolve(const struct agent_record_set *set,
                                        struct agent_record *record, agent_port_probe *probe,
                                        struct edge_err *err);

#endif
