/* agent/methods/bundle.h - a zip file being written. The only file that knows libarchive. Blocking;
 * any thread, an object belongs to one. */
#ifndef AGENT_METHODS_BUNDLE_H
#define AGENT_METHODS_BUNDLE_H

#include <stdint.h>

#include "common/base/err.h"

struct methods_bundle;

/** @param fd  where the file goes; stays the caller's */
EDGE_MUST_CHECK int methods_bundle_create(int fd, struct methods_bundle **ret,
                                          struct edge_err *err);
/** Add all that @p from holds from its beginning as @p entry. @param from  a seekable file */
EDGE_MUST_CHECK int methods_bundle_file(struct methods_bundle *bundle, const char *entry, int from,
                                        int64_t wall_ns, struct edge_err *err);
EDGE_MUST_CHECK int methods_bundle_text(struct methods_bundle *bundle, const char *entry,
                                        const void *data, size_t len, int64_t wall_ns,
                                        struct edge_err *err);
/** Write the directory at the end. */
EDGE_MUST_CHECK int methods_bundle_finish(struct methods_bundle *bundle, struct edge_err *err);
struct methods_bundle *methods_bundle_destroy(struct methods_bundle *bundle);
EDGE_DEFINE_CLEANUP(struct methods_bundle *, methods_bundle_destroy)

#endif
