/* hub/store/index.h - the entries of one queue that wait, in memory: a first-in first-out list of a
 * few bytes each. Pure; loop thread.
 *
 *   first                                     last
 *   +-------------+     +-------------+     +-----------+
 *   | xx [4 5 . . | --> | . . . . . . | --> | . . 8 9   |     each entry as its difference to the
 *   +-----^-------+     +-------------+     +-------^---+     one before: varints
 *         read: pop                                 push
 */
#ifndef HUB_STORE_INDEX_H
#define HUB_STORE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

/* An entry's id: the message's number, then which of its targets. */
enum { HUB_ENTRY_SHIFT = 9, HUB_ENTRY_MASK = (1 << HUB_ENTRY_SHIFT) - 1 };

/* Expiry is kept in eighths of a second, so that most entries expire with the one before them. */
enum { HUB_TICK_NS = 125000000, HUB_TICKS_PER_S = 8 };

struct hub_entry {
    uint64_t id; /* message << 9 | target; target 0: the only one, 1 and up: one of several */
    uint32_t size;
    int route;
    int64_t expires_t; /* wall clock, in ticks; INT64_MAX: never */
};

static inline uint64_t hub_entry_message(uint64_t id)
{
    return id >> HUB_ENTRY_SHIFT;
}

struct hub_index_chunk;
/** A place in the list; what the bytes there are the difference to. */
struct hub_index_mark {
    struct hub_index_chunk *chunk;
    uint32_t at;
    uint64_t number; /* of the entry there, counted since the list was begun */
    struct hub_entry before;
};
/** `{0}` is empty. */
struct hub_index {
    struct hub_index_chunk *last;
    struct hub_index_mark head;
    struct hub_entry tail; /* the newest */
    uint64_t count;        /* entries */
};

/** Append; ids must grow. Aborts without memory: what is on disk would be forgotten. */
void hub_index_push(struct hub_index *index, const struct hub_entry *entry);
/** @return false when empty */
bool hub_index_peek(const struct hub_index *index, struct hub_entry *ret);
bool hub_index_pop(struct hub_index *index, struct hub_entry *ret);
/** Read what is at @p mark and move it on. @return false at the end */
bool hub_index_next(const struct hub_index *index, struct hub_index_mark *mark,
                    struct hub_entry *ret);
/** The mark of the head; marks before it are void. */
static inline struct hub_index_mark hub_index_head(const struct hub_index *index)
{
    return index->head;
}
void hub_index_fini(struct hub_index *index);

#endif
