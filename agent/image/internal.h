/* agent/image/internal.h - what the bodies of this room share: the object, and one pull under way.
 */
#ifndef AGENT_IMAGE_INTERNAL_H
#define AGENT_IMAGE_INTERNAL_H

#include "agent/containerd/content.h"
#include "agent/image/flight.h"
#include "agent/image/images.h"
#include "agent/image/manifest.h"
#include "agent/image/progress.h"
#include "agent/image/reference.h"
#include "agent/image/registry.h"

#define AGENT_PULL_LABEL "net.edge.pull" /* on leases: the image's normalised name */
#define AGENT_KIND_LABEL "net.edge.kind" /* on leases: AGENT_KIND_PULL */
#define AGENT_KIND_PULL  "pull"
#define AGENT_INGEST     "edge-" /* before the digest: the same blob, the same ingest, in any life */

enum {
    AGENT_LEASE_S = 7 * 86400,      /* a slow link may take days */
    AGENT_BLOB_TIMEOUT_MS = 600000, /* one message of an upload; a commit reads all of it again */
    AGENT_DISK_TIMEOUT_MS = 300000,
};

struct agent_images {
    struct agent_ctrd *ctrd;
    struct agent_images_config config; /* a deep copy */
    struct agent_registry *registries;
    struct agent_manifest_limits limits;
    struct agent_platform host;
    struct agent_flights flights; /* kinds "pull", "blob", "chain", "lease" */
};

/** What a name leads to: an index or a manifest, as its bytes were served. */
struct agent_root {
    struct agent_ctrd_descriptor descriptor; /* strings below or static */
    char digest[AGENT_DIGEST_TEXT];
    struct edge_buf text;
};
void agent_root_fini(struct agent_root *root);

/** One pull. Threads of it share it read-only but for what has its own lock. */
struct agent_run {
    struct agent_images *images;
    const struct agent_pull *pull;
    struct agent_reference ref;
    struct agent_session *session;
    struct edge_cancel *stop; /* fires with the caller's token, or when one thread has failed */
    struct edge_cancel_hook hook;
    char *lease;
    char **old_leases; /* of earlier attempts, this one's among them when it goes on with one */
    struct agent_flight *lease_flight;
    struct agent_progress progress;
};

/** Call options of this pull: its lease and its token. */
struct agent_ctrd_call agent_run_call(const struct agent_run *run, int timeout_ms);

/* store.c: what containerd has. No network. */

/** The image named @p name, if all that running it needs is here. @return 0 or -ENOENT, … */
EDGE_MUST_CHECK int agent_store_find(struct agent_images *images, const char *name,
                                     struct edge_cancel *cancel, struct agent_image **ret,
                                     struct edge_err *err);
/** A manifest or config out of the content store. @param text  initialised here */
EDGE_MUST_CHECK int agent_store_read(struct agent_images *images, struct edge_cancel *cancel,
                                     const char *digest, struct edge_buf *text,
                                     struct edge_err *err);
/** Put bytes into the content store, under the pull's lease. */
EDGE_MUST_CHECK int agent_store_put(struct agent_run *run, const struct agent_root *root,
                                    struct edge_err *err);
/** Labels by which containerd keeps what an image needs. @param child  NULL for none */
EDGE_MUST_CHECK int agent_store_label_index(struct agent_run *run, const char *index,
                                            const char *child, struct edge_err *err);
EDGE_MUST_CHECK int agent_store_label_manifest(struct agent_run *run, const char *digest,
                                               const struct agent_manifest *manifest,
                                               struct edge_err *err);
EDGE_MUST_CHECK int agent_store_label_config(struct agent_run *run, const char *digest,
                                             const char *snapshotter, const char *chain,
                                             struct edge_err *err);

/* resolve.c: manifests. */

/** What run->ref names, from the registry, or for a digest from the content store.
 * @param patient  try again for some time when there is no answer */
EDGE_MUST_CHECK int agent_resolve_root(struct agent_run *run, bool patient, struct agent_root *ret,
                                       struct edge_err *err);
/** The manifest @p blob, from the content store or the registry, verified. */
EDGE_MUST_CHECK int agent_resolve_manifest(struct agent_run *run,
                                           const struct agent_manifest_blob *blob,
                                           struct agent_root *ret, struct edge_err *err);

/* lease.c */

/** Have a lease: that of an earlier attempt at the same name, or a new one. */
EDGE_MUST_CHECK int agent_lease_need(struct agent_run *run, struct edge_err *err);
/** It is known to be gone. */
bool agent_lease_lost(struct agent_run *run);
/** It is gone: make it again. */
EDGE_MUST_CHECK int agent_lease_renew(struct agent_run *run, struct edge_err *err);
/** All is referenced by now: let all leases of this name go. */
void agent_lease_release(struct agent_run *run);
/** See agent_images_sweep. */
EDGE_MUST_CHECK int agent_lease_sweep(struct agent_images *images, int keep_s,
                                      struct edge_err *err);

/* ingest.c, blob.c, fetch.c: bytes from the registry into the content store. */

/** Open an upload under the pull's lease; waits for another writer, within bounds.
 * @return 0, AGENT_CTRD_BLOB_EXISTS or a failure */
EDGE_MUST_CHECK int agent_ingest_open(struct agent_run *run,
                                      const struct agent_ctrd_descriptor *blob,
                                      struct agent_ctrd_ingest **ret, int64_t *ret_offset,
                                      struct edge_err *err);
/** @param what  for texts: "layer 2 of 5" */
EDGE_MUST_CHECK int agent_blob_bring(struct agent_run *run, const struct agent_manifest_blob *blob,
                                     const char *what, struct edge_err *err);
/** Config and layers, several at once. */
EDGE_MUST_CHECK int agent_fetch_blobs(struct agent_run *run, const struct agent_manifest *manifest,
                                      struct edge_err *err);

/* unpack.c */
EDGE_MUST_CHECK int agent_unpack(struct agent_run *run, const struct agent_manifest *manifest,
                                 const struct agent_image_config *config, const char *snapshotter,
                                 struct edge_err *err);

#endif
