/* hub/auth/cache.h - the identities of our scope: in memory, and sealed as documents of the store,
 * so that the hub lets its clients in after a restart with no cloud. Loop thread.
 *
 *   nothing --put--> present --gone--> absent (a tombstone, on disk where it was present)
 *      |                 ^                |
 *      +--gone--> absent +------put-------+      of the absent the oldest are forgotten */
#ifndef HUB_AUTH_CACHE_H
#define HUB_AUTH_CACHE_H

#include "common/base/map.h"
#include "hub/auth/proof.h"
#include "hub/store/store.h"
#include "hub/workload/workload.h"

enum { HUB_IDENTITIES_MAX = 20000, HUB_ABSENT_MAX = 1000 };

struct hub_record {
    struct edge_identity who;
    struct hub_entry *entry; /* NULL: absent */
    struct hub_proof *proof; /* by which it came in; or NULL */
    int64_t asked_ms;        /* when IoT Hub last said something of it alone; 0: never */
    bool early;              /* and it was asked before its time */
    unsigned round;          /* the full refresh that has seen it last */
    bool changed;            /* since hub_cache_settle */
    bool stored;
    struct hub_record *next, *previous; /* of the present, or of the absent, oldest first */
};
struct hub_record_list {
    struct hub_record *first, *last;
    size_t count;
};
struct hub_cache {
    struct hub_store *store;
    const struct hub_vault *vault;
    struct edge_map names;
    struct hub_record_list present, absent;
    bool full;       /* more than HUB_IDENTITIES_MAX were offered */
    unsigned failed; /* documents that could not be written */
};

/** Read what is on disk; what cannot be unsealed is deleted. @return 0, EDGE_ESTORE, -ENOMEM */
EDGE_MUST_CHECK int hub_cache_open(struct hub_cache *cache, struct hub_store *store,
                                   const struct hub_vault *vault);
void hub_cache_fini(struct hub_cache *cache);

/** NULL: nothing is known. */
struct hub_record *hub_cache_find(const struct hub_cache *cache, const struct edge_identity *who);
/** The entry, NULL when absent or unknown; of a module's device with @p device. */
const struct hub_entry *hub_cache_entry(const struct hub_cache *cache,
                                        const struct edge_identity *who, bool device);
/** IoT Hub lists it so, in full refresh @p round. Over HUB_IDENTITIES_MAX it is passed over.
 * @return the record, or NULL: passed over, no memory */
struct hub_record *hub_cache_put(struct hub_cache *cache, const struct hub_entry *entry,
                                 unsigned round);
/** IoT Hub says that it is not in our scope. @return the record, or NULL without memory */
struct hub_record *hub_cache_gone(struct hub_cache *cache, const struct edge_identity *who);
/** All that @p round has not seen are gone. */
void hub_cache_sweep(struct hub_cache *cache, unsigned round);
/** Changes have been looked at. @p lost is called for each identity that had come in by a proof
 * that does not hold any more; it may use the cache. */
void hub_cache_settle(struct hub_cache *cache, int64_t now_s,
                      void (*lost)(const struct edge_identity *who, void *arg), void *arg);

#endif
