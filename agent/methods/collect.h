/* agent/methods/collect.h - one module's log lines, filtered and written as text or JSON. Blocking;
 * any thread. */
#ifndef AGENT_METHODS_COLLECT_H
#define AGENT_METHODS_COLLECT_H

#include "agent/methods/request.h"
#include "agent/methods/sink.h"
#include "common/base/cancel.h"

enum { METHODS_KEPT_MAX = 8 * 1024 * 1024 }; /* bytes of memory for lines held for a tail */

struct methods_source {
    const char *log_dir;
    const char *hub;
    const char *device;
    struct edge_cancel *cancel;
    int64_t deadline_ms; /* of edge_now_ms; later by what the sink takes for itself */
};

/** since, until and tail choose first, then level and regex from what is left; with tail_last the
 * tail is counted behind them. A line longer than 16 KiB comes as several.
 * @param log_id  container id; a container that never logged has no lines
 * @param json  one array of {iothub, device, id, stream, loglevel, text, timestamp}, else the lines
 * @return 0, EDGE_ELIMIT, -ECANCELED, -ETIMEDOUT, or what the log or @p to said */
EDGE_MUST_CHECK int methods_collect(struct methods_source *source, const char *module,
                                    const char *log_id, const struct methods_item *item, bool json,
                                    const struct methods_sink *to, struct edge_err *err);

#endif
