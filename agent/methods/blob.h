/* agent/methods/blob.h - blobs written to Azure Storage with a container's SAS URL. Blocking; any
 * thread, an object belongs to one. The URL is in no error and no log.
 * Source: Azure Blob Storage's REST API (Put Blob, Append Block, Put Block, Put Block List). */
#ifndef AGENT_METHODS_BLOB_H
#define AGENT_METHODS_BLOB_H

#include "agent/methods/sink.h"
#include "common/base/cancel.h"

/** Can @p sas be a container's URL? http or https, a host, a path, a query; "$upstream" may stand
 * for the host. @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int methods_blob_check(const char *sas, struct edge_err *err);

struct methods_blob_target {
    const char *sas;
    const char *name;     /* "hub/device/module-….log" */
    const char *type;     /* content type */
    const char *encoding; /* content encoding, or NULL */
    const char *upstream; /* see agent_methods_config */
    const char *ca_file;
    int retry_ms; /* the first pause before a request is tried again; the second is twice as long */
    struct edge_cancel *cancel;
};

struct methods_blob;

/** An append blob: begun now, each put adds to it in blocks, finish adds the last. Strings are
 * borrowed until destroy. */
EDGE_MUST_CHECK int methods_blob_append(const struct methods_blob_target *target,
                                        struct methods_blob **ret, struct edge_err *err);
/** A block blob: blocks are sent as they fill; finish makes it appear, whole. */
EDGE_MUST_CHECK int methods_blob_block(const struct methods_blob_target *target,
                                       struct methods_blob **ret, struct edge_err *err);
/** methods_sink's put; @p arg is the struct methods_blob. */
int methods_blob_put(const void *data, size_t len, void *arg, struct edge_err *err);
EDGE_MUST_CHECK int methods_blob_finish(struct methods_blob *blob, struct edge_err *err);
struct methods_blob *methods_blob_destroy(struct methods_blob *blob);
EDGE_DEFINE_CLEANUP(struct methods_blob *, methods_blob_destroy)

#endif
