/* agent/cloudside/cloudside.h - the agent where the cloud drives it: what the supervisor, the
 * source and the link to IoT Hub have to do with each other. Wiring; loop thread. Not there at all
 * with provisioning.source `file`. */
#ifndef AGENT_CLOUDSIDE_CLOUDSIDE_H
#define AGENT_CLOUDSIDE_CLOUDSIDE_H

#include "agent/config/config.h"
#include "agent/methods/methods.h"
#include "agent/source/outcome.h"
#include "agent/source/source.h"
#include "agent/supervisor/supervisor.h"
#include "common/loop/loop.h"

struct agent_cloudside;

/** @param config  outlives it */
EDGE_MUST_CHECK int agent_cloudside_create(struct edge_loop *loop,
                                           const struct agent_config *config,
                                           struct agent_cloudside **ret, struct edge_err *err);
/** Identities, for the supervisor that is to be made; they live as long as this object. */
const struct agent_identity_ops *agent_cloudside_identities(const struct agent_cloudside *side);

/** What direct methods act on. */
struct agent_cloudside_methods {
    struct agent_methods_ops ops;
    const char *edgectl; /* path of the program, for support bundles; outlives the cloudside */
};
/** Connect. Both live until agent_cloudside_stop. @param methods  copied */
EDGE_MUST_CHECK int agent_cloudside_start(struct agent_cloudside *side,
                                          struct agent_supervisor *sup, struct agent_source *source,
                                          const struct agent_cloudside_methods *methods,
                                          struct edge_err *err);
/** The supervisor's list or the source's status may read differently: report it. */
void agent_cloudside_changed(struct agent_cloudside *side);
/** What has come of the deployment; borrowed. */
const struct agent_outcome *agent_cloudside_outcome(struct agent_cloudside *side);

/** Tell what waits, disconnect, break off what is being asked. Before the supervisor goes. */
void agent_cloudside_stop(struct agent_cloudside *side);
/** After the supervisor and the loop have gone. Accepts NULL; returns NULL. */
struct agent_cloudside *agent_cloudside_destroy(struct agent_cloudside *side);

#endif
