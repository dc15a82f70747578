/* hub/amqp/arena.h - the memory of one message, freed at once. Pure; any thread. */
#ifndef HUB_AMQP_ARENA_H
#define HUB_AMQP_ARENA_H

#include "common/base/bytes.h"

enum { HUB_AMQP_ARENA_FIRST = 1024 };

struct hub_amqp_chunk;
/** It may not move once it has given memory. */
struct hub_amqp_arena {
    struct hub_amqp_chunk *chunks;
    size_t used; /* bytes of the newest chunk, or of `first` */
    size_t left; /* of the ceiling */
    /* Enough for the values of most messages. */
    _Alignas(max_align_t) uint8_t first[HUB_AMQP_ARENA_FIRST];
};
#define HUB_AMQP_ARENA_INIT(ceiling)                                                               \
    {                                                                                              \
        .left = (ceiling)                                                                          \
    }

/** Zeroed memory; NULL over the ceiling or without memory. */
void *hub_amqp_arena_get(struct hub_amqp_arena *arena, size_t size);
/** A copy that ends in a NUL, so that it can be text. */
char *hub_amqp_arena_copy(struct hub_amqp_arena *arena, struct edge_bytes bytes);
/** Wipes and frees: messages carry tokens. */
void hub_amqp_arena_fini(struct hub_amqp_arena *arena);
static inline void hub_amqp_arena_finip(struct hub_amqp_arena *arena)
{
    hub_amqp_arena_fini(arena);
}

#endif
