/* hub/store/group.h - what is written in one go. Filled by the loop thread while the commit thread
 * writes another; then it belongs to the commit thread, and goes back to the loop thread with its
 * result. */
#ifndef HUB_STORE_GROUP_H
#define HUB_STORE_GROUP_H

#include <stdbool.h>

#include "common/base/bytes.h"
#include "hub/store/body.h"
#include "hub/store/index.h"
#include "hub/store/store.h"

enum { HUB_ROUTES_MAX = 1000, HUB_QUEUES_MAX = 100000 };

/** A queue's entry to come. */
struct hub_group_target {
    struct hub_queue *queue; /* for the loop thread */
    const char *name;        /* of the queue; lives on */
    uint32_t number;         /* of the queue on disk */
    int route;
    int64_t expires_t;
};

enum hub_op_kind { HUB_OP_PUT, HUB_OP_SET, HUB_OP_GET };
typedef void hub_document_done(int rc, struct edge_bytes data, void *arg);
struct hub_op {
    enum hub_op_kind kind;
    struct hub_body *body;         /* PUT */
    size_t first_target, ntargets; /* PUT: in the group's targets */
    char *key;                     /* SET, GET: the kind, NUL, the name, NUL */
    uint8_t *owned; /* SET: what to write, or NULL to delete; GET: what was read, or NULL */
    size_t len;
    hub_stored_done *done;  /* PUT, SET; may be NULL */
    hub_document_done *got; /* GET */
    void *arg;
    int rc; /* what came of it */
};

/** An entry that is not wanted any more. */
struct hub_gone {
    uint64_t entry;
    uint32_t size; /* of its message */
    bool last;     /* of the message's */
};

struct hub_group {
    struct hub_op *ops;
    size_t nops, ops_size;
    struct hub_group_target *targets;
    size_t ntargets, targets_size;
    struct hub_gone *gone;
    size_t ngone, gone_size;
    struct hub_ledger *change; /* by route: `in` of what is put, the rest of what is gone; what is
                                  dropped for want of a route came in, too */
    size_t nchange;
    size_t bytes;          /* of bodies and documents */
    uint64_t next_message; /* above all of the puts */
    int64_t due_ns;        /* CLOCK_MONOTONIC: to be begun by then; INT64_MAX: empty */
    bool probe;            /* write something, to see whether it works (again) */

    bool quiet; /* nothing happens: copy all of SQLite's log into its file, make it small */
    bool copy;  /* ... and have the documents' copy say what they do */

    /* what came of it */
    int rc;
    bool wrote;
    bool damaged; /* it failed because the file is broken */
    bool merge;   /* the log has something to gain by it */
    uint64_t rows;
    uint64_t wal_bytes; /* in SQLite's log, after it */
    uint64_t disk_free; /* with what our log has free inside */
    char trouble[200];  /* what failed, for a person */
    struct hub_store *store;
    struct hub_group *spare; /* hub_store's list */
};

/** NULL without memory. */
struct hub_group *hub_group_create(struct hub_store *store);
/** Ready to be filled anew; what is in it is freed. */
void hub_group_clear(struct hub_group *group);
struct hub_group *hub_group_destroy(struct hub_group *group);

/** Make room, so that the calls below cannot fail. @return 0 or -ENOMEM */
EDGE_MUST_CHECK int hub_group_reserve(struct hub_group *group, size_t ops, size_t targets);
struct hub_op *hub_group_add(struct hub_group *group);
struct hub_group_target *hub_group_add_target(struct hub_group *group);
/** Aborts without memory: a delivered message would come again and again. */
void hub_group_gone(struct hub_group *group, const struct hub_gone *gone);
/** The change of a route; aborts without memory. */
struct hub_ledger *hub_group_change(struct hub_group *group, int route);
bool hub_group_empty(const struct hub_group *group);
/** What the failed @p from must not lose goes to @p group: what is gone, and what was counted. */
void hub_group_carry(struct hub_group *group, const struct hub_group *from);
/** Documents of @p from that failed and nobody waits for go before what is in @p group. */
void hub_group_carry_documents(struct hub_group *group, struct hub_group *from);

#endif
