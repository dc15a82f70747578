/* common/base/pause.h - how long to wait before the next try. Any thread. */
#ifndef EDGE_BASE_PAUSE_H
#define EDGE_BASE_PAUSE_H

#include <stdint.h>

/** Anything from 0 up to @p most, which it does not reach; 0 for 0, and where the system has no
 * random bytes yet. Nothing to make a secret from. */
uint64_t edge_random_below(uint64_t most);
/** @p least_ms doubled so many times, but no more than @p most_ms, with full jitter above
 * @p least_ms: who was lost together comes back spread out. */
uint64_t edge_pause_ms(unsigned doublings, uint64_t least_ms, uint64_t most_ms);

/** For who keeps the pause itself, not a count of tries. */
struct edge_pauses {
    unsigned first_ms, max_ms;
};
/** The pause after one of @p ms, 0 for none yet: doubled, within @p pauses. */
unsigned edge_pause_longer(unsigned ms, const struct edge_pauses *pauses);
/** Half of @p ms for certain and half by chance. */
uint64_t edge_pause_jittered(unsigned ms);

#endif
