/* tests/emulator/store/store.h - the cloud's one file: documents by name, queues, telemetry. The
 * only room of the tests that knows SQLite. Loop thread.
 *
 * Whatever is written joins one transaction that is committed at the loop's next turn, so that
 * thousands of clients share an fsync. Reads see what was written. What may be acknowledged only
 * once it is on disk waits with store_wait. */
#ifndef TESTS_EMULATOR_STORE_STORE_H
#define TESTS_EMULATOR_STORE_STORE_H

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/loop/loop.h"

struct store;

/** Open @p path, made with mode 0600 when absent. Held alone until closed.
 * @return 0, EDGE_ESTORE, -ENOMEM */
EDGE_MUST_CHECK int store_open(struct edge_loop *loop, const char *path, struct store **ret,
                               struct edge_err *err);
/** Commits. Waits that are still queued are not called. Accepts NULL; returns NULL. */
struct store *store_close(struct store *store);
EDGE_DEFINE_CLEANUP(struct store *, store_close)

/** Somebody who waits for a commit. Embed it; zero it before the first use. */
struct store_wait {
    struct store_wait *next_, *prev_;
    void (*fn)(int rc, struct store_wait *wait); /* negative: what was written is lost */
};
/** Have @p fn called at a later turn of the loop, when all that has been written until now is on
 * disk. In the order of the calls. */
void store_wait(struct store *store, struct store_wait *wait,
                void (*fn)(int rc, struct store_wait *wait));
void store_unwait(struct store_wait *wait); /* nothing when it does not wait */

/* Documents: text under two names. */

enum store_table {
    STORE_META,       /* name, "" */
    STORE_POLICIES,   /* name, "" */
    STORE_IDENTITIES, /* device, module or "" */
    STORE_TWINS,      /* the same */
    STORE_SESSIONS,   /* the same: what a kept session is subscribed to */
    STORE_CONFIGURATIONS,
    STORE_JOBS,
    STORE_ENROLLMENTS,
    STORE_GROUPS,
    STORE_REGISTRATIONS,
    STORE_UPLOADS, /* device, correlation id */
    STORE_TABLES
};
enum { STORE_ABSENT = 1 };
/** @param body  appended to   @return 0, STORE_ABSENT, EDGE_ESTORE, EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int store_get(struct store *store, enum store_table table, const char *a,
                              const char *b, struct edge_buf *body);
EDGE_MUST_CHECK int store_put(struct store *store, enum store_table table, const char *a,
                              const char *b, const char *body);
EDGE_MUST_CHECK int store_del(struct store *store, enum store_table table, const char *a,
                              const char *b);
EDGE_MUST_CHECK int store_count(struct store *store, enum store_table table, int64_t *ret);

/** The document after (@p a, @p b) in the order of names, byte by byte. Both names are replaced:
 * buffers of STORE_NAME bytes; begin with "" and "".
 * @return 0, STORE_ABSENT at the end, negative */
enum { STORE_NAME = 257 };
EDGE_MUST_CHECK int store_next(struct store *store, enum store_table table, char *a, char *b,
                               struct edge_buf *body);

/* Queues: messages that are received under a lock, counted, and removed. */

struct store_item {
    int64_t id;          /* given by push; grows */
    const char *head;    /* JSON, borrowed */
    const uint8_t *body; /* borrowed */
    size_t len;
    int64_t enqueued_ns;
    int64_t expires_ns; /* INT64_MAX: never */
    int64_t locked_ns;  /* locked until; 0: not */
    uint32_t deliveries;
    char lock[37]; /* of the last delivery, or "" */
};
/** Everything of @p item but its id is written; ret_id is it. */
EDGE_MUST_CHECK int store_push(struct store *store, const char *queue,
                               const struct store_item *item, int64_t *ret_id);
/** The oldest that is not locked at @p now_ns and comes after @p after_id. Borrowed until the next
 * call. @return 0, STORE_ABSENT, negative */
EDGE_MUST_CHECK int store_peek(struct store *store, const char *queue, int64_t now_ns,
                               int64_t after_id, struct store_item *ret);
/** By its lock, or by its id when @p lock is NULL. */
EDGE_MUST_CHECK int store_find(struct store *store, const char *queue, const char *lock, int64_t id,
                               struct store_item *ret);
/** Write deliveries, lock and locked_ns. */
EDGE_MUST_CHECK int store_mark(struct store *store, const struct store_item *item);
EDGE_MUST_CHECK int store_drop(struct store *store, int64_t id);
/** Unlock what is locked until @p until_ns at most; deliveries stay. @param queue  NULL: all */
EDGE_MUST_CHECK int store_unlock(struct store *store, const char *queue, int64_t until_ns);
/** Delete a whole queue. */
EDGE_MUST_CHECK int store_purge(struct store *store, const char *queue);
EDGE_MUST_CHECK int store_queued(struct store *store, const char *queue, int64_t *ret);
/** One that has expired by @p now_ns, whatever its queue. @param ret_queue  borrowed
 * @return 0, STORE_ABSENT, negative */
EDGE_MUST_CHECK int store_expired(struct store *store, int64_t now_ns, struct store_item *ret,
                                  const char **ret_queue);
/** When the next expires or its lock ends; INT64_MAX when none does. */
EDGE_MUST_CHECK int store_due(struct store *store, int64_t *ret_ns);

/* Telemetry: partitions of numbered events, of which the last so many are kept. */

enum { STORE_PARTITIONS_MAX = 32 };
struct store_event {
    int64_t sequence;
    int64_t enqueued_ns;
    const char *head; /* JSON, borrowed */
    const uint8_t *body;
    size_t len;
};
struct store_range {
    int64_t first; /* first > last: empty */
    int64_t last;  /* -1: there has never been one */
    int64_t last_ns;
};
/** @param keep  events of each partition, > 0   @param item  its sequence is set */
EDGE_MUST_CHECK int store_append(struct store *store, unsigned partition, int64_t keep,
                                 struct store_event *item);
/** The first with a sequence from @p from on. Borrowed until the next call.
 * @return 0, STORE_ABSENT, negative */
EDGE_MUST_CHECK int store_event(struct store *store, unsigned partition, int64_t from,
                                struct store_event *ret);
/** The sequence of the first event enqueued at @p ns or later; last + 1 when there is none. */
EDGE_MUST_CHECK int store_event_since(struct store *store, unsigned partition, int64_t ns,
                                      int64_t *ret);
EDGE_MUST_CHECK int store_event_range(struct store *store, unsigned partition,
                                      struct store_range *ret);

#endif
