/* hub/store/db.h - the documents' file: one connection to it, and what is done in one go. The files
 * that include sqlite.h are db.c, write.c, schema.c, salvage.c. A connection belongs to one thread.
 */
#ifndef HUB_STORE_DB_H
#define HUB_STORE_DB_H

#include "hub/store/group.h"

struct hub_db;

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

/** The documents of @p group, in one transaction: all or none. Each one's op has its `rc` then.
 * @return 0; -ENOSPC the disk is full, EDGE_ESTORE */
int hub_db_commit(struct hub_db *db, struct hub_group *group);

/** Bytes of pages that the file has free inside. */
uint64_t hub_db_free_bytes(struct hub_db *db);
uint64_t hub_db_used_bytes(struct hub_db *db);
/** Rebuild the file without them. */
void hub_db_shrink(struct hub_db *db);

/** What a killed process left in the log is about to count: have it on disk.
 * @return 0, EDGE_ESTORE, -ENOMEM */
EDGE_MUST_CHECK int hub_db_sync(struct hub_db *db, struct edge_err *err);
/** Copy the log back into the file as far as nobody is in the way.
 * @param wait  until all is copied and the log begins anew; up to a few seconds
 * @param ret_left  bytes that remain   @return 0, -EBUSY, EDGE_ESTORE */
int hub_db_checkpoint(struct hub_db *db, bool wait, uint64_t *ret_left);

/** A document. */
struct hub_row {
    const char *kind, *name;
    struct edge_bytes data;
};
/** Over all of it; hub.db has it beside each row. */
uint32_t hub_row_sum(const struct hub_row *row);
/** Every document, ordered. @p fn may return a negative code to end it.
 * @return 0, that code, EDGE_ESTORE: one cannot be read */
EDGE_MUST_CHECK int hub_db_each_row(struct hub_db *db,
                                    int (*fn)(const struct hub_row *row, void *arg), void *arg);
/** Around many of the next. @return 0, EDGE_ESTORE, -ENOMEM, -ENOSPC */
EDGE_MUST_CHECK int hub_db_begin(struct hub_db *db, struct edge_err *err);
EDGE_MUST_CHECK int hub_db_end(struct hub_db *db, struct edge_err *err);
/** One that is not there yet. @return 0, EDGE_ESTORE, -ENOMEM, -ENOSPC */
EDGE_MUST_CHECK int hub_db_add_row(struct hub_db *db, const struct hub_row *row,
                                   uint64_t *ret_added, struct edge_err *err);
EDGE_MUST_CHECK int hub_db_each_document(struct hub_db *db, const char *kind,
                                         void (*fn)(const char *name, struct edge_bytes data,
                                                    void *arg),
                                         void *arg, struct edge_err *err);

/** Copy what can be read of the file at @p from into the new file behind @p db.
 * @return 0, EDGE_ESTORE, -ENOMEM, -ENOSPC */
EDGE_MUST_CHECK int hub_db_salvage(struct hub_db *db, const char *from, const char *vfs,
                                   uint64_t *ret_kept, struct edge_err *err);

#endif
