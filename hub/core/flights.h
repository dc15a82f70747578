/* hub/core/flights.h - what is under way to a client and not settled: locks and what they stand
 * for. Pure; loop thread.
 *
 * A lock is <serial><slot>: found without a search, and never the same twice. */
#ifndef HUB_CORE_FLIGHTS_H
#define HUB_CORE_FLIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"

enum { HUB_FLIGHTS_MAX = 1024 };

struct hub_flight {
    uint64_t lock; /* 0: the slot is free */
    void *of;      /* whose it is */
    uint64_t id;   /* in its queue */
    unsigned taken;
    int64_t since_ms;
    int64_t enqueued_ns;
    struct hub_series *sent, *send, *process;
};
/** Zero it; what it holds is freed by fini. */
struct hub_flights {
    struct hub_flight *slots;
    unsigned size, count;
    unsigned next; /* where to look for a free slot */
    uint64_t serial;
};
/** @return NULL without memory or room; its lock is set */
struct hub_flight *hub_flights_add(struct hub_flights *f);
/** NULL: none of ours, or settled already. */
struct hub_flight *hub_flights_find(const struct hub_flights *f, uint64_t lock);
void hub_flights_remove(struct hub_flights *f, struct hub_flight *flight);
/** All locks are void. */
void hub_flights_clear(struct hub_flights *f);
void hub_flights_fini(struct hub_flights *f);

#endif
