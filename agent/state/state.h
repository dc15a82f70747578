/* agent/state/state.h - what the agent remembers: the last good deployment and restart counts, in
 * <homedir>/agent.db. The agent's only room that knows SQLite. Loop thread; calls are short.
 * Losing the file loses counts, never containers. A corrupt file is set aside
 * (agent.db.bad-<time>), reported through @p err by open with a positive outcome, and a new one is
 * begun. */
#ifndef AGENT_STATE_STATE_H
#define AGENT_STATE_STATE_H

#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

struct agent_state;

enum { AGENT_STATE_SET_ASIDE = 1 };
/** @return 0, AGENT_STATE_SET_ASIDE (open, but the old file was corrupt; err says where it is now),
 * EDGE_ESTORE */
EDGE_MUST_CHECK int agent_state_open(const char *path, struct agent_state **ret,
                                     struct edge_err *err);
struct agent_state *agent_state_close(struct agent_state *state);
EDGE_DEFINE_CLEANUP(struct agent_state *, agent_state_close)

/** The last good deployment, as written. @return 0, -ENOENT when there has never been one */
EDGE_MUST_CHECK int agent_state_get_deployment(struct agent_state *state, struct edge_buf *text,
                                               struct edge_err *err);
/** On return it is on disk. */
EDGE_MUST_CHECK int agent_state_set_deployment(struct agent_state *state, const char *text,
                                               size_t len, struct edge_err *err);

/** Small named values ("source-digest"). @return 0 or -ENOENT; the caller frees @p ret */
EDGE_MUST_CHECK int agent_state_get(struct agent_state *state, const char *key, char **ret,
                                    struct edge_err *err);
EDGE_MUST_CHECK int agent_state_set(struct agent_state *state, const char *key, const char *value,
                                    struct edge_err *err);

/** What is remembered of a module's life. Times are wall-clock ns, EDGE_TIME_NEVER for never. */
struct agent_module_record {
    uint32_t restart_count;
    int64_t last_restart_ns;
    int64_t last_start_ns;
    int64_t last_exit_ns;
    int64_t exit_code; /* -1: ended, code unknown */
    int down;          /* why it is down: the supervisor's word for it */
};
/** @return 0 or -ENOENT */
EDGE_MUST_CHECK int agent_state_get_module(struct agent_state *state, const char *name,
                                           struct agent_module_record *ret, struct edge_err *err);
EDGE_MUST_CHECK int agent_state_set_module(struct agent_state *state, const char *name,
                                           const struct agent_module_record *record,
                                           struct edge_err *err);
/** Success when absent. */
EDGE_MUST_CHECK int agent_state_del_module(struct agent_state *state, const char *name,
                                           struct edge_err *err);

#endif
