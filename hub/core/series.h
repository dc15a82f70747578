/* hub/core/series.h - what hub/core/metrics.h counts in. Private to metrics.c and metrics_text.c.
 * Loop thread. */
#ifndef HUB_CORE_SERIES_H
#define HUB_CORE_SERIES_H

#include "hub/core/metrics.h"

enum {
    HUB_LABELS_MAX = 5,
    HUB_SERIES_BUCKETS = 8192, /* of the table */
    /* of a summary */
    HUB_SIZE_STEPS = 4, /* to the double of a value */
    HUB_SIZE_LOW = -20, /* powers of two that are told apart */
    HUB_SIZE_HIGH = 24,
    HUB_SIZES = (HUB_SIZE_HIGH - HUB_SIZE_LOW) * HUB_SIZE_STEPS,
};

struct hub_series_kind {
    const char *name;
    const char *labels[HUB_LABELS_MAX];
};
struct hub_series_sizes {
    uint32_t of[HUB_SIZES];
};
struct hub_series {
    struct hub_series *next; /* in its bucket */
    struct hub_series *same; /* of its kind */
    uint64_t hash;
    const struct hub_series_kind *kind;
    uint64_t count;
    double sum;                            /* of a summary */
    struct hub_series_sizes *now, *before; /* this hour's and the last one's; NULL: none came */
    size_t len;
    char key[]; /* label values, each with its NUL */
};
struct hub_metrics {
    char *defaults; /* labels of every line */
    struct hub_series *kinds[HUB_COUNT_MAX + HUB_SUMMARY_MAX];
    unsigned count;
    struct hub_series *buckets[HUB_SERIES_BUCKETS];
};

/** Labels of every line, as text; the caller frees it. NULL without memory. */
char *hub_metrics_defaults(const char *iothub, const char *device);

#endif
