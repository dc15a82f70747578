/* hub/store/db.h - the file: one connection to it, and what is done in one go. The files that
 * include sqlite.h are db.c, write.c, schema.c, read.c, salvage.c. A connection belongs to one
 * thread. */
#ifndef HUB_STORE_DB_H
#define HUB_STORE_DB_H

#include "hub/store/body.h"
#include "hub/store/group.h"
#include "hub/store/index.h"

struct hub_db;

enum { HUB_ROUTES_MAX = 1000, HUB_QUEUES_MAX = 100000 };

enum hub_db_use {
    HUB_DB_WRITE,         /* the one that changes the file */
    HUB_DB_WRITE_SUSPECT, /* ... which is checked as a whole first */
    HUB_DB_READ,          /* reads, and copies the log back into the file */
};
/** > 0 of open and load: not a file of ours, or not any more. */
enum { HUB_DB_DAMAGED = 1 };

/** Open, for WRITE making the file or its tables when absent and checking them.
 * @return 0, HUB_DB_DAMAGED (with text), EDGE_ESTORE, EDGE_ECONFLICT, -ENOMEM */
EDGE_MUST_CHECK int hub_db_open(const char *path, const char *vfs, enum hub_db_use use,
                                struct hub_db **ret, struct edge_err *err);
/** Accepts NULL; returns NULL. */
struct hub_db *hub_db_close(struct hub_db *db);
EDGE_DEFINE_CLEANUP(struct hub_db *, hub_db_close)

/** What load finds, in this order; any may return HUB_DB_DAMAGED or an error to end it. */
struct hub_db_found {
    int (*route)(int number, const char *name, const struct hub_ledger *ledger, void *arg);
    int (*queue)(uint32_t number, const char *name, void *arg);
    int (*entry)(const struct hub_entry *entry, uint32_t queue, void *arg);
    void *arg;
};
EDGE_MUST_CHECK int hub_db_load(struct hub_db *db, const struct hub_db_found *found,
                                uint64_t *ret_next_message, struct edge_err *err);
/** Names of queues that hold nothing, numbers below @p count told by @p used. */
EDGE_MUST_CHECK int hub_db_forget_queues(struct hub_db *db, const bool *used, size_t count,
                                         struct edge_err *err);

/** One transaction: all of @p group or nothing of it. Fills its results.
 * @return 0; -ENOSPC the disk is full, EDGE_ESTORE */
int hub_db_commit(struct hub_db *db, struct hub_group *group, const char *const *routes);

/** Bytes of pages that the file has free inside. */
uint64_t hub_db_free_bytes(struct hub_db *db);
uint64_t hub_db_used_bytes(struct hub_db *db);
/** Rebuild the file without them. */
void hub_db_shrink(struct hub_db *db);

/** Copy the log back into the file as far as nobody is in the way.
 * @param wait  until all is copied and the log begins anew; up to a few seconds
 * @param ret_left  bytes that remain   @return 0, -EBUSY, EDGE_ESTORE */
int hub_db_checkpoint(struct hub_db *db, bool wait, uint64_t *ret_left);

/** Read messages, numbers ascending. Each of @p bodies gets a body with one reference, `broken`
 * when the file does not have it whole.
 * @return 0, or EDGE_ESTORE, -ENOMEM: nothing could be read now, all bodies are NULL */
int hub_db_read(struct hub_db *db, const uint64_t *messages, struct hub_body **bodies,
                size_t count);

EDGE_MUST_CHECK int hub_db_each_document(struct hub_db *db, const char *kind,
                                         void (*fn)(const char *name, struct edge_bytes data,
                                                    void *arg),
                                         void *arg, struct edge_err *err);

/** Does the ledger hold, entries counted? @return 0, EDGE_ESTORE with text, -ENOMEM */
int hub_db_audit(struct hub_db *db, struct edge_err *err);

/** Copy what can be read of the file at @p from into the new file behind @p db.
 * @param ret_lost  entries that cannot   @return 0, EDGE_ESTORE, -ENOMEM */
EDGE_MUST_CHECK int hub_db_salvage(struct hub_db *db, const char *from, const char *vfs,
                                   uint64_t *ret_kept, uint64_t *ret_lost, struct edge_err *err);

#endif
