/* One blob from a registry into containerd. What has arrived stays in the ingest, so every further
 * try, of this life or another, asks only for the rest. containerd verifies the digest at the end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/image/backoff.h"
#include "agent/image/headers.h"
#include "agent/image/internal.h"

enum { CHUNK = 256 << 10 }; /* what goes to containerd at once; a message each way costs */

struct job {
    struct agent_run *run;
    const struct agent_manifest_blob *blob;
    struct agent_ctrd_ingest *ingest;
    struct edge_err *err;
    size_t place;
    struct edge_buf pending; /* received, not yet in the ingest */
    int64_t offset;          /* bytes that the ingest and pending have */
    int64_t skip;            /* bytes of this answer that we have already */
    int64_t counted;         /* in the progress */
    bool no_ingest;          /* containerd, not the registry, is what failed */
};

static const char *host(const struct job *job)
{
    return agent_session_place_host(job->run->session, job->place);
}

static bool has_next_place(const struct job *job)
{
    return job->place + 1 < agent_session_places(job->run->session);
}

static int wrong_size(struct job *job, int64_t size)
{
    return edge_fail(job->err, EDGE_EDIGEST,
                     "registry %s has %lld bytes where the manifest says %lld", host(job),
                     (long long) size, (long long) job->blob->size);
}

/* 206: from where, and of how much? */
static int check_range(struct job *job, const struct edge_http_response *response)
{
    const char *range = edge_http_response_header(response, "Content-Range");
    int64_t start = 0;
    int64_t total = -1;

    if (!range || agent_content_range_read(range, &start, &total) < 0 || start > job->offset)
        return edge_fail(job->err, EDGE_EPROTOCOL,
                         "registry %s answers 206 with a range that was not asked for", host(job));
    if (total >= 0 && total != job->blob->size)
        return wrong_size(job, total);
    job->skip = job->offset - start;
    return 0;
}

static int on_head(const struct edge_http_response *response, void *arg)
{
    struct job *job = arg;
    const char *length = edge_http_response_header(response, "Content-Length");
    int64_t size = length ? strtoll(length, NULL, 10) : job->blob->size;

    if (response->status == 206)
        return check_range(job, response);
    job->skip = job->offset; /* 200: all of it, whatever we asked for */
    return size == job->blob->size ? 0 : wrong_size(job, size);
}

static int flush(struct job *job)
{
    const struct edge_bytes data = {(const uint8_t *) job->pending.data, job->pending.len};
    int rc = data.len > 0 ? agent_ctrd_ingest_write(job->ingest, data, job->err) : 0;

    job->no_ingest = rc < 0;
    edge_buf_consume(&job->pending, job->pending.len);
    return rc;
}

static int on_body(struct edge_bytes data, void *arg)
{
    struct job *job = arg;
    int rc = 0;

    if ((int64_t) data.len <= job->skip) {
        job->skip -= (int64_t) data.len;
        return 0;
    }
    data.data += job->skip;
    data.len -= (size_t) job->skip;
    job->skip = 0;
    if ((int64_t) data.len > job->blob->size - job->offset)
        return wrong_size(job, job->offset + (int64_t) data.len);
    if (data.len > job->pending.max - job->pending.len)
        rc = flush(job);
    if (rc == 0)
        rc = edge_buf_append(&job->pending, data.data, data.len);
    if (rc < 0)
        return rc;
    job->offset += (int64_t) data.len;
    agent_progress_blob(&job->run->progress, job->offset, &job->counted);
    return 0;
}

static int start_over(struct job *job)
{
    int rc;

    edge_buf_consume(&job->pending, job->pending.len);
    rc = agent_ctrd_ingest_truncate(job->ingest, job->err);
    if (rc < 0) {
        job->no_ingest = true;
        return rc;
    }
    job->offset = 0;
    agent_progress_blob(&job->run->progress, 0, &job->counted);
    return 0;
}

static int no_range(struct job *job)
{
    int rc;

    if (job->offset == 0)
        return edge_fail(job->err, EDGE_EPROTOCOL, "registry %s answers 416 to a request for all",
                         host(job));
    rc = start_over(job);
    if (rc < 0)
        return rc;
    return edge_fail(job->err, EDGE_EUNAVAILABLE, "registry %s does not continue what it has begun",
                     host(job));
}

/* Ask once for what is missing. @return 0 when it is all in the ingest */
static int get_rest(struct job *job, int64_t *ret_asked_ms)
{
    EDGE_CLEANUP(edge_free) char *what = edge_format("blobs/%s", job->blob->digest);
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    const struct agent_session_get get = {
        .place = job->place,
        .what = what,
        .offset = job->offset,
        .on_head = on_head,
        .on_body = on_body,
        .arg = job,
    };
    int rc;

    if (!what)
        return edge_fail(job->err, -ENOMEM, "no memory for a URL");
    rc = agent_session_get(job->run->session, &get, &response, ret_asked_ms, job->err);
    if (rc == AGENT_SESSION_NO_RANGE)
        return no_range(job);
    if (!job->no_ingest && rc != EDGE_EDIGEST) {
        int flushed = flush(job); /* also of an answer that broke off */

        if (flushed < 0)
            return flushed;
    }
    if (rc == 0 && job->offset < job->blob->size)
        return wrong_size(job, job->offset);
    return rc;
}

/* Whether to ask again after @p rc, and where. */
static bool go_on(struct job *job, int rc, bool progress, int64_t asked_ms,
                  struct agent_backoff *backoff)
{
    if (job->no_ingest || rc == -ECANCELED || rc == -ENOMEM || rc == EDGE_EDIGEST ||
        edge_cancelled(job->run->stop))
        return false;
    if (progress)
        backoff->tries = 0;
    if (has_next_place(job) && !progress) {
        job->place++; /* the mirror does not have it or does not answer */
        return true;
    }
    return rc == EDGE_EUNAVAILABLE && agent_backoff_again(backoff, asked_ms, job->run->stop);
}

static int get_all(struct job *job)
{
    struct agent_backoff backoff = {0};

    while (job->offset < job->blob->size) {
        int64_t before = job->offset;
        int64_t asked_ms = -1;
        int rc = get_rest(job, &asked_ms);

        if (rc < 0 && !go_on(job, rc, job->offset > before, asked_ms, &backoff))
            return rc;
    }
    return 0;
}

static void choose_place(struct job *job)
{
    while (has_next_place(job) && agent_session_place_down(job->run->session, job->place))
        job->place++;
}

static int commit(struct job *job)
{
    int rc = agent_ctrd_ingest_commit(job->ingest, job->err);

    if (rc == EDGE_EDIGEST)
        return edge_wrap(job->err, rc, "what came from registry %s has another digest", host(job));
    return rc;
}

/* From what the ingest has to a committed blob. EDGE_EDIGEST leaves an empty ingest. */
static int bring(struct job *job)
{
    const struct agent_ctrd_descriptor blob = {job->blob->media_type, job->blob->digest,
                                               job->blob->size};
    int rc = agent_ingest_open(job->run, &blob, &job->ingest, &job->offset, job->err);

    edge_buf_consume(&job->pending, job->pending.len);
    if (rc == AGENT_CTRD_BLOB_EXISTS) {
        agent_progress_blob(&job->run->progress, job->blob->size, &job->counted);
        return 0;
    }
    if (rc < 0)
        return rc;
    choose_place(job);
    agent_progress_blob(&job->run->progress, job->offset, &job->counted);
    if (job->offset > job->blob->size)
        rc = start_over(job);
    if (rc == 0)
        rc = get_all(job);
    if (rc == 0)
        rc = commit(job);
    else if (rc == EDGE_EDIGEST)
        edge_ignore(agent_ctrd_ingest_truncate(job->ingest, NULL));
    job->ingest = agent_ctrd_ingest_close(job->ingest);
    return rc;
}

/* Bad content is asked for once more, from the start and at the registry itself: a power cut may
 * have spoilt what an earlier life left, or a mirror may be wrong. */
static int bring_twice(struct job *job)
{
    int rc = bring(job);

    if (rc != EDGE_EDIGEST)
        return rc;
    agent_progress_blob(&job->run->progress, 0, &job->counted);
    job->place = agent_session_places(job->run->session) - 1;
    job->offset = 0;
    return bring(job);
}

int agent_blob_bring(struct agent_run *run, const struct agent_manifest_blob *blob,
                     const char *what, struct edge_err *err)
{
    EDGE_CLEANUP(agent_flight_leave) struct agent_flight *flight = NULL;
    struct job job = {.run = run, .blob = blob, .err = err};
    int rc = agent_flight_enter(&run->images->flights, "blob", blob->digest, run->stop, &flight);

    if (rc < 0)
        return edge_fail(err, rc, "%s: %s", what, edge_strerror(rc));
    edge_buf_init(&job.pending, CHUNK);
    rc = bring_twice(&job);
    edge_buf_fini(&job.pending);
    return rc < 0 ? edge_wrap(err, rc, "%s (%.19s…)", what, blob->digest) : 0;
}
