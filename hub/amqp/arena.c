#include "hub/amqp/arena.h"

#include <stdlib.h>
#include <string.h>

struct hub_amqp_chunk {
    struct hub_amqp_chunk *next;
    size_t size;
    _Alignas(max_align_t) uint8_t data[];
};

enum { CHUNK = 2048, ALIGN = _Alignof(max_align_t) };

static struct hub_amqp_chunk *grow(struct hub_amqp_arena *arena, size_t size)
{
    size_t room = size > CHUNK ? size : CHUNK;
    struct hub_amqp_chunk *chunk = calloc(1, sizeof *chunk + room);

    if (!chunk)
        return NULL;
    chunk->size = room;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->used = 0;
    return chunk;
}

void *hub_amqp_arena_get(struct hub_amqp_arena *arena, size_t size)
{
    struct hub_amqp_chunk *chunk = arena->chunks;
    size_t have = (chunk ? chunk->size : sizeof arena->first) - arena->used;
    void *memory;

    if (size > arena->left)
        return NULL;
    size = (size + ALIGN - 1) & ~(size_t) (ALIGN - 1);
    if (have < size) {
        chunk = grow(arena, size);
        if (!chunk)
            return NULL;
    }
    arena->left -= size < arena->left ? size : arena->left;
    memory = (chunk ? chunk->data : arena->first) + arena->used;
    arena->used += size;
    return memory;
}

char *hub_amqp_arena_copy(struct hub_amqp_arena *arena, struct edge_bytes bytes)
{
    char *text = hub_amqp_arena_get(arena, bytes.len + 1);

    if (text && bytes.len > 0)
        memcpy(text, bytes.data, bytes.len);
    return text;
}

void hub_amqp_arena_fini(struct hub_amqp_arena *arena)
{
    explicit_bzero(arena->first, arena->chunks ? sizeof arena->first : arena->used);
    while (arena->chunks) {
        struct hub_amqp_chunk *chunk = arena->chunks;

        arena->chunks = chunk->next;
        explicit_bzero(chunk->data, chunk->size);
        free(chunk);
    }
    arena->used = 0;
}
