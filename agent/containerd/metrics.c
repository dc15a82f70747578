#include "agent/containerd/metrics.h"

#include <errno.h>

#include "agent/containerd/call.h"
#include "agent/containerd/wire.h"
#include "proto/containerd/cgroups_v1.pb-c.h"
#include "proto/containerd/cgroups_v2.pb-c.h"
#include "proto/containerd/tasks.pb-c.h"

/* cgroup v1 writes "no limit" as the largest int64 rounded down to whole pages, of up to 64 KiB. */
static uint64_t limit_of(uint64_t limit)
{
    return limit >= (uint64_t) INT64_MAX - 0xffff ? UINT64_MAX : limit;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static void from_v1(const CgroupsV1__Metrics *m, struct agent_ctrd_metrics *ret)
{
    if (m->memory && m->memory->usage) {
        ret->memory_bytes = less(m->memory->usage->usage, m->memory->total_inactive_file);
        ret->memory_limit = limit_of(m->memory->usage->limit);
    }
    if (m->memory_oom_control)
        ret->oom_kills = m->memory_oom_control->oom_kill;
    if (m->cpu && m->cpu->usage)
        ret->cpu_ns = m->cpu->usage->total;
    if (m->pids)
        ret->pids = m->pids->current;
}

static void from_v2(const CgroupsV2__Metrics *m, struct agent_ctrd_metrics *ret)
{
    if (m->memory) {
        ret->memory_bytes = less(m->memory->usage, m->memory->inactive_file);
        ret->memory_limit = limit_of(m->memory->usage_limit);
    }
    if (m->memory_events)
        ret->oom_kills = m->memory_events->oom_kill;
    if (m->cpu)
        ret->cpu_ns = m->cpu->usage_usec * 1000;
    if (m->pids)
        ret->pids = m->pids->current;
}

int metrics_decode(const Google__Any *data, struct agent_ctrd_metrics *ret)
{
    EDGE_CLEANUP(pb_free)
    CgroupsV1__Metrics *v1 = wire_any_unpack(data, &cgroups_v1__metrics__descriptor);
    EDGE_CLEANUP(pb_free)
    CgroupsV2__Metrics *v2 = wire_any_unpack(data, &cgroups_v2__metrics__descriptor);

    if (!v1 && !v2)
        return EDGE_EPROTOCOL;
    *ret = (struct agent_ctrd_metrics){.memory_limit = UINT64_MAX};
    if (v1)
        from_v1(v1, ret);
    else
        from_v2(v2, ret);
    return 0;
}

int agent_ctrd_task_metrics(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                            const char *id, struct agent_ctrd_metrics *ret, struct edge_err *err)
{
    Tasks__MetricsRequest request = TASKS__METRICS_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Tasks__MetricsResponse *reply = NULL;
    EDGE_CLEANUP(edge_free) char *filter = wire_field_filter("id", id);
    const char *filters[] = {filter};
    int rc;

    if (!filter)
        return edge_fail(err, -ENOMEM, "out of memory");
    request.filters = filters;
    request.n_filters = EDGE_ARRAY_LEN(filters);
    rc = ctrd_unary(ctrd, call, &tasks__tasks__descriptor, "Metrics", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    if (reply->n_metrics == 0)
        return edge_fail(err, -ENOENT, "containerd at %s has no metrics of task %s", ctrd->uri, id);
    rc = metrics_decode(reply->metrics[0]->data, ret);
    if (rc < 0)
        return edge_fail(err, rc, "containerd: metrics of task %s are of an unknown kind", id);
    return 0;
}
