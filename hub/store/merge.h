/* hub/store/merge.h - what log_merge.c, merge_copy.c and merge_choose.c share. The reading thread
 * that merges, or who opens the log. */
#ifndef HUB_STORE_MERGE_H
#define HUB_STORE_MERGE_H

#include "common/base/map.h"
#include "hub/store/segment.h"

struct hub_merge_names {
    char **items; /* by number in the old segment */
    size_t size;
    struct edge_map numbers; /* in the new one: (number + 1) as a pointer */
    size_t next;
};

struct hub_merge {
    struct hub_log *log;
    size_t from, count;
    struct hub_segment **run; /* `count` of them */
    bool repairs;
    size_t at;
    struct hub_file_source meta, bodies;
    struct hub_gone_set gone;
    struct hub_merge_names queues, routes;
    struct hub_encoder encoder;
    struct hub_mark *places; /* of the group's messages, in its bodies */
    size_t nplaces, places_size;
    struct hub_segment *to;
    char *path; /* of the new file, once it is whole */
    int fd;
    uint64_t sequence, next_message;
    /* the put that is being read */
    struct hub_log_record put;
    uint64_t body, last;
    struct hub_log_record targets[HUB_STORE_TARGETS_MAX];
    size_t ntargets;
};

/* merge_choose.c */

/** With the log's lock: neighbours that are worth a merge. @return how many, from @p ret_from on */
size_t hub_merge_choose(const struct hub_log *log, size_t *ret_from);

/* merge_copy.c */

/** Read the run: first, not @p copying, what is gone; then copy what is wanted.
 * @return 0 or negative errno */
EDGE_MUST_CHECK int hub_merge_segments(struct hub_merge *m, bool copying);
/** Write the group that is being filled. @return 0 or negative errno */
EDGE_MUST_CHECK int hub_merge_flush(struct hub_merge *m);
void hub_merge_forget_names(struct hub_merge_names *names);

#endif
