#include <errno.h>

#include "agent/containerd/call.h"
#include "agent/containerd/content.h"
#include "agent/containerd/wire.h"
#include "proto/containerd/diff.pb-c.h"

int agent_ctrd_diff_apply(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                          const struct agent_ctrd_descriptor *layer,
                          const struct agent_ctrd_mounts *mounts, char **ret_diff_id,
                          struct edge_err *err)
{
    Diff__ApplyRequest request = DIFF__APPLY_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Diff__ApplyResponse *reply = NULL;
    EDGE_CLEANUP(wire_mounts_fini) struct wire_mounts packed = {0};
    Types__Descriptor descriptor = TYPES__DESCRIPTOR__INIT;
    char *diff_id;
    int rc;

    rc = wire_mounts_init(&packed, mounts, err);
    if (rc < 0)
        return rc;
    descriptor.media_type = layer->media_type;
    descriptor.digest = layer->digest;
    descriptor.size = layer->size;
    request.diff = &descriptor;
    request.mounts = packed.list;
    request.n_mounts = packed.len;
    rc = ctrd_unary(ctrd, call, &diff__diff__descriptor, "Apply", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    if (!reply->applied)
        return edge_fail(err, EDGE_EPROTOCOL, "containerd: no diff id for layer %s", layer->digest);
    diff_id = edge_strdup(reply->applied->digest);
    if (!diff_id)
        return edge_fail(err, -ENOMEM, "out of memory");
    *ret_diff_id = diff_id;
    return 0;
}
