/* agent/cloudside/grants.h - identities for modules, from edge-securityd. For this room only; the
 * calls of the ops block: worker threads. */
#ifndef AGENT_CLOUDSIDE_GRANTS_H
#define AGENT_CLOUDSIDE_GRANTS_H

#include "agent/identity/identity.h"
#include "agent/supervisor/supervisor.h"

/** @param daemon  outlives the ops */
struct agent_identity_ops agent_grants(struct agent_identity_daemon *daemon);

#endif
