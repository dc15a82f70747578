/* hub/auth/papers.h - inside the room: the identities of our scope as sealed documents of the
 * store, kind "scope". Loop thread. A write that fails is counted in cache->failed: in memory all
 * is well, and the next change tries again. */
#ifndef HUB_AUTH_PAPERS_H
#define HUB_AUTH_PAPERS_H

#include "hub/auth/cache.h"

/** An absent one is kept as a tombstone. */
void hub_papers_save(struct hub_cache *cache, struct hub_record *record);
void hub_papers_erase(struct hub_cache *cache, const struct hub_record *record);
/** Blocks. @p each gets NULL @p entry for a tombstone; what it refuses, and what cannot be unsealed
 * or read, is deleted. @return 0, EDGE_ESTORE, -ENOMEM */
EDGE_MUST_CHECK int hub_papers_load(struct hub_cache *cache,
                                    int (*each)(const struct edge_identity *who,
                                                const struct hub_entry *entry, void *arg),
                                    void *arg);

#endif
