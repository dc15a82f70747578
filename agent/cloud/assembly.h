/* agent/cloud/assembly.h - the cloud link put together from given parts: agent_cloud_open gives it
 * the tunnel and edge-securityd, tests give it a broker and short times. Loop thread. */
#ifndef AGENT_CLOUD_ASSEMBLY_H
#define AGENT_CLOUD_ASSEMBLY_H

#include "agent/cloud/cloud.h"
#include "agent/cloud/link.h"
#include "agent/cloud/twin.h"

struct agent_cloud_parts {
    struct agent_link_config link; /* ops, via and times; the rest is filled in */
    struct agent_twin_config twin; /* times; the rest is filled in */
    /** Lets go of link.via; may be NULL. */
    void (*close)(void *via);
};

EDGE_MUST_CHECK int agent_cloud_assemble(const struct agent_cloud_config *config,
                                         const struct agent_cloud_parts *parts,
                                         struct agent_cloud **ret, struct edge_err *err);

#endif
