/* tests/bench/load/histogram.h - how long things took, to about one percent. Pure; any thread. */
#ifndef TESTS_BENCH_LOAD_HISTOGRAM_H
#define TESTS_BENCH_LOAD_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_FINE = 64, HISTOGRAM_POWERS = 32 };

/** Microseconds; zero it. Each power of two has HISTOGRAM_FINE equal steps. */
struct histogram {
    uint64_t steps[HISTOGRAM_POWERS][HISTOGRAM_FINE];
    uint64_t count;
    uint64_t max;
};

static inline void histogram_add(struct histogram *h, uint64_t us)
{
    unsigned power = 0;

    while (power + 1 < HISTOGRAM_POWERS && (us >> power) >= 2 * HISTOGRAM_FINE)
        power++;
    if (power == 0 && us < HISTOGRAM_FINE)
        h->steps[0][us]++;
    else
        h->steps[power + (power + 1 < HISTOGRAM_POWERS)][(us >> power) % HISTOGRAM_FINE]++;
    h->count++;
    h->max = us > h->max ? us : h->max;
}

/** The least time that @p share of all (0 to 1) did not exceed. */
static inline uint64_t histogram_at(const struct histogram *h, double share)
{
    uint64_t left = (uint64_t) ((double) h->count * share);

    for (unsigned power = 0; power < HISTOGRAM_POWERS; power++)
        for (unsigned fine = 0; fine < HISTOGRAM_FINE; fine++) {
            if (h->steps[power][fine] > left)
                return power == 0 ? fine : (uint64_t) (HISTOGRAM_FINE + fine) << (power - 1);
            left -= h->steps[power][fine];
        }
    return h->max;
}

#endif
