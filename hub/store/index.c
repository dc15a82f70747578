#include "hub/store/index.h"

#include <stdlib.h>

enum {
    CHUNK_MIN = 48,
    CHUNK_MAX = 2000,
    RECORD_MAX = 10 + 5 + 5 + 10, /* four varints */
};

/* Head of a record: difference of the messages' numbers << 2, and two flags. */
enum { TARGET = 1, CHANGED = 2 };

struct hub_index_chunk {
    struct hub_index_chunk *next;
    uint32_t used, size;
    uint8_t data[];
};

static uint8_t *put(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t) (value | 0x80);
    *at++ = (uint8_t) value;
    return at;
}

static const uint8_t *get(const uint8_t *at, uint64_t *ret)
{
    uint64_t value = 0;
    unsigned shift = 0;

    for (; *at & 0x80; shift += 7)
        value |= (uint64_t) (*at++ & 0x7f) << shift;
    *ret = value | (uint64_t) *at << shift;
    return at + 1;
}

/* Route and expiry, which rarely change from one entry to the next, come only when they do; expiry
 * as the zigzag of its difference. */
static uint8_t *encode(uint8_t *at, const struct hub_entry *before, const struct hub_entry *entry)
{
    uint64_t distance = hub_entry_message(entry->id) - hub_entry_message(before->id);
    unsigned target = entry->id & HUB_ENTRY_MASK;
    bool changed = entry->route != before->route || entry->expires_t != before->expires_t;

    at = put(at, distance << 2 | (target ? TARGET : 0U) | (changed ? CHANGED : 0U));
    if (target)
        at = put(at, target);
    at = put(at, entry->size);
    if (changed) {
        uint64_t difference = (uint64_t) entry->expires_t - (uint64_t) before->expires_t;
        uint64_t sign = difference >> 63 ? UINT64_MAX : 0;

        at = put(at, (uint64_t) entry->route);
        at = put(at, (difference << 1) ^ sign);
    }
    return at;
}

static const uint8_t *decode(const uint8_t *at, struct hub_entry *entry)
{
    uint64_t head;
    uint64_t value = 0;

    at = get(at, &head);
    if (head & TARGET)
        at = get(at, &value);
    entry->id = (hub_entry_message(entry->id) + (head >> 2)) << HUB_ENTRY_SHIFT | value;
    at = get(at, &value);
    entry->size = (uint32_t) value;
    if (head & CHANGED) {
        at = get(at, &value);
        entry->route = (int) value;
        at = get(at, &value);
        value = (value >> 1) ^ (~(value & 1) + 1);
        entry->expires_t = (int64_t) ((uint64_t) entry->expires_t + value);
    }
    return at;
}

static struct hub_index_chunk *grow(struct hub_index *index)
{
    uint32_t size = index->last ? index->last->size * 2 : CHUNK_MIN;
    struct hub_index_chunk *chunk;

    if (size > CHUNK_MAX)
        size = CHUNK_MAX;
    chunk = malloc(sizeof *chunk + size);
    if (!chunk)
        abort();
    *chunk = (struct hub_index_chunk){.size = size};
    if (index->last)
        index->last->next = chunk;
    else
        index->head.chunk = chunk;
    index->last = chunk;
    return chunk;
}

void hub_index_push(struct hub_index *index, const struct hub_entry *entry)
{
    struct hub_index_chunk *chunk = index->last;

    if (!chunk || chunk->size - chunk->used < RECORD_MAX)
        chunk = grow(index);
    chunk->used = (uint32_t) (encode(chunk->data + chunk->used, &index->tail, entry) - chunk->data);
    index->tail = *entry;
    index->count++;
}

bool hub_index_next(const struct hub_index *index, struct hub_index_mark *mark,
                    struct hub_entry *ret)
{
    const uint8_t *end;

    if (mark->number >= index->head.number + index->count)
        return false;
    if (mark->at == mark->chunk->used) {
        mark->chunk = mark->chunk->next;
        mark->at = 0;
    }
    end = decode(mark->chunk->data + mark->at, &mark->before);
    mark->at = (uint32_t) (end - mark->chunk->data);
    mark->number++;
    *ret = mark->before;
    return true;
}

bool hub_index_peek(const struct hub_index *index, struct hub_entry *ret)
{
    struct hub_index_mark mark = index->head;

    return hub_index_next(index, &mark, ret);
}

bool hub_index_pop(struct hub_index *index, struct hub_entry *ret)
{
    struct hub_index_chunk *old = index->head.chunk;

    if (!hub_index_next(index, &index->head, ret))
        return false;
    index->count--;
    if (old != index->head.chunk)
        free(old);
    if (index->count == 0) { /* an empty queue holds no memory */
        free(index->head.chunk);
        *index = (struct hub_index){.head = {.number = index->head.number}};
    }
    return true;
}

void hub_index_fini(struct hub_index *index)
{
    struct hub_entry unused;

    while (hub_index_pop(index, &unused))
        ;
}
