/* hub/store/scan.h - what all segments together say: which messages wait, for whom, and the ledger.
 * Pure: bytes come from sources. Twice through the log's meta: first what is gone, then the rest.
 */
#ifndef HUB_STORE_SCAN_H
#define HUB_STORE_SCAN_H

#include "hub/store/catalog.h"
#include "hub/store/walk.h"

struct hub_scan_segment {
    struct hub_source *source;
    uint64_t salt;
    uint64_t limit; /* nothing from here on counts */
    uint64_t told;  /* up to here there were groups; 0: not known */
    /* found */
    struct hub_catalog catalog;
    uint64_t end;
    bool damaged;
};

/** Each may return a negative code to end it. Names are whole texts. */
struct hub_scan_found {
    /** @return its number */
    int (*route)(const char *name, void *arg);
    int (*queue)(const char *name, void *arg);
    int (*entry)(const struct hub_entry *entry, uint32_t queue, void *arg);
    /** The later one holds. */
    void (*ledger)(int route, const struct hub_ledger *ledger, void *arg);
    void *arg;
};
/* Entries of messages with several targets, that are gone while the message may not be. */
struct hub_gone_set {
    uint64_t *entries;
    size_t count, size;
};
/** First: which messages are wanted, and which segments damaged. Segments in their order.
 * @return 0 or -ENOMEM */
EDGE_MUST_CHECK int hub_scan_gone(struct hub_scan_segment *segments, size_t count,
                                  struct hub_gone_set *ret_gone, uint64_t *ret_next_message);
/** Then: what waits, and the ledger. @return 0, or a negative code of @p found, -ENOMEM */
EDGE_MUST_CHECK int hub_scan_waiting(struct hub_scan_segment *segments, size_t count,
                                     const struct hub_gone_set *gone,
                                     const struct hub_scan_found *found);

EDGE_MUST_CHECK int hub_gone_set_add(struct hub_gone_set *set, uint64_t entry);
void hub_gone_set_sort(struct hub_gone_set *set);
/** After a sort. */
bool hub_gone_set_has(const struct hub_gone_set *set, uint64_t entry);
void hub_gone_set_fini(struct hub_gone_set *set);

#endif
