/* agent/state/sqlite.h - what store.c and check.c share of SQLite. For these two only. */
#ifndef AGENT_STATE_SQLITE_H
#define AGENT_STATE_SQLITE_H

#include <sqlite3.h>

#include "agent/state/store.h"
#include "common/crypto/sha256.h"

struct state_store {
    char *path;
    sqlite3 *db;
    sqlite3_stmt *get;
    sqlite3_stmt *put;
    sqlite3_stmt *del;
};

/** SQLite's code to 0, STATE_STORE_CORRUPT or ours: here and nowhere else. */
EDGE_MUST_CHECK int state_store_rc(const struct state_store *store, int code, const char *doing,
                                   struct edge_err *err);
EDGE_MUST_CHECK int state_store_run(struct state_store *store, const char *sql,
                                    struct edge_err *err);
EDGE_MUST_CHECK int state_store_prepare(struct state_store *store, const char *sql,
                                        sqlite3_stmt **ret, struct edge_err *err);
EDGE_MUST_CHECK int state_store_sum(const char *name, const void *body, size_t len,
                                    char sum[EDGE_SHA256_HEX]);

/** Every page readable, the schema ours (made when the file is empty).
 * @return 0, STATE_STORE_CORRUPT, EDGE_ESTORE for a newer schema */
EDGE_MUST_CHECK int state_store_check_file(struct state_store *store, struct edge_err *err);
/** Every value as it was written. */
EDGE_MUST_CHECK int state_store_check_rows(struct state_store *store, struct edge_err *err);

#endif
