#include <errno.h>
#include <stdlib.h>

#include "agent/containerd/call.h"
#include "agent/containerd/content.h"
#include "proto/containerd/content.pb-c.h"

enum { CHUNK = 1024 * 1024 };

struct agent_ctrd_ingest {
    struct agent_ctrd *ctrd;
    struct ctrd_stream stream;
    struct agent_ctrd_call call; /* for the abort; owns its cancel and lease */
    char *lease;
    char *ref;
    char *digest;
    int64_t total;
    int64_t offset;
    bool broken; /* the stream has ended */
};

struct agent_ctrd_ingest *agent_ctrd_ingest_close(struct agent_ctrd_ingest *ingest)
{
    if (!ingest)
        return NULL;
    /* A proper end gives the ref free before this returns; a cancelled call only some time later.
     */
    if (ingest->stream.stream && !ingest->broken && !edge_cancelled(ingest->call.cancel)) {
        ctrd_stream_half_close(&ingest->stream);
        (void) ctrd_stream_finish(&ingest->stream, NULL);
    }
    ctrd_stream_close(&ingest->stream);
    edge_cancel_unref(ingest->call.cancel);
    free(ingest->lease);
    free(ingest->ref);
    free(ingest->digest);
    free(ingest);
    return NULL;
}

static Content__WriteContentRequest message(const struct agent_ctrd_ingest *ingest,
                                            Content__WriteAction action)
{
    Content__WriteContentRequest request = CONTENT__WRITE_CONTENT_REQUEST__INIT;

    request.action = action;
    request.ref = ingest->ref;
    request.expected = ingest->digest;
    request.total = ingest->total;
    request.offset = ingest->offset;
    return request;
}

/* One message there, one back. @return 0 with the offset containerd has reached, or the failure */
static int exchange(struct agent_ctrd_ingest *ingest, const Content__WriteContentRequest *request,
                    int64_t *ret_offset, struct edge_err *err)
{
    EDGE_CLEANUP(pb_free) Content__WriteContentResponse *reply = NULL;
    int rc;

    if (ingest->broken)
        return edge_fail(err, EDGE_EUNAVAILABLE, "upload %s has broken off", ingest->ref);
    rc = ctrd_stream_send(&ingest->stream, &request->base, err);
    if (rc == 0)
        rc = ctrd_stream_recv(&ingest->stream, -1, &reply, err);
    if (rc == 0) {
        *ret_offset = reply->offset;
        return 0;
    }
    ingest->broken = true;
    return rc < 0 ? rc : edge_fail(err, EDGE_EPROTOCOL, "containerd ended upload %s", ingest->ref);
}

static int create(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call, const char *ref,
                  const struct agent_ctrd_descriptor *blob, struct agent_ctrd_ingest **ret)
{
    struct agent_ctrd_ingest *ingest = calloc(1, sizeof *ingest);

    if (!ingest)
        return -ENOMEM;
    ingest->ctrd = ctrd;
    ingest->ref = edge_strdup(ref);
    ingest->digest = edge_strdup(blob->digest);
    ingest->total = blob->size;
    if (call) {
        ingest->lease = edge_strdup(call->lease);
        ingest->call = *call;
        ingest->call.lease = ingest->lease;
        ingest->call.cancel = edge_cancel_ref(call->cancel);
    }
    if (!ingest->ref || !ingest->digest || (call && call->lease && !ingest->lease)) {
        agent_ctrd_ingest_close(ingest);
        return -ENOMEM;
    }
    *ret = ingest;
    return 0;
}

int agent_ctrd_ingest_open(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                           const char *ref, const struct agent_ctrd_descriptor *blob,
                           struct agent_ctrd_ingest **ret, int64_t *ret_offset,
                           struct edge_err *err)
{
    EDGE_CLEANUP(agent_ctrd_ingest_close) struct agent_ctrd_ingest *ingest = NULL;
    Content__WriteContentRequest request;
    int rc;

    if (create(ctrd, call, ref, blob, &ingest) < 0)
        return edge_fail(err, -ENOMEM, "out of memory");
    rc = ctrd_stream_open(ctrd, &ingest->call, &content__content__descriptor, "Write",
                          &ingest->stream, err);
    if (rc < 0)
        return rc;

    request = message(ingest, CONTENT__WRITE_ACTION__STAT);
    rc = exchange(ingest, &request, &ingest->offset, err);
    if (rc == -EEXIST)
        return AGENT_CTRD_BLOB_EXISTS;
    if (rc < 0)
        return rc;
    *ret_offset = ingest->offset;
    *ret = EDGE_TAKE(ingest);
    return 0;
}

static int write_chunk(struct agent_ctrd_ingest *ingest, struct edge_bytes data,
                       struct edge_err *err)
{
    Content__WriteContentRequest request = message(ingest, CONTENT__WRITE_ACTION__WRITE);
    int64_t want = ingest->offset + (int64_t) data.len;
    int64_t got = 0;
    int rc;

    request.data = (ProtobufCBinaryData){data.len, (uint8_t *) (uintptr_t) data.data};
    rc = exchange(ingest, &request, &got, err);
    if (rc < 0)
        return rc;
    if (got != want)
        return edge_fail(err, EDGE_EPROTOCOL,
                         "containerd has %lld bytes of upload %s where %lld were sent",
                         (long long) got, ingest->ref, (long long) want);
    ingest->offset = want;
    return 0;
}

int agent_ctrd_ingest_write(struct agent_ctrd_ingest *ingest, struct edge_bytes data,
                            struct edge_err *err)
{
    while (data.len > 0) {
        struct edge_bytes chunk = {data.data, data.len < CHUNK ? data.len : CHUNK};
        int rc = write_chunk(ingest, chunk, err);

        if (rc < 0)
            return rc;
        data.data += chunk.len;
        data.len -= chunk.len;
    }
    return 0;
}

/* A write at 0 cuts what lies behind. */
int agent_ctrd_ingest_truncate(struct agent_ctrd_ingest *ingest, struct edge_err *err)
{
    ingest->offset = 0;
    return write_chunk(ingest, (struct edge_bytes){0}, err);
}

/* The ingest outlives a refused commit. It goes in any case: failing that is no news. */
static void abort_quietly(struct agent_ctrd_ingest *ingest)
{
    ctrd_stream_close(&ingest->stream);
    edge_ignore(agent_ctrd_ingest_abort(ingest->ctrd, &ingest->call, ingest->ref, NULL));
}

int agent_ctrd_ingest_commit(struct agent_ctrd_ingest *ingest, struct edge_err *err)
{
    Content__WriteContentRequest request = message(ingest, CONTENT__WRITE_ACTION__COMMIT);
    int64_t offset;
    int rc = exchange(ingest, &request, &offset, err);

    if (rc == 0) {
        ingest->broken = true;
        return ctrd_stream_finish(&ingest->stream, err);
    }
    if (rc == -EEXIST || rc == EDGE_ECONFLICT)
        abort_quietly(ingest);
    if (rc == -EEXIST)
        return 0;
    if (rc != EDGE_ECONFLICT)
        return rc;
    if (err)
        err->code = EDGE_EDIGEST;
    return EDGE_EDIGEST;
}
