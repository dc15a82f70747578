/* agent/metrics/registry.h - named figures with labels, written as Prometheus reads them. Bounded.
 * Pure; one thread. Source: Prometheus' text exposition format 0.0.4. */
#ifndef AGENT_METRICS_REGISTRY_H
#define AGENT_METRICS_REGISTRY_H

#include "common/base/bytes.h"

enum { METRICS_SERIES_MAX = 4096 };

struct metrics_label {
    const char *name;
    const char *value; /* any UTF-8 text */
};

/** Series of one name stand together; the caller passes the same family each time. */
struct metrics_family {
    const char *name;
    const char *type; /* "counter", "gauge" */
    const char *help; /* one line */
};

struct metrics_registry;

/** @param common  on every series, copied, a NULL name at the end */
struct metrics_registry *metrics_registry_create(const struct metrics_label *common);
struct metrics_registry *metrics_registry_destroy(struct metrics_registry *registry);

/** @param family  borrowed for good   @param labels  copied, a NULL name at the end
 * @return 0, EDGE_ELIMIT (a new series beyond METRICS_SERIES_MAX, left out), -ENOMEM */
int metrics_set(struct metrics_registry *registry, const struct metrics_family *family,
                const struct metrics_label *labels, double value);
int metrics_add(struct metrics_registry *registry, const struct metrics_family *family,
                const struct metrics_label *labels, double by);
/** Take away every series that has this label: a module has gone. */
void metrics_forget(struct metrics_registry *registry, const char *label, const char *value);
/** In the order of first use. @return as edge_buf_append */
EDGE_MUST_CHECK int metrics_render(const struct metrics_registry *registry, struct edge_buf *out);

#endif
