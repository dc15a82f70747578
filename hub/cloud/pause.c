#include "hub/cloud/pause.h"

#include <sys/random.h>

enum { DOUBLINGS = 16 };

uint64_t hub_random_below(uint64_t most)
{
    uint64_t random = 0;

    if (most == 0 || getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        return 0;
    return random % most;
}

uint64_t hub_pause_ms(unsigned failures, uint64_t least_ms, uint64_t most_ms)
{
    uint64_t doubled = least_ms << (failures < DOUBLINGS ? failures + 1 : DOUBLINGS);

    if (doubled < most_ms)
        most_ms = doubled;
    return most_ms > least_ms ? least_ms + hub_random_below(most_ms - least_ms) : least_ms;
}
