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

#endif
