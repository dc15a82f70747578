/* hub/store/segment.h - what the files of the log share: log.c, log_load.c, log_write.c,
 * log_read.c, log_merge.c. */
#ifndef HUB_STORE_SEGMENT_H
#define HUB_STORE_SEGMENT_H

#include <pthread.h>

#include "hub/store/log.h"

enum { HUB_SEGMENT_BYTES = 16 * 1024 * 1024, HUB_SEGMENT_BYTES_MIN = 1024 * 1024 };

struct hub_segment {
    struct hub_segment_head head;
    uint64_t end;  /* of its groups */
    uint64_t size; /* of its file */
    bool merging;
    struct hub_catalog catalog;
};

/** What a route's ledger is on disk, and with the group that is being written. */
struct hub_log_route {
    struct hub_ledger now, next;
    bool touched;
    uint64_t named; /* the stretch of log it was last named in */
};

struct hub_log {
    struct hub_log_options options;
    const struct hub_files *files;
    char *dir;
    pthread_mutex_t lock; /* guards the list and the catalogs; held for a few instructions */
    pthread_mutex_t old;  /* held by who reads or changes old segments as a whole */
    struct hub_segment **segments; /* the oldest first */
    size_t count, size;
    size_t hint; /* where the last message was found */
    int64_t merge_after_ms;

    /* the commit thread's */
    struct hub_segment *active; /* the last, or NULL */
    int fd;                     /* its file; -1 */
    uint64_t segment_bytes, sequence, next_id, next_message;
    uint64_t stretch; /* of the log: names are told once in each */
    uint64_t stretch_end, stretch_len, names_len;
    struct hub_log_route *routes;
    size_t nroutes;
    uint64_t *queues_named; /* stretches by queue */
    size_t nqueues;
    struct hub_encoder encoder;
};

/** The file of a segment; the caller frees it. NULL without memory. */
char *hub_segment_path(const struct hub_log *log, const struct hub_segment_head *head);
char *hub_log_path(const struct hub_log *log, const char *name);
struct hub_segment *hub_segment_create(void);
struct hub_segment *hub_segment_destroy(struct hub_segment *segment);
EDGE_DEFINE_CLEANUP(struct hub_segment *, hub_segment_destroy)
/** A new salt. */
uint64_t hub_segment_salt(void);
/** Append to the list. @return 0 or -ENOMEM */
EDGE_MUST_CHECK int hub_log_add(struct hub_log *log, struct hub_segment *segment);
/** With the lock. NULL: it is in none. */
struct hub_segment *hub_log_find(struct hub_log *log, uint64_t message);

/** Bytes of a file, through a window; open while it is looked at. */
struct hub_file_source {
    struct hub_source source;
    const struct hub_files *files;
    char *path;
    int fd;
    uint8_t *window;
    size_t window_size, have, ahead;
    uint64_t at;
    int failed; /* the last view, or 0: there is no such place */
};
/** @param path  becomes the source's */
void hub_file_source_init(struct hub_file_source *source, const struct hub_files *files, char *path,
                          uint64_t size);
void hub_file_source_fini(struct hub_file_source *source);
static inline void hub_file_source_finip(struct hub_file_source *source)
{
    hub_file_source_fini(source);
}

/* log_load.c */
EDGE_MUST_CHECK int hub_log_load(struct hub_log *log, const struct hub_scan_found *found,
                                 uint64_t *ret_next_message, bool *ret_damaged,
                                 struct edge_err *err);

/* log_merge.c */

/** The segments @p from .. @p from + @p count - 1 of the list into a new file in their place; what
 * cannot be read is left out. The old files are deleted.
 * @param ret_aside  not NULL: the one old file is kept under this name, which the caller frees
 * @return 0 or negative errno: nothing has changed */
EDGE_MUST_CHECK int hub_log_merge_run(struct hub_log *log, size_t from, size_t count,
                                      char **ret_aside);

#endif
