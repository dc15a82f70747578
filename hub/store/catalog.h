/* hub/store/catalog.h - what is known of a segment in memory: which of its messages are wanted, and
 * about where they are: a mark every few kilobytes. Pure.
 *
 *   marks   1 @64        17 @16500       31 @33010          each message is behind the last mark
 *   file    | 1 | 2 | ..  | 17 | 18 | ..  | 31 | ..          that is not above it, a short walk
 */
#ifndef HUB_STORE_CATALOG_H
#define HUB_STORE_CATALOG_H

#include "hub/store/live.h"

enum { HUB_MARK_BYTES = 16 * 1024 };

struct hub_mark {
    uint64_t message;
    uint32_t at; /* of a body's head, in the file */
};
/** `{0}` is empty. */
struct hub_catalog {
    uint64_t first, last; /* messages, wanted or not; 0: none */
    struct hub_live live;
    uint64_t live_bytes;
    struct hub_mark *marks;
    size_t nmarks, size;
};

/** A message whose body's head is @p at; numbers grow. Aborts without memory. */
void hub_catalog_add(struct hub_catalog *catalog, uint64_t message, uint64_t at);
/** The mark from which to look for @p message; NULL: it is not here. */
const struct hub_mark *hub_catalog_find(const struct hub_catalog *catalog, uint64_t message);
void hub_catalog_fini(struct hub_catalog *catalog);

#endif
