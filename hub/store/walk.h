/* hub/store/walk.h - from group to group through one segment. Pure: bytes come from a source.
 *
 *   | group | group | #### damage #### | group |   tail that was never told or never written
 *   '------>'------>'- search its salt->'----->' end
 */
#ifndef HUB_STORE_WALK_H
#define HUB_STORE_WALK_H

#include "hub/store/record.h"

struct hub_source {
    /** @p len bytes, borrowed until the next call; NULL: they cannot be read. */
    const uint8_t *(*view)(struct hub_source *source, uint64_t at, size_t len);
    /** It is not needed for a while. */
    void (*rest)(struct hub_source *source);
    uint64_t size;
    int fatal; /* not the bytes' fault: no memory, a file that cannot be opened; nothing follows
                  from what could not be seen */
};

struct hub_walk {
    struct hub_source *source;
    uint64_t salt;
    uint64_t at;       /* behind the last group */
    uint64_t limit;    /* nothing from here on is looked at */
    uint64_t sequence; /* of the last group */
    bool damaged;      /* something between groups was passed over */
};
struct hub_walk_group {
    struct hub_group_head head;
    struct edge_bytes meta; /* whole, and good to decode; borrowed from the source */
    uint64_t at, bodies, end;
};
void hub_walk_init(struct hub_walk *walk, struct hub_source *source, uint64_t salt, uint64_t limit);
/** @return 1 a group, 0 no more */
int hub_walk_next(struct hub_walk *walk, struct hub_walk_group *ret);
/** Where the last group of a segment ends that was being written when the power went: one whose
 * bodies are not all there is none. */
uint64_t hub_walk_tail(struct hub_source *source, uint64_t salt);

#endif
