/* agent/network/names.h - which words may reach a hosts file, a rule, a path or the kernel.
 * Pure; any thread. */
#ifndef AGENT_NETWORK_NAMES_H
#define AGENT_NETWORK_NAMES_H

#include <stdbool.h>

#include "common/base/err.h"

#define AGENT_IFNAME 16 /* an interface's name with its NUL */

enum {
    AGENT_ID_MAX = 128,
    AGENT_HOST_MAX = 253,
};

/** A container id: letters, digits and "_.-" after a first letter or digit. Safe as a file name. */
bool agent_id_ok(const char *id);
/** A host name or alias: letters, digits, "_", "-" and "."; nothing that a hosts file could read as
 * two words. */
bool agent_host_ok(const char *name);
/** A resolver option such as "ndots:2". */
bool agent_resolv_option_ok(const char *option);
/** An IPv4 or IPv6 address in its usual text. */
bool agent_address_ok(const char *text);
bool agent_ipv4_ok(const char *text);
/** "02:11:22:33:44:55", of one interface (not a group address). */
bool agent_mac_ok(const char *text);
/** What the kernel takes as an interface's name, and a rule can quote. */
bool agent_ifname_ok(const char *name);

/** The network's name, as config.yaml has it. @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int agent_network_name_check(const char *name, struct edge_err *err);
/** The bridge of a checked network name: the name itself when it can be an interface's, else "br-"
 * and 12 hex digits of its hash. */
void agent_bridge_name(const char *network, char ret[AGENT_IFNAME]);

#endif
