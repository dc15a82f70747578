#include <errno.h>

#include "agent/containerd/call.h"
#include "agent/containerd/content.h"
#include "agent/containerd/wire.h"
#include "proto/containerd/snapshots.pb-c.h"

static const ProtobufCServiceDescriptor *const service = &snapshots__snapshots__descriptor;

int agent_ctrd_snapshot_stat(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                             const char *snapshotter, const char *key, struct edge_err *err)
{
    Snapshots__StatSnapshotRequest request = SNAPSHOTS__STAT_SNAPSHOT_REQUEST__INIT;

    request.snapshotter = snapshotter;
    request.key = key;
    return ctrd_unary(ctrd, call, service, "Stat", &request.base, NULL, err);
}

int agent_ctrd_snapshot_prepare(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                                const char *snapshotter, const char *key, const char *parent,
                                const struct agent_ctrd_label *labels, size_t nlabels,
                                struct agent_ctrd_mounts *ret, struct edge_err *err)
{
    Snapshots__PrepareSnapshotRequest request = SNAPSHOTS__PREPARE_SNAPSHOT_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Snapshots__PrepareSnapshotResponse *reply = NULL;
    EDGE_CLEANUP(wire_labels_fini) struct wire_labels packed = {0};
    int rc;

    rc = wire_labels_init(&packed, &snapshots__prepare_snapshot_request__labels_entry__descriptor,
                          labels, nlabels, err);
    if (rc < 0)
        return rc;
    request.snapshotter = snapshotter;
    request.key = key;
    request.parent = parent;
    request.labels = wire_labels_list(&packed);
    request.n_labels = packed.len;
    rc = ctrd_unary(ctrd, call, service, "Prepare", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    return wire_mounts_copy(reply->mounts, reply->n_mounts, ret, err);
}

int agent_ctrd_snapshot_mounts(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                               const char *snapshotter, const char *key,
                               struct agent_ctrd_mounts *ret, struct edge_err *err)
{
    Snapshots__MountsRequest request = SNAPSHOTS__MOUNTS_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Snapshots__MountsResponse *reply = NULL;
    int rc;

    request.snapshotter = snapshotter;
    request.key = key;
    rc = ctrd_unary(ctrd, call, service, "Mounts", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    return wire_mounts_copy(reply->mounts, reply->n_mounts, ret, err);
}

int agent_ctrd_snapshot_commit(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                               const char *snapshotter, const char *key, const char *name,
                               const struct agent_ctrd_label *labels, size_t nlabels,
                               struct edge_err *err)
{
    Snapshots__CommitSnapshotRequest request = SNAPSHOTS__COMMIT_SNAPSHOT_REQUEST__INIT;
    EDGE_CLEANUP(wire_labels_fini) struct wire_labels packed = {0};
    int rc;

    rc = wire_labels_init(&packed, &snapshots__commit_snapshot_request__labels_entry__descriptor,
                          labels, nlabels, err);
    if (rc < 0)
        return rc;
    request.snapshotter = snapshotter;
    request.key = key;
    request.name = name;
    request.labels = wire_labels_list(&packed);
    request.n_labels = packed.len;
    return ctrd_unary(ctrd, call, service, "Commit", &request.base, NULL, err);
}

int agent_ctrd_snapshot_remove(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                               const char *snapshotter, const char *key, struct edge_err *err)
{
    Snapshots__RemoveSnapshotRequest request = SNAPSHOTS__REMOVE_SNAPSHOT_REQUEST__INIT;
    int rc;

    request.snapshotter = snapshotter;
    request.key = key;
    rc = ctrd_unary(ctrd, call, service, "Remove", &request.base, NULL, err);
    return rc == -ENOENT ? 0 : rc;
}
