/* hub/store/shared.h - how many queues still hold a message that went into several. Messages of one
 * queue, which are most, are not in here. Pure; loop thread. */
#ifndef HUB_STORE_SHARED_H
#define HUB_STORE_SHARED_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

/** `{0}` is empty. */
struct hub_shared {
    uint64_t *slots; /* message << 10 | count; 0 is free */
    size_t size;     /* a power of two, or 0 */
    size_t used;
};

/** Make sure that @p more messages fit. @return 0 or -ENOMEM */
EDGE_MUST_CHECK int hub_shared_reserve(struct hub_shared *shared, size_t more);
/** After a reserve. */
void hub_shared_add(struct hub_shared *shared, uint64_t message, unsigned count);
/** One queue less. @return how many are left; 0 also for a message that is not here */
unsigned hub_shared_drop(struct hub_shared *shared, uint64_t message);
void hub_shared_fini(struct hub_shared *shared);

#endif
