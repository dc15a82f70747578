/* agent/containerd/content.h - the content store, image records, snapshots and layer unpacking.
 * Rules of agent/containerd/client.h hold.
 *
 * What nothing refers to is collected at any time: blobs are uploaded, and snapshots prepared and
 * committed, under a lease (agent_ctrd_call.lease) or with the label containerd.io/gc.root, until
 * an image or container record refers to them. */
#ifndef AGENT_CONTAINERD_CONTENT_H
#define AGENT_CONTAINERD_CONTENT_H

#include <stdbool.h>

#include "agent/containerd/client.h"
#include "common/base/bytes.h"

/** Size of a committed blob. @return -ENOENT when there is none */
EDGE_MUST_CHECK int agent_ctrd_blob_size(struct agent_ctrd *ctrd,
                                         const struct agent_ctrd_call *call, const char *digest,
                                         int64_t *ret_size, struct edge_err *err);
/** Read a whole blob (a manifest, a config) into @p buf, whose ceiling is the limit. */
EDGE_MUST_CHECK int agent_ctrd_blob_read(struct agent_ctrd *ctrd,
                                         const struct agent_ctrd_call *call, const char *digest,
                                         struct edge_buf *buf, struct edge_err *err);
/** Set labels of a blob; an empty value removes the label; others stay. */
EDGE_MUST_CHECK int agent_ctrd_blob_label(struct agent_ctrd *ctrd,
                                          const struct agent_ctrd_call *call, const char *digest,
                                          const struct agent_ctrd_label *labels, size_t nlabels,
                                          struct edge_err *err);

/** One upload: a stream that belongs to one thread. */
struct agent_ctrd_ingest;
enum { AGENT_CTRD_BLOB_EXISTS = 1 };
/**
 * Open or resume the ingest @p ref for a blob.
 * @param call  its timeout is for each message, not for the upload; its lease is copied, its
 * cancel kept until the close
 * @param ret_offset  bytes that an earlier attempt has left in it: go on from there
 * @return 0, AGENT_CTRD_BLOB_EXISTS (nothing to do; @p ret untouched), EDGE_EUNAVAILABLE when
 * another writer holds the ref
 */
EDGE_MUST_CHECK int agent_ctrd_ingest_open(struct agent_ctrd *ctrd,
                                           const struct agent_ctrd_call *call, const char *ref,
                                           const struct agent_ctrd_descriptor *blob,
                                           struct agent_ctrd_ingest **ret, int64_t *ret_offset,
                                           struct edge_err *err);
/** Append at the current offset. Cut into messages of at most 1 MiB. */
EDGE_MUST_CHECK int agent_ctrd_ingest_write(struct agent_ctrd_ingest *ingest,
                                            struct edge_bytes data, struct edge_err *err);
/** Start over at offset 0: what arrived so far was bad. */
EDGE_MUST_CHECK int agent_ctrd_ingest_truncate(struct agent_ctrd_ingest *ingest,
                                               struct edge_err *err);
/** containerd verifies size and digest and commits. @return 0 (also when the blob has meanwhile
 * come from elsewhere) or EDGE_EDIGEST: the ingest has been aborted, its bytes are gone */
EDGE_MUST_CHECK int agent_ctrd_ingest_commit(struct agent_ctrd_ingest *ingest,
                                             struct edge_err *err);
/** Without a commit the bytes stay for a later attempt. Accepts NULL; returns NULL. */
struct agent_ctrd_ingest *agent_ctrd_ingest_close(struct agent_ctrd_ingest *ingest);
EDGE_DEFINE_CLEANUP(struct agent_ctrd_ingest *, agent_ctrd_ingest_close)
/** Throw an ingest's bytes away; success when absent. */
EDGE_MUST_CHECK int agent_ctrd_ingest_abort(struct agent_ctrd *ctrd,
                                            const struct agent_ctrd_call *call, const char *ref,
                                            struct edge_err *err);
/** Refs of the ingests whose ref starts with @p prefix. */
EDGE_MUST_CHECK int agent_ctrd_ingest_list(struct agent_ctrd *ctrd,
                                           const struct agent_ctrd_call *call, const char *prefix,
                                           char ***ret, struct edge_err *err);

/** An image record: a name for a manifest. */
struct agent_ctrd_image {
    char *name;
    char *media_type;
    char *digest;
    int64_t size;
    char **labels; /* key, value, key, value …, NULL at the end */
};
void agent_ctrd_image_fini(struct agent_ctrd_image *image);
EDGE_MUST_CHECK int agent_ctrd_image_get(struct agent_ctrd *ctrd,
                                         const struct agent_ctrd_call *call, const char *name,
                                         struct agent_ctrd_image *ret, struct edge_err *err);
/** Create the record, or point an existing one at @p target. */
EDGE_MUST_CHECK int agent_ctrd_image_put(struct agent_ctrd *ctrd,
                                         const struct agent_ctrd_call *call, const char *name,
                                         const struct agent_ctrd_descriptor *target,
                                         const struct agent_ctrd_label *labels, size_t nlabels,
                                         struct edge_err *err);
/** @param sync  return after the garbage collection; success when absent */
EDGE_MUST_CHECK int agent_ctrd_image_delete(struct agent_ctrd *ctrd,
                                            const struct agent_ctrd_call *call, const char *name,
                                            bool sync, struct edge_err *err);
/** All records; @p ret is an array of @p ret_len, free with agent_ctrd_images_free. */
EDGE_MUST_CHECK int agent_ctrd_image_list(struct agent_ctrd *ctrd,
                                          const struct agent_ctrd_call *call,
                                          struct agent_ctrd_image **ret, size_t *ret_len,
                                          struct edge_err *err);
struct agent_ctrd_image *agent_ctrd_images_free(struct agent_ctrd_image *images, size_t len);

/** @return 0 when a snapshot (active or committed) of that key exists, -ENOENT when not */
EDGE_MUST_CHECK int agent_ctrd_snapshot_stat(struct agent_ctrd *ctrd,
                                             const struct agent_ctrd_call *call,
                                             const char *snapshotter, const char *key,
                                             struct edge_err *err);
/** A writable snapshot @p key on top of @p parent ("" for none). @return -EEXIST when it is there
 */
EDGE_MUST_CHECK int
agent_ctrd_snapshot_prepare(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                            const char *snapshotter, const char *key, const char *parent,
                            const struct agent_ctrd_label *labels, size_t nlabels,
                            struct agent_ctrd_mounts *ret, struct edge_err *err);
EDGE_MUST_CHECK int agent_ctrd_snapshot_mounts(struct agent_ctrd *ctrd,
                                               const struct agent_ctrd_call *call,
                                               const char *snapshotter, const char *key,
                                               struct agent_ctrd_mounts *ret, struct edge_err *err);
/** @return -EEXIST when a snapshot named @p name is there already */
EDGE_MUST_CHECK int agent_ctrd_snapshot_commit(struct agent_ctrd *ctrd,
                                               const struct agent_ctrd_call *call,
                                               const char *snapshotter, const char *key,
                                               const char *name,
                                               const struct agent_ctrd_label *labels,
                                               size_t nlabels, struct edge_err *err);
/** Success when absent. */
EDGE_MUST_CHECK int agent_ctrd_snapshot_remove(struct agent_ctrd *ctrd,
                                               const struct agent_ctrd_call *call,
                                               const char *snapshotter, const char *key,
                                               struct edge_err *err);

/** Unpack a layer blob onto mounts. @param ret_diff_id  digest of the uncompressed layer; caller
 * frees */
EDGE_MUST_CHECK int agent_ctrd_diff_apply(struct agent_ctrd *ctrd,
                                          const struct agent_ctrd_call *call,
                                          const struct agent_ctrd_descriptor *layer,
                                          const struct agent_ctrd_mounts *mounts,
                                          char **ret_diff_id, struct edge_err *err);

#endif
