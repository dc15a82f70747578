/* hub/store/sqlite.h - what the files that know SQLite share. */
#ifndef HUB_STORE_SQLITE_H
#define HUB_STORE_SQLITE_H

#include <sqlite3.h>

#include "hub/store/db.h"

enum hub_sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_SET_DOCUMENT,
    SQL_DELETE_DOCUMENT,
    SQL_GET_DOCUMENT,
    SQL_ADD_DOCUMENT,
    SQL_FREE_PAGES,
    SQL_PAGES,
    SQL_PROBE,
    SQL_MAX
};

enum { HUB_PAGE_SIZE = 16384 };

struct hub_db {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statements[SQL_MAX]; /* made when first used */
    uint64_t wal_bytes;                /* after the last commit */
};

/** A code of SQLite as ours: 0, -ENOSPC, -ENOMEM, -EBUSY, HUB_DB_DAMAGED, EDGE_ECONFLICT,
 * EDGE_ESTORE. @p err gets SQLite's text. */
int hub_db_rc(const struct hub_db *db, int code, const char *doing, struct edge_err *err);
/** The statement, reset; NULL when it cannot be made. */
sqlite3_stmt *hub_db_statement(struct hub_db *db, enum hub_sql which);
/** Run to its end one that returns nothing; NULL: it could not be made.
 * @return SQLite's code, SQLITE_OK when done */
int hub_db_step(struct hub_db *db, sqlite3_stmt *statement);
/** Why the last call failed: SQLite's code, never SQLITE_OK. */
int hub_db_code(const struct hub_db *db);
int hub_db_exec(struct hub_db *db, const char *sql);
/** From columns of @p row that are kind, name, data and its sum.
 * @return SQLITE_OK, SQLITE_CORRUPT: it is not what was written */
int hub_db_row(sqlite3_stmt *row, int first, struct hub_row *ret);
/** Check whose file it is, and its pages, @p all of them however many; make what is missing. */
EDGE_MUST_CHECK int hub_db_check(struct hub_db *db, bool all, struct edge_err *err);
#endif
