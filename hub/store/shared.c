#include "hub/store/shared.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_SIZE = 64, COUNT_BITS = 10, COUNT_MASK = (1 << COUNT_BITS) - 1 };

static size_t home(const struct hub_shared *shared, uint64_t message)
{
    return (size_t) ((message * 0x9E3779B97F4A7C15U) >> 20) & (shared->size - 1);
}

static uint64_t *place(const struct hub_shared *shared, uint64_t message)
{
    size_t at = home(shared, message);

    while (shared->slots[at] && shared->slots[at] >> COUNT_BITS != message)
        at = (at + 1) & (shared->size - 1);
    return &shared->slots[at];
}

static int resize(struct hub_shared *shared, size_t size)
{
    struct hub_shared other = {.size = size, .used = shared->used};

    other.slots = calloc(size, sizeof *other.slots);
    if (!other.slots)
        return -ENOMEM;
    for (size_t i = 0; i < shared->size; i++) {
        if (shared->slots[i])
            *place(&other, shared->slots[i] >> COUNT_BITS) = shared->slots[i];
    }
    free(shared->slots);
    *shared = other;
    return 0;
}

int hub_shared_reserve(struct hub_shared *shared, size_t more)
{
    size_t size = shared->size ? shared->size : FIRST_SIZE;

    while ((shared->used + more) * 4 > size * 3)
        size *= 2;
    return size == shared->size ? 0 : resize(shared, size);
}

void hub_shared_add(struct hub_shared *shared, uint64_t message, unsigned count)
{
    uint64_t *slot = place(shared, message);

    if (!*slot) {
        *slot = message << COUNT_BITS;
        shared->used++;
    }
    *slot += count;
}

/* Linear probing without tombstones: what follows moves up into the hole. */
static void remove_at(struct hub_shared *shared, size_t hole)
{
    size_t mask = shared->size - 1;

    shared->slots[hole] = 0;
    for (size_t at = (hole + 1) & mask; shared->slots[at]; at = (at + 1) & mask) {
        size_t want = home(shared, shared->slots[at] >> COUNT_BITS);

        if (((at - want) & mask) >= ((at - hole) & mask)) {
            shared->slots[hole] = shared->slots[at];
            shared->slots[at] = 0;
            hole = at;
        }
    }
    shared->used--;
}

unsigned hub_shared_drop(struct hub_shared *shared, uint64_t message)
{
    uint64_t *slot = shared->size ? place(shared, message) : NULL;

    if (!slot || !*slot)
        return 0;
    --*slot;
    if ((*slot & COUNT_MASK) > 0)
        return *slot & COUNT_MASK;
    remove_at(shared, (size_t) (slot - shared->slots));
    if (shared->size > FIRST_SIZE && shared->used * 8 < shared->size)
        edge_ignore(resize(shared, shared->size / 2)); /* without memory it stays large */
    return 0;
}

void hub_shared_fini(struct hub_shared *shared)
{
    free(shared->slots);
    *shared = (struct hub_shared){0};
}
