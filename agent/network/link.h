/* agent/network/link.h - interfaces of the host: what they are, making and removing. Blocking.
 * Asked through netlink, so that it is the caller's own network namespace, whatever /sys shows. */
#ifndef AGENT_NETWORK_LINK_H
#define AGENT_NETWORK_LINK_H

#include <stdbool.h>

#include "agent/network/names.h"

struct agent_link {
    int index;
    int master; /* index of the bridge it is a port of, 0 for none */
    char name[AGENT_IFNAME];
    char kind[16];   /* "bridge", "veth", …; "" for hardware */
    char alias[256]; /* what `ip link show` prints as alias */
};

/** Call @p each for every interface. @return 0 or errno */
EDGE_MUST_CHECK int agent_link_each(void (*each)(const struct agent_link *link, void *arg),
                                    void *arg, struct edge_err *err);
/** @return 0 or -ENODEV (without a text) when there is none of that name */
EDGE_MUST_CHECK int agent_link_find(const char *name, struct agent_link *ret, struct edge_err *err);

/** Make a bridge, down and without an address. */
EDGE_MUST_CHECK int agent_link_make_bridge(const char *name, struct edge_err *err);
EDGE_MUST_CHECK int agent_link_set_alias(const char *name, const char *alias, struct edge_err *err);
/** Success when there is none. */
EDGE_MUST_CHECK int agent_link_remove(const char *name, struct edge_err *err);

#endif
