#include <errno.h>
#include <stdlib.h>

#include "agent/containerd/call.h"
#include "agent/containerd/wire.h"
#include "common/base/clock.h"
#include "proto/containerd/leases.pb-c.h"

#define EXPIRE_LABEL "containerd.io/gc.expire"

static const ProtobufCServiceDescriptor *const service = &leases__leases__descriptor;

/* The caller's labels and the time of expiry behind them; borrows both. */
static struct agent_ctrd_label *with_expiry(const struct agent_ctrd_label *labels, size_t nlabels,
                                            const char *expire)
{
    struct agent_ctrd_label *all = calloc(nlabels + 1, sizeof *all);

    if (!all)
        return NULL;
    if (nlabels > 0)
        memcpy(all, labels, nlabels * sizeof *all);
    all[nlabels] = (struct agent_ctrd_label){EXPIRE_LABEL, expire};
    return all;
}

int agent_ctrd_lease_create(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                            const char *id, int expire_s, const struct agent_ctrd_label *labels,
                            size_t nlabels, struct edge_err *err)
{
    Leases__CreateRequest request = LEASES__CREATE_REQUEST__INIT;
    EDGE_CLEANUP(wire_labels_fini) struct wire_labels packed = {0};
    EDGE_CLEANUP(edge_free) struct agent_ctrd_label *all = NULL;
    char expire[EDGE_TIME_TEXT];
    int rc;

    edge_time_format(edge_wall_ns() + (int64_t) expire_s * 1000000000, expire);
    all = with_expiry(labels, nlabels, expire);
    if (!all)
        return edge_fail(err, -ENOMEM, "out of memory");
    rc = wire_labels_init(&packed, &leases__create_request__labels_entry__descriptor, all,
                          nlabels + 1, err);
    if (rc < 0)
        return rc;
    request.id = id;
    request.labels = wire_labels_list(&packed);
    request.n_labels = packed.len;
    return ctrd_unary(ctrd, call, service, "Create", &request.base, NULL, err);
}

static int delete_lease(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call, const char *id,
                        bool sync, struct edge_err *err)
{
    Leases__DeleteRequest request = LEASES__DELETE_REQUEST__INIT;
    int rc;

    request.id = id;
    request.sync = sync;
    rc = ctrd_unary(ctrd, call, service, "Delete", &request.base, NULL, err);
    return rc == -ENOENT ? 0 : rc;
}

int agent_ctrd_lease_delete(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                            const char *id, struct edge_err *err)
{
    return delete_lease(ctrd, call, id, false, err);
}

int agent_ctrd_lease_delete_sync(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                                 const char *id, struct edge_err *err)
{
    return delete_lease(ctrd, call, id, true, err);
}

int agent_ctrd_lease_list(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                          const char *key, const char *value, char ***ret, struct edge_err *err)
{
    Leases__ListRequest request = LEASES__LIST_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Leases__ListResponse *reply = NULL;
    EDGE_CLEANUP(edge_free) char *filter = wire_label_filter(key, value);
    const char *filters[] = {filter};
    char **ids;
    int rc;

    if (!filter)
        return edge_fail(err, -ENOMEM, "out of memory");
    request.filters = filters;
    request.n_filters = EDGE_ARRAY_LEN(filters);
    rc = ctrd_unary(ctrd, call, service, "List", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    ids = calloc(reply->n_leases + 1, sizeof *ids);
    for (size_t i = 0; ids && i < reply->n_leases; i++) {
        ids[i] = edge_strdup(reply->leases[i]->id);
        if (!ids[i])
            ids = agent_ctrd_strv_free(ids);
    }
    if (!ids)
        return edge_fail(err, -ENOMEM, "out of memory");
    *ret = ids;
    return 0;
}
