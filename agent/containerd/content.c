#include "agent/containerd/content.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/containerd/call.h"
#include "agent/containerd/wire.h"
#include "proto/containerd/content.pb-c.h"

static const ProtobufCServiceDescriptor *const service = &content__content__descriptor;

int agent_ctrd_blob_size(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                         const char *digest, int64_t *ret_size, struct edge_err *err)
{
    Content__InfoRequest request = CONTENT__INFO_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Content__InfoResponse *reply = NULL;
    int rc;

    request.digest = digest;
    rc = ctrd_unary(ctrd, call, service, "Info", &request.base, &reply, err);
    if (rc < 0)
        return rc;
    if (!reply->info)
        return edge_fail(err, EDGE_EPROTOCOL, "containerd: blob %s came back empty", digest);
    *ret_size = reply->info->size;
    return 0;
}

static int read_some(struct ctrd_stream *s, struct edge_buf *buf, const char *digest,
                     struct edge_err *err)
{
    EDGE_CLEANUP(pb_free) Content__ReadContentResponse *reply = NULL;
    int rc = ctrd_stream_recv(s, -1, &reply, err);

    if (rc != 0)
        return rc;
    rc = edge_buf_append(buf, reply->data.data, reply->data.len);
    if (rc < 0)
        return edge_fail(err, rc, "blob %s is larger than %zu bytes", digest, buf->max);
    return 0;
}

int agent_ctrd_blob_read(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                         const char *digest, struct edge_buf *buf, struct edge_err *err)
{
    Content__ReadContentRequest request = CONTENT__READ_CONTENT_REQUEST__INIT;
    EDGE_CLEANUP(ctrd_stream_close) struct ctrd_stream s = {0};
    int rc;

    request.digest = digest;
    rc = ctrd_stream_open(ctrd, call, service, "Read", &s, err);
    if (rc == 0)
        rc = ctrd_stream_send(&s, &request.base, err);
    if (rc < 0)
        return rc;
    ctrd_stream_half_close(&s);
    while (rc == 0)
        rc = read_some(&s, buf, digest, err);
    return rc == CTRD_END ? 0 : rc;
}

int agent_ctrd_blob_label(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                          const char *digest, const struct agent_ctrd_label *labels, size_t nlabels,
                          struct edge_err *err)
{
    Content__UpdateRequest request = CONTENT__UPDATE_REQUEST__INIT;
    Content__Info info = CONTENT__INFO__INIT;
    EDGE_CLEANUP(wire_labels_fini) struct wire_labels packed = {0};
    EDGE_CLEANUP(wire_mask_fini) struct wire_mask mask = {0};
    int rc;

    rc = wire_labels_init(&packed, &content__info__labels_entry__descriptor, labels, nlabels, err);
    if (rc == 0)
        rc = wire_mask_init(&mask, NULL, labels, nlabels, err);
    if (rc < 0 || nlabels == 0)
        return rc;
    info.digest = digest;
    info.labels = wire_labels_list(&packed);
    info.n_labels = packed.len;
    request.info = &info;
    request.update_mask = &mask.mask;
    return ctrd_unary(ctrd, call, service, "Update", &request.base, NULL, err);
}

int agent_ctrd_ingest_abort(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                            const char *ref, struct edge_err *err)
{
    Content__AbortRequest request = CONTENT__ABORT_REQUEST__INIT;
    int rc;

    request.ref = ref;
    rc = ctrd_unary(ctrd, call, service, "Abort", &request.base, NULL, err);
    return rc == -ENOENT ? 0 : rc;
}

/* containerd's own filter for refs is a regular expression; a comparison here needs no quoting. */
static int copy_refs(const Content__ListStatusesResponse *reply, const char *prefix, char ***ret,
                     struct edge_err *err)
{
    char **refs = calloc(reply->n_statuses + 1, sizeof *refs);
    size_t n = 0;

    if (!refs)
        return edge_fail(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < reply->n_statuses; i++) {
        if (strncmp(reply->statuses[i]->ref, prefix, strlen(prefix)) != 0)
            continue;
        refs[n] = edge_strdup(reply->statuses[i]->ref);
        if (!refs[n++]) {
            agent_ctrd_strv_free(refs);
            return edge_fail(err, -ENOMEM, "out of memory");
        }
    }
    *ret = refs;
    return 0;
}

int agent_ctrd_ingest_list(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                           const char *prefix, char ***ret, struct edge_err *err)
{
    Content__ListStatusesRequest request = CONTENT__LIST_STATUSES_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Content__ListStatusesResponse *reply = NULL;
    int rc = ctrd_unary(ctrd, call, service, "ListStatuses", &request.base, &reply, err);

    if (rc < 0)
        return rc;
    return copy_refs(reply, prefix, ret, err);
}
