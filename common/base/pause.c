#include "common/base/pause.h"

#include <sys/random.h>

enum { DOUBLINGS_MAX = 16 };

uint64_t edge_random_below(uint64_t most)
{
    uint64_t random = 0;

    if (most == 0 || getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        return 0;
    return random % most;
}

uint64_t edge_pause_ms(unsigned doublings, uint64_t least_ms, uint64_t most_ms)
{
    uint64_t doubled = least_ms << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX);

    if (doubled < most_ms)
        most_ms = doubled;
    return most_ms > least_ms ? least_ms + edge_random_below(most_ms - least_ms) : least_ms;
}

unsigned edge_pause_longer(unsigned ms, const struct edge_pauses *pauses)
{
    if (ms < pauses->first_ms)
        return pauses->first_ms;
    return 2 * ms < pauses->max_ms ? 2 * ms : pauses->max_ms;
}

uint64_t edge_pause_jittered(unsigned ms)
{
    return ms / 2 + edge_random_below(ms / 2 + 1);
}
