/* agent/network/subnet.h - the network's IPv4 range. Pure; any thread. */
#ifndef AGENT_NETWORK_SUBNET_H
#define AGENT_NETWORK_SUBNET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

struct agent_subnet {
    uint32_t base; /* host byte order */
    uint32_t mask;
    unsigned bits;
    char text[20];    /* "172.30.0.0/16" */
    char gateway[16]; /* its first address, which the bridge has */
};

/** "172.30.0.0/16": a unicast network of /8 to /30 with no host bits set.
 * @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int agent_subnet_parse(const char *text, struct agent_subnet *ret,
                                       struct edge_err *err);

/** An address a module may have: neither network, gateway nor broadcast.
 * @param address  dotted text; false when it is none */
bool agent_subnet_holds_host(const struct agent_subnet *subnet, const char *address);
/** Do the two ranges share an address? Both in host byte order. */
bool agent_subnet_overlaps(const struct agent_subnet *subnet, uint32_t base, uint32_t mask);

#endif
