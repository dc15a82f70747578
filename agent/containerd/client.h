/* agent/containerd/client.h - a connection to containerd, and what all its calls share.
 * The only room that knows gRPC and protobuf; this header names neither.
 *
 * Every call blocks: worker threads only, never the loop thread. One client serves any number of
 * threads at once. Calls fail at once while containerd is away (EDGE_EUNAVAILABLE) and work again
 * when it is back; there is nothing to reopen.
 *
 * Codes of every call (gRPC's status is in err->status, containerd's words in err->text, and
 * nothing may be decided by those words): -ENOENT NOT_FOUND · -EEXIST ALREADY_EXISTS · -ETIMEDOUT
 * DEADLINE_EXCEEDED · -ECANCELED CANCELLED · EDGE_EUNAVAILABLE UNAVAILABLE (no connection, or a
 * content ref that is locked) · EDGE_EINVALID INVALID_ARGUMENT · EDGE_ECONFLICT FAILED_PRECONDITION
 * · EDGE_EUNSUPPORTED UNIMPLEMENTED · EDGE_EAUTH PERMISSION_DENIED, UNAUTHENTICATED · EDGE_ELIMIT
 * RESOURCE_EXHAUSTED, OUT_OF_RANGE · EDGE_EPROTOCOL an answer that cannot be decoded · EDGE_EREMOTE
 * every other status · -ENOMEM. Outputs are set on success only. Strings inside returned structs
 * belong to the struct.
 *
 * containerd 1.6, 1.7 and 2.x speak this API alike; where they behave differently is listed in
 * agent/containerd/README.md and nowhere else. */
#ifndef AGENT_CONTAINERD_CLIENT_H
#define AGENT_CONTAINERD_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/cancel.h"
#include "common/base/err.h"

struct agent_ctrd;

/** How one call is made. NULL stands for {0}: the client's namespace, default deadline, no lease.
 */
struct agent_ctrd_call {
    int timeout_ms; /* 0: AGENT_CTRD_TIMEOUT_MS; negative: none (event streams, waits) */
    struct edge_cancel *cancel; /* may be NULL; borrowed until the call returns */
    const char *lease;          /* lease id that keeps what this call creates, or NULL */
};
enum { AGENT_CTRD_TIMEOUT_MS = 30000 };

/** A label or annotation. */
struct agent_ctrd_label {
    const char *key;
    const char *value;
};

/** A content descriptor (OCI image-spec descriptor.md). */
struct agent_ctrd_descriptor {
    const char *media_type;
    const char *digest; /* "sha256:…" */
    int64_t size;       /* bytes */
};

/** What to mount, in order, for a snapshot: arguments of mount(2). */
struct agent_ctrd_mount {
    char *type;
    char *source;
    char **options; /* NULL at the end; "ro", "lowerdir=…", … */
};
struct agent_ctrd_mounts {
    struct agent_ctrd_mount *items;
    size_t len;
};
void agent_ctrd_mounts_fini(struct agent_ctrd_mounts *mounts);

/**
 * Prepare a client. Does not dial: the first call does.
 * @param uri  "unix:///run/containerd/containerd.sock" or a plain path; copied
 * @param ns   containerd namespace of every call; copied
 */
EDGE_MUST_CHECK int agent_ctrd_open(const char *uri, const char *ns, struct agent_ctrd **ret,
                                    struct edge_err *err);
/** All calls must have returned. Accepts NULL; returns NULL. */
struct agent_ctrd *agent_ctrd_close(struct agent_ctrd *ctrd);
EDGE_DEFINE_CLEANUP(struct agent_ctrd *, agent_ctrd_close)

/** containerd's version text, e.g. "1.6.20"; the caller frees it. */
EDGE_MUST_CHECK int agent_ctrd_version(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                                       char **ret, struct edge_err *err);
/** Create the client's namespace; success when it exists. */
EDGE_MUST_CHECK int agent_ctrd_need_namespace(struct agent_ctrd *ctrd,
                                              const struct agent_ctrd_call *call,
                                              struct edge_err *err);
/** Name of the snapshotter to use ("overlayfs" unless its plugin failed, then "native"), from the
 * introspection service. Static string. */
EDGE_MUST_CHECK int agent_ctrd_snapshotter(struct agent_ctrd *ctrd,
                                           const struct agent_ctrd_call *call, const char **ret,
                                           struct edge_err *err);

/** A lease that keeps new content and snapshots from being collected until it is deleted or @p
 * expire_s seconds are over (containerd.io/gc.expire). Labelled with @p labels besides. */
EDGE_MUST_CHECK int agent_ctrd_lease_create(struct agent_ctrd *ctrd,
                                            const struct agent_ctrd_call *call, const char *id,
                                            int expire_s, const struct agent_ctrd_label *labels,
                                            size_t nlabels, struct edge_err *err);
/** Success when absent. */
EDGE_MUST_CHECK int agent_ctrd_lease_delete(struct agent_ctrd *ctrd,
                                            const struct agent_ctrd_call *call, const char *id,
                                            struct edge_err *err);
/** The same, and return after what it kept has been collected. */
EDGE_MUST_CHECK int agent_ctrd_lease_delete_sync(struct agent_ctrd *ctrd,
                                                 const struct agent_ctrd_call *call, const char *id,
                                                 struct edge_err *err);
/** Ids of the leases that carry label @p key = @p value; NULL-terminated, free with
 * agent_ctrd_strv_free. */
EDGE_MUST_CHECK int agent_ctrd_lease_list(struct agent_ctrd *ctrd,
                                          const struct agent_ctrd_call *call, const char *key,
                                          const char *value, char ***ret, struct edge_err *err);
char **agent_ctrd_strv_free(char **strv);

#endif
