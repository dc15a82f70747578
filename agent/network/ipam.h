/* agent/network/ipam.h - host-local's reservations: one file an address, its first line the CNI id
 * that holds it. Blocking. */
#ifndef AGENT_NETWORK_IPAM_H
#define AGENT_NETWORK_IPAM_H

#include <stdbool.h>

#include "common/base/err.h"

/** Remove the reservations in @p dir for whose CNI id @p keep says no; also torn ones. An absent
 * folder holds none. */
EDGE_MUST_CHECK int agent_ipam_sweep(const char *dir, bool (*keep)(const char *cni_id, void *arg),
                                     void *arg, struct edge_err *err);

#endif
