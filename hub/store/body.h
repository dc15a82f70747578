/* hub/store/body.h - a message's bytes in memory, and the recent ones by number.
 *
 *   put --> group (being written) --> recent: the newest, within a bound --> freed
 *                                        |
 *   read from disk --> queue's ahead -->-+--> queue's current (what take lent)
 *
 * Counted references, all of them the loop thread's; other threads only read what cannot change. */
#ifndef HUB_STORE_BODY_H
#define HUB_STORE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/bytes.h"

struct hub_body {
    uint64_t message;
    int64_t enqueued_ns;
    struct hub_body *newer; /* in hub_recent's order */
    struct hub_body *older;
    struct hub_body *chained; /* in hub_recent's bucket */
    uint32_t len;
    uint32_t sum;
    uint16_t refs;
    bool recent; /* is in there */
    bool broken; /* the disk does not give it any more */
    uint8_t data[];
};

/** One reference. NULL without memory. */
struct hub_body *hub_body_create(uint64_t message, struct edge_bytes data);
struct hub_body *hub_body_ref(struct hub_body *body);
/** Accepts NULL; returns NULL. */
struct hub_body *hub_body_unref(struct hub_body *body);

struct hub_recent {
    struct hub_body **buckets;
    size_t nbuckets, count; /* a power of two */
    size_t bytes, max;
    struct hub_body *oldest, *newest;
};

EDGE_MUST_CHECK int hub_recent_init(struct hub_recent *recent, size_t max);
/** Keep it (with a reference of its own); the oldest go. */
void hub_recent_add(struct hub_recent *recent, struct hub_body *body);
/** Borrowed, or NULL. */
struct hub_body *hub_recent_find(const struct hub_recent *recent, uint64_t message);
/** Nobody will ask for it any more. */
void hub_recent_forget(struct hub_recent *recent, uint64_t message);
void hub_recent_fini(struct hub_recent *recent);

#endif
