/* agent/source/source.h - where the desired state comes from: the cloud's twin, or a deployment
 * file and `edgectl apply`; and the last good document remembered on disk. Loop thread.
 *
 * Of file and apply whatever was given last wins: applying a document does not touch the file, and
 * a file that changes afterwards is taken again. Where the twin is the source it is the only one. A
 * document that is refused changes nothing and is reported. */
#ifndef AGENT_SOURCE_SOURCE_H
#define AGENT_SOURCE_SOURCE_H

#include "agent/desired/desired.h"
#include "agent/state/state.h"
#include "common/loop/loop.h"

struct agent_source;

struct agent_source_config {
    struct edge_loop *loop;
    struct agent_state *state; /* outlives the source */
    const char *path;          /* deployment file; its folder is made when absent; copied. NULL:
                                  the twin is the source, and nothing is watched */
    struct agent_desired_rules rules;
    uint32_t retry_ms; /* until a twin that could not be kept is tried again; 0: one minute */
    /** A checked state is on disk and shall be made true; takes ownership. */
    void (*on_desired)(struct agent_desired *desired, void *arg);
    void *arg;
};

/** Hands over the last good state, then looks at the file and goes on watching it. */
EDGE_MUST_CHECK int agent_source_open(const struct agent_source_config *config,
                                      struct agent_source **ret, struct edge_err *err);
struct agent_source *agent_source_close(struct agent_source *source);

/** Check, keep, hand over. @return agent_desired_parse's codes; EDGE_ESTORE: not kept, not applied;
 * EDGE_ECONFLICT: the twin is the source */
EDGE_MUST_CHECK int agent_source_apply(struct agent_source *source, const char *text, size_t len,
                                       struct edge_err *err);

/** The twin's desired properties as of @p version (without $version and $metadata). Kept with the
 * version before it is handed over; what is kept already is not handed over again, what could not
 * be kept is tried again by itself.
 * @return as apply; a refusal is logged */
int agent_source_twin(struct agent_source *source, const struct edge_json *desired,
                      int64_t version);

/** $version of the last good document, 0 when it has none. */
int64_t agent_source_version(const struct agent_source *source);
/** The outcome of the newest document: a code of reported properties (200, 400, …; 406 before any)
 * and its text, borrowed until the next one. */
int agent_source_status(const struct agent_source *source, const char **ret_text);

#endif
