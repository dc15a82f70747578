/* agent/network/bridge.h - the bridge: ours, and nobody else's. Blocking.
 *
 * The bridge carries the runtime's folder in its alias. So two runtimes with one network name do
 * not take each other's for their own, and a bridge of the administrator's is never removed. */
#ifndef AGENT_NETWORK_BRIDGE_H
#define AGENT_NETWORK_BRIDGE_H

#include <stdbool.h>

#include "agent/network/subnet.h"

struct agent_bridge {
    const char *name;
    const char *network;
    const char *rundir;
    const struct agent_subnet *subnet;
};

/**
 * Make the bridge when it is not there, and see that it may be used.
 * @param in_use  endpoints are on it: its addresses must not change now
 * @return 0, EDGE_ECONFLICT (another interface has the name, another runtime the bridge, or the
 * subnet is in use on this machine), errno
 */
EDGE_MUST_CHECK int agent_bridge_need(const struct agent_bridge *bridge, bool in_use,
                                      struct edge_err *err);
/** Have the kernel route between bridge and world, and 127.0.0.1 to published ports. */
EDGE_MUST_CHECK int agent_bridge_set_routing(const struct agent_bridge *bridge,
                                             struct edge_err *err);

enum agent_bridge_state {
    AGENT_BRIDGE_NONE,
    AGENT_BRIDGE_OURS,
    AGENT_BRIDGE_FOREIGN, /* an interface of that name that is not ours: hands off, also its rules
                           */
};
EDGE_MUST_CHECK int agent_bridge_look(const struct agent_bridge *bridge,
                                      enum agent_bridge_state *ret, struct edge_err *err);
/** Remove the interfaces on the bridge for which @p keep says no. */
EDGE_MUST_CHECK int agent_bridge_sweep(const struct agent_bridge *bridge,
                                       bool (*keep)(const char *ifname, void *arg), void *arg,
                                       struct edge_err *err);
/** Remove it when it is ours; success when there is none or it is somebody else's. */
EDGE_MUST_CHECK int agent_bridge_remove(const struct agent_bridge *bridge, struct edge_err *err);

#endif
