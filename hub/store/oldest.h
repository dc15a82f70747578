/* hub/store/oldest.h - which queue holds the oldest message: a heap of queues. Pure; loop thread.
 * A queue's head grows as it is emptied, mostly unseen here: the key in the heap is never above the
 * true one, and is put right when it comes to the top. */
#ifndef HUB_STORE_OLDEST_H
#define HUB_STORE_OLDEST_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct hub_oldest_item {
    uint64_t key;
    size_t place; /* in the heap, counted from 1; 0: not in it */
};
/** `{0}` is empty. */
struct hub_oldest {
    struct hub_oldest_item **items;
    size_t count, size;
};

/** Room for @p count items, which all may be in it at once. @return 0 or -ENOMEM */
EDGE_MUST_CHECK int hub_oldest_reserve(struct hub_oldest *oldest, size_t count);
/** Its key is now @p key, or lower than it was: put it in, or up. A higher key is left for later.
 */
void hub_oldest_offer(struct hub_oldest *oldest, struct hub_oldest_item *item, uint64_t key);
/** NULL when empty. */
struct hub_oldest_item *hub_oldest_top(const struct hub_oldest *oldest);
/** The top's true key. */
void hub_oldest_raise(struct hub_oldest *oldest, uint64_t key);
/** Take the top out. */
void hub_oldest_pop(struct hub_oldest *oldest);
void hub_oldest_fini(struct hub_oldest *oldest);

#endif
