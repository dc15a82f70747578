/* agent/metrics/metrics.h - what the agent counts and measures, for Prometheus. Fed by calls; what
 * cannot be known is left out. Loop thread; agent_metrics_measure reads /proc, which does not
 * block. Names and labels: agent.md 9.1 of the behavioural inventory. */
#ifndef AGENT_METRICS_METRICS_H
#define AGENT_METRICS_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"

struct agent_metrics;

/** @param hub, device  labels of everything, copied; the instance is a new UUID
 * @return 0, -ENOMEM, EDGE_EUNAVAILABLE */
EDGE_MUST_CHECK int agent_metrics_create(const char *hub, const char *device,
                                         struct agent_metrics **ret);
struct agent_metrics *agent_metrics_destroy(struct agent_metrics *metrics);

/* Something has been done, not planned. @param version  of the deployment's module, or "" */
void agent_metrics_started(struct agent_metrics *metrics, const char *module, const char *version);
void agent_metrics_stopped(struct agent_metrics *metrics, const char *module, const char *version);
/** The twin was asked for, or reported to. */
void agent_metrics_synced(struct agent_metrics *metrics, bool ok);
void agent_metrics_method(struct agent_metrics *metrics, const char *name);

/** How a module is as of now; the time since the last word counts for what was said then.
 * @param expected  the deployment wants it up   @param running  it is */
void agent_metrics_module(struct agent_metrics *metrics, const char *module, bool expected,
                          bool running, int64_t now_ms);
/** Its figures by the kernel; negative: not known. Any of them cumulative as cgroup v2 tells. */
struct agent_metrics_usage {
    int64_t memory_bytes, memory_limit, pids, read_bytes, written_bytes;
};
void agent_metrics_usage(struct agent_metrics *metrics, const char *module,
                         const struct agent_metrics_usage *usage);
/** It has no place in the deployment any more: its series go. */
void agent_metrics_forget(struct agent_metrics *metrics, const char *module);
/** The host: uptime, memory, the disk of @p path. */
void agent_metrics_measure(struct agent_metrics *metrics, const char *path, int64_t now_ms);

/** The page at /metrics: "text/plain; version=0.0.4". @return as edge_buf_append */
EDGE_MUST_CHECK int agent_metrics_render(struct agent_metrics *metrics, int64_t now_ms,
                                         struct edge_buf *out);

#endif
