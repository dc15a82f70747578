/* agent/cloudside/figures.h - what Prometheus is told: the list as it changes becomes counts and
 * times, served at /metrics. For this room only; loop thread. Costs nothing while nobody asks but a
 * look at each change. */
#ifndef AGENT_CLOUDSIDE_FIGURES_H
#define AGENT_CLOUDSIDE_FIGURES_H

#include "agent/cloud/cloud.h"
#include "agent/config/config.h"
#include "common/json/json.h"

struct side_figures;

/** Serve at config->listen.metrics_uri. An address that is taken is a warning: modules need no
 * figures.
 * @return NULL when metrics are off, or cannot be had */
struct side_figures *side_figures_open(struct edge_loop *loop, const struct agent_config *config);
struct side_figures *side_figures_close(struct side_figures *figures);

/* All accept NULL. */
/** Who we are; from the first call on there is something to serve. */
void side_figures_device(struct side_figures *figures, const struct agent_device *device);
/** The supervisor's list as of now. */
void side_figures_list(struct side_figures *figures, const struct edge_json *list);
void side_figures_synced(struct side_figures *figures, bool ok);
/** For agent_methods_config.on_call. */
void side_figures_called(const char *name, void *figures);

#endif
