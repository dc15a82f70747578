/* agent/containerd/metrics.h - cgroup figures as containerd sends them. Pure. Internal. */
#ifndef AGENT_CONTAINERD_METRICS_H
#define AGENT_CONTAINERD_METRICS_H

#include "agent/containerd/tasks.h"
#include "proto/google/protobuf.pb-c.h"

/** @return 0, or EDGE_EPROTOCOL when @p data is neither cgroup version's or broken */
EDGE_MUST_CHECK int metrics_decode(const Google__Any *data, struct agent_ctrd_metrics *ret);

#endif
