#include "hub/core/flights.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 16 };

static bool grow(struct hub_flights *f)
{
    unsigned size = f->size ? 2 * f->size : FIRST_SIZE;
    struct hub_flight *slots;

    if (size > HUB_FLIGHTS_MAX)
        return false;
    slots = realloc(f->slots, size * sizeof *slots);
    if (!slots)
        return false;
    memset(slots + f->size, 0, (size - f->size) * sizeof *slots);
    f->next = f->size;
    f->slots = slots;
    f->size = size;
    return true;
}

struct hub_flight *hub_flights_add(struct hub_flights *f)
{
    struct hub_flight *flight;

    if (f->count == f->size && !grow(f))
        return NULL;
    while (f->slots[f->next].lock != 0)
        f->next = (f->next + 1) % f->size;
    flight = &f->slots[f->next];
    *flight = (struct hub_flight){.lock = ++f->serial * HUB_FLIGHTS_MAX + f->next};
    f->next = (f->next + 1) % f->size;
    f->count++;
    return flight;
}

struct hub_flight *hub_flights_find(const struct hub_flights *f, uint64_t lock)
{
    uint64_t slot = lock % HUB_FLIGHTS_MAX;

    if (lock == 0 || slot >= f->size || f->slots[slot].lock != lock)
        return NULL;
    return &f->slots[slot];
}

void hub_flights_remove(struct hub_flights *f, struct hub_flight *flight)
{
    assert(flight->lock != 0);
    flight->lock = 0;
    f->count--;
}

void hub_flights_clear(struct hub_flights *f)
{
    for (unsigned i = 0; i < f->size; i++)
        f->slots[i].lock = 0;
    f->count = 0;
}

void hub_flights_fini(struct hub_flights *f)
{
    free(f->slots);
    *f = (struct hub_flights){0};
}
