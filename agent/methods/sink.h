/* agent/methods/sink.h - where bytes go, piece by piece; and a gzip stream in between. One thread.
 */
#ifndef AGENT_METHODS_SINK_H
#define AGENT_METHODS_SINK_H

#include <stddef.h>

#include "common/base/err.h"

struct methods_sink {
    int (*put)(const void *data, size_t len, void *arg, struct edge_err *err);
    void *arg;
};

static inline int methods_put(const struct methods_sink *to, const void *data, size_t len,
                              struct edge_err *err)
{
    return len > 0 ? to->put(data, len, to->arg, err) : 0;
}

struct methods_gzip;

/** @param to  borrowed   @return NULL without memory */
struct methods_gzip *methods_gzip_create(const struct methods_sink *to);
/** methods_sink's put; @p arg is the struct methods_gzip. */
int methods_gzip_put(const void *data, size_t len, void *arg, struct edge_err *err);
/** Pass on what is left, and the end. */
EDGE_MUST_CHECK int methods_gzip_finish(struct methods_gzip *gzip, struct edge_err *err);
struct methods_gzip *methods_gzip_destroy(struct methods_gzip *gzip);
EDGE_DEFINE_CLEANUP(struct methods_gzip *, methods_gzip_destroy)

#endif
