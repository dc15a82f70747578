/* hub/store/internal.h - the store as its files on the loop thread share it: store.c, load.c,
 * put.c, committed.c, queue.c, take.c, remove.c, expiry.c, ahead.c, document.c, ledger.c, tidy.c.
 */
#ifndef HUB_STORE_INTERNAL_H
#define HUB_STORE_INTERNAL_H

#include "common/base/map.h"
#include "common/loop/pool.h"
#include "hub/store/commit.h"
#include "hub/store/disk.h"
#include "hub/store/index.h"
#include "hub/store/oldest.h"
#include "hub/store/shared.h"
#include "hub/store/store.h"

enum {
    HUB_ENTRY_COST = 32,                    /* of max_bytes, besides the body */
    HUB_UNCOMMITTED_MAX = 16 * 1024 * 1024, /* bytes; whatever the producers do */
    HUB_GONE_ENOUGH = 4096,                 /* so many deletions are a group of their own */
    HUB_RETRY_MS = 1000,                    /* between attempts while the disk fails */
};
/* Nobody waits for an acknowledgement to be written: it may wait for company. */
#define HUB_GONE_DELAY_NS ((int64_t) 100 * 1000 * 1000)

/** What was taken and is not settled, in the order of ids. */
struct hub_taken {
    struct hub_entry entry;
    unsigned times;
};

struct hub_queue {
    struct hub_store *store;
    char *name;
    uint32_t number; /* in the store's list, and in this run's part of the log */
    bool waiting;    /* its consumer was told that there is nothing now */
    bool to_wake;    /* in the store's list of those to call */
    bool retry;      /* nothing is read for it before the disk is tried again, which wakes it */
    uint64_t length, bytes;
    struct hub_oldest_item item;
    struct hub_index index; /* not taken yet */
    struct hub_taken *taken;
    size_t ntaken, taken_size, taken_first; /* [taken_first, ntaken) */
    size_t again;                           /* the first of those that is to be taken again */
    struct hub_body *current;               /* lent by the last take */
    /* ahead.c */
    struct hub_index_mark read_to; /* in the index: read ahead, or asked for, up to here */
    struct hub_body **ahead;       /* [ahead_first, nahead), in the order of ids */
    size_t nahead, ahead_size, ahead_first;
    struct hub_read *reading; /* under way, or NULL */
    unsigned failures;        /* of reading, in a row */
    void (*ready)(struct hub_queue *queue, void *arg);
    void *arg;
    struct hub_queue *next_to_wake;
};

/** Entries of a queue that was cleared, on their way out. */
struct hub_trash {
    struct hub_index index;
    enum hub_store_drop why;
    struct hub_trash *next;
};

/** The wall clock was set. */
struct hub_jump {
    uint64_t before; /* messages with lower numbers do not know of it */
    int64_t by_t;
};

struct hub_store {
    struct hub_store_options options;
    struct edge_loop *loop;
    char *path, *copy, *vfs;
    struct hub_disk disk; /* the commit thread's while it runs */
    struct hub_log *log;
    struct hub_db *writer, *reader; /* of documents */
    struct hub_commit *commit;
    struct edge_pool *pool; /* reads, and tidies */
    struct edge_timer *retry, *quiet, *recopy;
    bool closed;

    struct edge_map names;     /* -> struct hub_queue */
    struct hub_queue **queues; /* by number, with holes */
    size_t nqueues, queues_size, first_hole;
    struct hub_oldest oldest;
    char **routes;             /* names by number; HUB_ROUTES_MAX of them */
    struct hub_ledger *ledger; /* by number */
    size_t nroutes;
    struct hub_shared shared;
    size_t shared_to_come; /* messages for it that are not committed yet */
    struct hub_recent recent;
    struct hub_trash *trash, **trash_end;
    size_t expire_at; /* the next queue to look at; nqueues: not at it */
    int64_t expire_now_t;
    int64_t clock_wall_ns, clock_steady_ms; /* when it was last looked at */
    struct hub_jump jumps[8];
    unsigned njumps;

    struct hub_queue *to_wake, **to_wake_end;
    uint64_t next_message;
    uint64_t max_bytes, default_max;
    uint64_t pending, pending_bytes; /* bytes also of what is not committed yet */
    size_t uncommitted;
    size_t ahead_bytes, ahead_max;
    uint64_t disk_free, commits, rows;
    bool full;    /* nothing is put now */
    bool failing; /* ... because writing failed */
    bool damaged; /* ... because the file is broken */
    bool tidying; /* SQLite's log is being copied */
    bool merging; /* ours is */
    bool noise;   /* something was written since the quiet timer began */
    uint64_t quiet_ms;
    int64_t copied_ms; /* steady: when the documents' copy was last looked at; 0: not yet */
    uint64_t log_left; /* bytes that the last copying left; while tidying the reading thread's */
    uint64_t audited;  /* commits at the last check that found nothing wrong */
};

/* load.c */

/** Open the file, or set it aside and begin anew; read the index.
 * @return 0, EDGE_ESTORE, -ENOMEM */
EDGE_MUST_CHECK int hub_store_load(struct hub_store *store, struct edge_err *err);
/** Room for a queue of this number. @return 0 or -ENOMEM */
EDGE_MUST_CHECK int hub_store_make_number(struct hub_store *store, size_t number);
/** Forget queues, routes and what waits. */
void hub_store_free_lists(struct hub_store *store);

/* expiry.c */

/** The wall clock in ticks. */
int64_t hub_store_now_t(struct hub_store *store);
bool hub_store_expired(const struct hub_store *store, const struct hub_entry *entry, int64_t now_t);

/* committed.c */

/** A group has come back. */
void hub_store_committed(void *group);
/** While the disk fails or is full: look again. */
void hub_store_retry(void *store);

/* tidy.c */

/** After each group: does a log want to be made smaller? */
void hub_store_tidy(struct hub_store *store, const struct hub_group *group);
void hub_store_on_quiet(void *store);
void hub_store_recopy(void *store);
/** The documents' copy is old, or damaged, when the hub was killed: look at it once. */
void hub_store_copy_later(struct hub_store *store);

/* queue.c */

EDGE_MUST_CHECK int hub_queue_create(struct hub_store *store, const char *name, uint32_t number,
                                     struct hub_queue **ret);
/** A new last entry, which is on disk. */
void hub_queue_append(struct hub_queue *queue, const struct hub_entry *entry);
/** The first entry that is not at the consumer; NULL @p ret_taken: it is in the index.
 * @return false when there is none */
bool hub_queue_first(const struct hub_queue *queue, struct hub_entry *ret);
/** Have the consumer called, if it waits. */
void hub_queue_wake(struct hub_queue *queue);
/** ... from the next turn. */
void hub_queue_wake_soon(struct hub_queue *queue);
/** ... and read for it again, in a second. */
void hub_queue_retry(struct hub_queue *queue);
/** Call those that are to be called. */
void hub_store_run_wakes(void *store);
void hub_queue_free(struct hub_queue *queue);

/* remove.c: the ways out */

enum hub_way { HUB_WAY_DELIVERED, HUB_WAY_EXPIRED, HUB_WAY_DROPPED };
/** An entry that is in no list any more leaves the accounts, its queue's too, and the disk with the
 * next group. */
void hub_queue_remove(struct hub_queue *queue, const struct hub_entry *entry, enum hub_way way,
                      enum hub_store_drop why);
/** Take the first entry, which hub_queue_first shows, out of its list. */
void hub_queue_remove_first(struct hub_queue *queue, enum hub_way way, enum hub_store_drop why);
/** Some more of what was cleared, and of what has expired: as much as a group takes. */
void hub_store_pump(struct hub_store *store);
/** All that was cleared, at the end: it must not be there again. */
void hub_store_empty_trash(struct hub_store *store);

/* ahead.c */

/** The body of @p entry, the queue's first, borrowed. NULL: it is being read, or will be when the
 * disk is tried again (queue->retry). */
struct hub_body *hub_ahead_find(struct hub_queue *queue, const struct hub_entry *entry);
/** What was read ahead is of no use. */
void hub_ahead_drop(struct hub_queue *queue);

#endif
