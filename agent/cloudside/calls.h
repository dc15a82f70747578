/* agent/cloudside/calls.h - direct methods between the link, which brings them, and agent/methods,
 * which knows them. For this room only; loop thread. */
#ifndef AGENT_CLOUDSIDE_CALLS_H
#define AGENT_CLOUDSIDE_CALLS_H

#include "agent/cloud/cloud.h"
#include "agent/cloudside/figures.h"
#include "agent/config/config.h"
#include "agent/methods/methods.h"

struct side_calls {
    struct edge_loop *loop;
    const struct agent_config *config;
    struct agent_methods_ops ops;
    const char *edgectl;
    struct side_figures *figures; /* or NULL */
    const char *check[6];         /* edgectl's arguments */
    struct agent_methods_program programs[6];
    struct agent_methods
        *methods; /* NULL until the first call: names of blobs begin with the device's */
};

/** Answer @p call, now or later. */
void side_calls_answer(struct side_calls *calls, const struct agent_device *device,
                       struct agent_cloud_call *call, const char *name,
                       const struct edge_json *payload);
/** What is still open is answered. */
void side_calls_end(struct side_calls *calls);

#endif
