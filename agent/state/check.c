#include <errno.h>
#include <sqlite3.h>

#include "agent/state/sqlite.h"

enum {
    APPLICATION_ID = 0x45644147, /* "EdAG" */
    SCHEMA = 1,
    SCHEMA_BELIEVABLE = 1000, /* a version above is rot, not the future */
};

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE kept(name TEXT PRIMARY KEY, body BLOB NOT NULL, sum TEXT NOT NULL) WITHOUT ROWID;"
    "PRAGMA application_id=1164198215;"
    "PRAGMA user_version=1;"
    "COMMIT;";
_Static_assert(APPLICATION_ID == 1164198215 && SCHEMA == 1, "as the schema's text says");

static int corrupt(const struct state_store *store, const char *what, struct edge_err *err)
{
    edge_fail(err, EDGE_ESTORE, "%s is damaged: %s", store->path, what);
    return STATE_STORE_CORRUPT;
}

/* The first column of the first row, a number. */
static int ask_number(struct state_store *store, const char *sql, int *ret, struct edge_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = state_store_prepare(store, sql, &stmt, err);

    if (rc == 0)
        rc = state_store_rc(store, sqlite3_step(stmt), "read", err);
    if (rc == 0)
        *ret = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return rc;
}

static int check_pages(struct state_store *store, struct edge_err *err)
{
    sqlite3_stmt *stmt = NULL;
    const char *verdict;
    int rc = state_store_prepare(store, "PRAGMA quick_check(1)", &stmt, err);

    if (rc == 0)
        rc = state_store_rc(store, sqlite3_step(stmt), "check", err);
    verdict = rc == 0 ? (const char *) sqlite3_column_text(stmt, 0) : NULL;
    if (rc == 0 && (!verdict || strcmp(verdict, "ok") != 0))
        rc = corrupt(store, verdict ? verdict : "no verdict", err);
    sqlite3_finalize(stmt);
    return rc;
}

static int check_row(struct state_store *store, sqlite3_stmt *row, struct edge_err *err)
{
    const char *name = (const char *) sqlite3_column_text(row, 0);
    const void *body = sqlite3_column_blob(row, 1);
    int len = sqlite3_column_bytes(row, 1);
    const char *sum = (const char *) sqlite3_column_text(row, 2);
    char right[EDGE_SHA256_HEX];
    int rc;

    if (!name || !sum || sqlite3_column_type(row, 1) != SQLITE_BLOB)
        return corrupt(store, "a value of the wrong kind", err);
    rc = state_store_sum(name, body ? body : "", (size_t) len, right);
    if (rc == 0 && strcmp(sum, right) != 0)
        rc = corrupt(store, "a value does not match its checksum", err);
    return rc;
}

int state_store_check_rows(struct state_store *store, struct edge_err *err)
{
    sqlite3_stmt *rows = NULL;
    int rc = state_store_prepare(store, "SELECT name,body,sum FROM kept", &rows, err);

    while (rc == 0) {
        int code = sqlite3_step(rows);

        if (code != SQLITE_ROW) {
            rc = state_store_rc(store, code, "read", err);
            break;
        }
        rc = check_row(store, rows, err);
    }
    sqlite3_finalize(rows);
    return rc;
}

/* Whose file is it, and of which age? An empty one gets our schema. */
static int check_schema(struct state_store *store, struct edge_err *err)
{
    int version = 0;
    int id = 0;
    int things = 0;
    int rc = ask_number(store, "SELECT count(*) FROM sqlite_schema", &things, err);

    if (rc == 0)
        rc = ask_number(store, "PRAGMA user_version", &version, err);
    if (rc == 0)
        rc = ask_number(store, "PRAGMA application_id", &id, err);
    if (rc != 0)
        return rc;
    if (things == 0 && version == 0 && id == 0)
        return state_store_run(store, schema, err);
    if (id != APPLICATION_ID || version < SCHEMA || version > SCHEMA_BELIEVABLE)
        return corrupt(store, "it is not a file of edge-agent", err);
    if (version > SCHEMA)
        return edge_fail(err, EDGE_ESTORE,
                         "%s was written by a newer edge-agent (schema %d, this one knows %d): "
                         "install that version again, or move the file away",
                         store->path, version, SCHEMA);
    return 0;
}

int state_store_check_file(struct state_store *store, struct edge_err *err)
{
    int rc;

    /* The file opened for writing, so only a bad header can make SQLite think otherwise. */
    if (sqlite3_db_readonly(store->db, "main") == 1)
        return corrupt(store, "bad format version", err);
    rc = check_pages(store, err);
    return rc == 0 ? check_schema(store, err) : rc;
}
