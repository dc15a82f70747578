/* Which segments are worth a merge. */
#include "hub/store/merge.h"

enum {
    TINY_MANY = 32, /* small segments that are worth a merge without any garbage */
    SLACK = 2,      /* segments of garbage that are left alone */
    ENTRY = 12,     /* about what an entry takes in meta */
};

static uint64_t cost(const struct hub_segment *segment)
{
    return segment->catalog.live_bytes + segment->catalog.live.count * (HUB_BODY_HEAD + ENTRY);
}

/* Neighbours from @p from on whose wanted messages fit into one segment. */
static size_t run_from(const struct hub_log *log, size_t from, size_t end, uint64_t *ret_bytes,
                       uint64_t *ret_live)
{
    size_t i = from;

    *ret_bytes = *ret_live = 0;
    for (; i < end && i - from < 64 && !log->segments[i]->merging; i++) {
        uint64_t live = cost(log->segments[i]);

        if (i > from && *ret_live + live > log->segment_bytes / 4 * 3)
            break;
        *ret_live += live;
        *ret_bytes += log->segments[i]->end;
    }
    return i - from;
}

/* What is gone soon anyway is not worth a copy: the log may be twice what is wanted, and a little
 * more. */
static bool is_fat(const struct hub_log *log, size_t from, size_t end)
{
    uint64_t bytes = 0;
    uint64_t live = 0;

    for (size_t i = from; i < end; i++) {
        bytes += log->segments[i]->end;
        live += cost(log->segments[i]);
    }
    return bytes > live * 2 + log->segment_bytes * SLACK;
}

/* With the lock. Those at the old end of which nothing is wanted are deleted as they are. */
size_t hub_merge_choose(const struct hub_log *log, size_t *ret_from)
{
    size_t end = log->count > 0 && log->segments[log->count - 1] == log->active ? log->count - 1
                                                                                : log->count;
    size_t from = 0;
    bool fat;

    while (from < end && log->segments[from]->catalog.live.count == 0)
        from++;
    fat = is_fat(log, from, end);
    for (size_t i = from; (fat || end - from >= TINY_MANY) && i < end; i++) {
        uint64_t bytes;
        uint64_t live;
        size_t n = run_from(log, i, end, &bytes, &live);
        bool saves = fat && bytes > live * 2 && bytes - live > log->segment_bytes / 2;

        *ret_from = i;
        if (n > 0 && (saves || n >= TINY_MANY))
            return n;
    }
    return 0;
}
