/* tests/emulator/store/internal.h - what the files of this room share. */
#ifndef TESTS_EMULATOR_STORE_INTERNAL_H
#define TESTS_EMULATOR_STORE_INTERNAL_H

#include <sqlite3.h>

#include "tests/emulator/store/store.h"

/** Statements on queues and events; the documents have theirs by table. */
enum store_query {
    Q_PUSH,
    Q_PEEK,
    Q_BY_LOCK,
    Q_BY_ID,
    Q_MARK,
    Q_DROP,
    Q_UNLOCK,
    Q_PURGE,
    Q_QUEUED,
    Q_EXPIRED,
    Q_DUE,
    Q_APPEND,
    Q_TRIM,
    Q_EVENT,
    Q_SINCE,
    Q_RANGE,
    Q_BEGIN,
    Q_COMMIT,
    Q_ROLLBACK,
    QUERIES
};
enum store_doc { D_GET, D_PUT, D_DEL, D_COUNT, D_NEXT, DOCS };

struct store {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *query[QUERIES];
    sqlite3_stmt *doc[STORE_TABLES][DOCS];
    struct edge_timer *turn; /* commits what was written and calls those who wait */
    bool open;               /* a transaction is */
    struct store_wait waits; /* the head of a ring */
    struct store_range ranges[STORE_PARTITIONS_MAX];
    sqlite3_stmt *lent; /* its row is borrowed by the caller until the next call */
};

/** SQLite's code to 0 or ours: here and nowhere else. */
EDGE_MUST_CHECK int store_rc(const struct store *store, int code, const char *doing,
                             struct edge_err *err);
/** Make ready for binding: what was lent is taken back. */
sqlite3_stmt *store_take(struct store *store, sqlite3_stmt *stmt);
/** Run a bound statement that yields no row, inside the transaction; then it is reset. */
EDGE_MUST_CHECK int store_change(struct store *store, sqlite3_stmt *stmt);
/** Step to a row, which stays borrowed. @return 0, STORE_ABSENT, negative */
EDGE_MUST_CHECK int store_row(struct store *store, sqlite3_stmt *stmt);
/** events.c: read the ranges of all partitions. */
EDGE_MUST_CHECK int store_load_ranges(struct store *store);
/** documents.c */
EDGE_MUST_CHECK int store_prepare_documents(struct store *store, struct edge_err *err);

#endif
