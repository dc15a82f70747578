/* hub/store/store.h - what the hub keeps on disk: messages that wait in queues, and documents. The
 * only room that knows SQLite and the log. It knows nothing of MQTT, routes or IoT Hub: bodies are
 * bytes, queues and routes are names.
 *
 *   put --> group --commit thread: written, one fsync----> done, in order --> queue --> take
 *                                                                                    |        |
 *                                            rewind: what was taken comes again  <---+-- ack:
 *                                                                              deleted
 *
 * Everything here runs on the loop thread and returns at once, but open and close; callbacks come
 * from turns of the loop, never from within a call. What has been put before a call of `close`
 * either was told with 0 and is on disk, or is told with a negative code.
 *
 * Power may fail at any instruction: what was told with 0 is there afterwards. A taken message that
 * was not acknowledged comes again. Per route: in = delivered + expired + dropped + pending, in the
 * same writes as the messages themselves. */
#ifndef HUB_STORE_STORE_H
#define HUB_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/loop/loop.h"

struct hub_files;
struct hub_store;
struct hub_queue; /* lives as long as the store */

enum {
    HUB_STORE_NAME_MAX = 1024,       /* bytes of a name of a queue, route, document */
    HUB_STORE_BODY_MAX = 512 * 1024, /* bytes of a message */
    HUB_STORE_TARGETS_MAX = 256,     /* queues one message is put into */
    HUB_STORE_DOCUMENT_MAX = 1024 * 1024,
};

enum hub_store_policy {
    HUB_STORE_REFUSE_NEW,
    HUB_STORE_DROP_OLDEST, /* the oldest messages of all queues make room */
};

/** Why something is no longer pending and was not delivered. */
enum hub_store_drop {
    HUB_DROP_LIMIT,    /* oldest, for the sake of newer ones */
    HUB_DROP_ROUTE,    /* its queue was dropped: no route leads there any more */
    HUB_DROP_REJECTED, /* the consumer will never take it */
    HUB_DROP_CORRUPT,  /* unreadable on disk */
    HUB_DROP_NO_ROUTE, /* counted only: hub_store_count_unrouted */
    HUB_DROP_MAX
};

struct hub_store_options {
    struct edge_loop *loop;
    const char *dir;    /* made when absent (0700); one process at a time */
    uint64_t max_bytes; /* of pending messages; 0: half of what the disk has free at open */
    enum hub_store_policy policy;
    uint64_t reserve_bytes; /* of the disk left alone; 0: 32 MiB. Below it only what frees space is
                               done, and put says FULL */
    size_t cache_bytes;     /* messages kept in memory for the taking; 0: 4 MiB */
    unsigned
        commit_delay_us; /* the longest a group waits for company while the disk is idle; 0: none */
    const char *vfs;     /* SQLite's, for tests that break it; NULL: the default */
    const struct hub_files *files; /* the log's, for tests that break them; NULL: the disk's */
    /** Something a person must hear: the disk is full, or fine again; a file was set aside. One
     * line, once for each change. */
    void (*notice)(const char *text, void *arg);
    void *arg;
};
/**
 * Open, check, and read the index of what is pending. A file that is torn or of another make is set
 * aside (its name gets ".broken-<time>", the newest two are kept) and told by `notice`; what can be
 * read of it is carried over.
 * @return 0, EDGE_ECONFLICT another process has it, EDGE_ESTORE the folder cannot be used, -ENOMEM
 */
EDGE_MUST_CHECK int hub_store_open(const struct hub_store_options *options, struct hub_store **ret,
                                   struct edge_err *err);
/** Commit what was put, then let go; blocks. Outstanding `done`s come in the loop's next turns, or
 * in edge_loop_destroy. Accepts NULL; returns NULL. */
struct hub_store *hub_store_close(struct hub_store *store);
void hub_store_set_limit(struct hub_store *store, uint64_t max_bytes, enum hub_store_policy policy);

/* Routes, for the ledger: a name is a number for as long as the store is open. */

/** @return the number, 0 and up, or negative: EDGE_ELIMIT (over 1,000 names), -ENOMEM */
EDGE_MUST_CHECK int hub_store_route(struct hub_store *store, const char *name);

/* Queues: first in, first out. */

/** Find a queue or make it (empty, in memory: a queue without messages is not on disk).
 * @return NULL without memory, or over 100,000 queues */
struct hub_queue *hub_store_queue(struct hub_store *store, const char *name);
/** Every queue with something pending, in the order of their first message. */
void hub_store_each_queue(struct hub_store *store, void (*fn)(struct hub_queue *queue, void *arg),
                          void *arg);
const char *hub_queue_name(const struct hub_queue *queue);
uint64_t hub_queue_length(const struct hub_queue *queue); /* pending, also what is taken */
/** For its one consumer: @p ready is called, from a turn of the loop, when take may give something
 * after it has said anything else: after WAIT and FAILING surely, also when what was waited for is
 * cleared, has expired or cannot be read. NULL: nobody consumes. */
void hub_queue_consume(struct hub_queue *queue, void (*ready)(struct hub_queue *queue, void *arg),
                       void *arg);

/** A message that was taken. */
struct hub_stored {
    uint64_t id;            /* for ack; ids of a queue grow */
    int route;              /* by which it came; hub_store_route's number */
    int64_t enqueued_ns;    /* wall clock, when it was put */
    int64_t expires_ns;     /* INT64_MAX: never */
    unsigned taken;         /* times it was taken before, since the store was opened */
    struct edge_bytes data; /* borrowed until the next call for this queue */
};
enum { HUB_QUEUE_EMPTY = 1, HUB_QUEUE_WAIT = 2, HUB_QUEUE_FAILING = 3 };
/** The next message not taken yet. Expired ones are passed over, deleted and counted.
 * @return 0, HUB_QUEUE_EMPTY, HUB_QUEUE_WAIT (it is being read from disk), HUB_QUEUE_FAILING (the
 * disk did not give it, or there is no memory: it is tried again in a second) */
EDGE_MUST_CHECK int hub_queue_take(struct hub_queue *queue, struct hub_stored *ret);
/** Delivered: it goes with the next group; nobody waits for that. Unknown ids are passed over. */
void hub_queue_ack(struct hub_queue *queue, uint64_t id);
/** The consumer will never take it: deleted, and counted as dropped. */
void hub_queue_drop(struct hub_queue *queue, uint64_t id, enum hub_store_drop why);
/** What was taken and not acknowledged comes again, first and in its order. */
void hub_queue_rewind(struct hub_queue *queue);
/** Delete everything in it; what is taken too. */
void hub_queue_clear(struct hub_queue *queue, enum hub_store_drop why);
/** Delete what has expired at the heads of all queues. To be called now and then (once a minute).
 */
void hub_store_expire(struct hub_store *store);

/* Producers. */

struct hub_target {
    struct hub_queue *queue;
    int route;
    int64_t ttl_s; /* from now; 0 or less: for ever */
};
typedef void hub_stored_done(int rc, void *arg);
enum { HUB_STORE_FULL = 1 };
/** Put one message into queues. @p data and @p targets are borrowed for the call. @p done comes
 * when it is on disk (0) or could not be written (negative: nothing of it is there), in the order
 * of the puts.
 * @return 0 · HUB_STORE_FULL over the limit, or the disk is at its reserve: nothing is taken, done
 * is not called · EDGE_ELIMIT · -ENOMEM */
EDGE_MUST_CHECK int hub_store_put(struct hub_store *store, struct edge_bytes data,
                                  const struct hub_target *targets, size_t ntargets,
                                  hub_stored_done *done, void *arg);
/** Bytes put and not yet committed: the producers' measure for back-pressure. */
size_t hub_store_uncommitted(const struct hub_store *store);
/** A message without a route: counted under @p route (a name such as "") as in and dropped. */
void hub_store_count_unrouted(struct hub_store *store, int route);

/* Documents: small, few, named; sessions, twins, identities, configuration. */

/** Replace, or delete with NULL data; copied. Committed in the order of calls, and told in that of
 * puts; of what is committed together, messages go first. @p done may be NULL.
 * @return 0, EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int hub_store_set(struct hub_store *store, const char *kind, const char *name,
                                  struct edge_bytes data, hub_stored_done *done, void *arg);
/** Read one, seen with all that was set before. @p done gets NULL data when there is none.
 * @return 0 or -ENOMEM */
EDGE_MUST_CHECK int hub_store_get(struct hub_store *store, const char *kind, const char *name,
                                  void (*done)(int rc, struct edge_bytes data, void *arg),
                                  void *arg);
/** All of a kind, at boot: blocks. @return 0 or EDGE_ESTORE */
EDGE_MUST_CHECK int hub_store_each(struct hub_store *store, const char *kind,
                                   void (*fn)(const char *name, struct edge_bytes data, void *arg),
                                   void *arg);

/* The ledger. */

struct hub_ledger {
    uint64_t in, delivered, expired, dropped[HUB_DROP_MAX], pending;
};
void hub_store_each_route(struct hub_store *store,
                          void (*fn)(const char *name, const struct hub_ledger *ledger, void *arg),
                          void *arg);
/** Does every route add up, and do the queues hold what the ledger says is pending? Later, from the
 * disk. @p done gets 0, or EDGE_ESTORE with what does not. @return 0 or -ENOMEM */
EDGE_MUST_CHECK int hub_store_check(struct hub_store *store,
                                    void (*done)(int rc, const char *text, void *arg), void *arg);
struct hub_store_figures {
    uint64_t pending, pending_bytes, max_bytes, disk_free;
    uint64_t commits, rows; /* since open */
    bool full;
    bool damaged; /* the file is broken: it is repaired by closing and opening */
};
void hub_store_figures(const struct hub_store *store, struct hub_store_figures *ret);

#endif
