/* hub/cloud/pause.h - inside the room: how long to wait before the next try. Any thread. */
#ifndef HUB_CLOUD_PAUSE_H
#define HUB_CLOUD_PAUSE_H

#include <stdint.h>

/** Anything from 0 up to @p most, which it does not reach; 0 for 0. */
uint64_t hub_random_below(uint64_t most);
/** Full jitter above @p least_ms, doubling with @p failures up to @p most_ms: who was lost together
 * comes back spread out. */
uint64_t hub_pause_ms(unsigned failures, uint64_t least_ms, uint64_t most_ms);

#endif
