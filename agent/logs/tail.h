/* agent/logs/tail.h - where the last N lines of a log begin. Blocking; any thread. */
#ifndef AGENT_LOGS_TAIL_H
#define AGENT_LOGS_TAIL_H

#include <stdint.h>

#include "agent/logs/listing.h"

struct log_window {
    int64_t since_ns;
    int64_t until_ns;
};

static inline bool log_window_has(const struct log_window *window, int64_t at_ns)
{
    return at_ns >= window->since_ns && at_ns <= window->until_ns;
}

struct log_start {
    size_t index;   /* of the file in the listing */
    int64_t offset; /* in that file */
    uint64_t skip;  /* lines of the window to pass over there */
};

/** Find the start of the last @p lines lines of the window; the beginning when there are fewer.
 * Plain files are read from their end, compressed ones whole.
 * @param listing  not empty
 * @return 0 or -ENOMEM */
EDGE_MUST_CHECK int log_tail_find(const struct log_listing *listing,
                                  const struct log_window *window, uint64_t lines,
                                  struct log_start *ret);

#endif
