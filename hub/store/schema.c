#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hub/store/sqlite.h"

enum {
    SCHEMA = 2,
    APPLICATION_ID = 0x45644800, /* "EdH", and the schema once more: a flipped bit is no version */
    CHECK_ALL_MAX = 64 * 1024 * 1024, /* bytes of a file that is read as a whole at open */
};

static const char schema[] =
    "PRAGMA page_size=16384;"
    "PRAGMA journal_mode=WAL;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE document(id INTEGER PRIMARY KEY,kind TEXT NOT NULL,name TEXT NOT NULL,"
    "data BLOB NOT NULL,sum INTEGER,UNIQUE(kind,name));"
    "PRAGMA application_id=1164199938;"
    "PRAGMA user_version=2;"
    "COMMIT;";
/* Of a time without sums: what is there keeps none until it is written again. */
static const char from_1[] = "BEGIN IMMEDIATE;"
                             "ALTER TABLE document ADD COLUMN sum INTEGER;"
                             "PRAGMA application_id=1164199938;"
                             "PRAGMA user_version=2;"
                             "COMMIT;";
_Static_assert((APPLICATION_ID | SCHEMA) == 1164199938 && SCHEMA == 2 && HUB_PAGE_SIZE == 16384,
               "as the schema's text says");

static int damaged(const struct hub_db *db, const char *what, struct edge_err *err)
{
    edge_fail(err, EDGE_ESTORE, "%s is damaged: %s", db->path, what);
    return HUB_DB_DAMAGED;
}

static int prepare(struct hub_db *db, const char *sql, sqlite3_stmt **ret, struct edge_err *err)
{
    return hub_db_rc(db, sqlite3_prepare_v2(db->db, sql, -1, ret, NULL), "read", err);
}

/* The first column of the first row, a number. */
static int ask(struct hub_db *db, const char *sql, int64_t *ret, struct edge_err *err)
{
    sqlite3_stmt *row = NULL;
    int rc = prepare(db, sql, &row, err);

    if (rc == 0)
        rc = hub_db_rc(db, sqlite3_step(row), "read", err);
    if (rc == 0)
        *ret = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return rc;
}

/* Pages know whether they hang together, not whether a byte in a document has changed. */
static int check_rows(struct hub_db *db, struct edge_err *err)
{
    sqlite3_stmt *rows = NULL;
    int rc = prepare(db, "SELECT * FROM document", &rows, err);
    int code = SQLITE_ROW;

    while (rc == 0 && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        struct hub_row row;

        if (sqlite3_column_count(rows) < 5)
            break; /* of a time without sums */
        if (hub_db_row(rows, 1, &row) != SQLITE_OK)
            rc = damaged(db, "a document is not what was written", err);
    }
    sqlite3_finalize(rows);
    return rc == 0 ? hub_db_rc(db, code, "check", err) : rc;
}

/* Every page and index, of a file that is read in a moment. */
static int check_pages(struct hub_db *db, bool all, struct edge_err *err)
{
    struct stat st = {0};
    sqlite3_stmt *row = NULL;
    const char *verdict;
    int rc;

    if (!all && stat(db->path, &st) == 0 && st.st_size > CHECK_ALL_MAX)
        return 0;
    rc = prepare(db, "PRAGMA integrity_check(1)", &row, err);
    if (rc == 0)
        rc = hub_db_rc(db, sqlite3_step(row), "check", err);
    verdict = rc == 0 ? (const char *) sqlite3_column_text(row, 0) : NULL;
    if (rc == 0 && (!verdict || strcmp(verdict, "ok") != 0))
        rc = damaged(db, verdict ? verdict : "no verdict", err);
    sqlite3_finalize(row);
    return rc == 0 ? check_rows(db, err) : rc;
}

int hub_db_check(struct hub_db *db, bool all, struct edge_err *err)
{
    int64_t things = 0;
    int64_t version = 0;
    int64_t id = 0;
    int rc = ask(db, "SELECT count(*) FROM sqlite_schema", &things, err);

    if (rc == 0)
        rc = ask(db, "PRAGMA user_version", &version, err);
    if (rc == 0)
        rc = ask(db, "PRAGMA application_id", &id, err);
    if (rc != 0)
        return rc;
    if (things == 0 && version == 0 && id == 0)
        return hub_db_rc(db, hub_db_exec(db, schema), "set up", err);
    if (version < 1 || version > 0xff || id != (APPLICATION_ID | version))
        return damaged(db, "it is not a file of edge-hub", err);
    if (version > SCHEMA)
        return edge_fail(err, EDGE_ESTORE,
                         "%s was written by a newer edge-hub (schema %d, this one knows %d): "
                         "install that version again, or move the file away",
                         db->path, (int) version, SCHEMA);
    if (sqlite3_db_readonly(db->db, "main") == 1)
        return damaged(db, "bad format version", err);
    rc = check_pages(db, all, err);
    if (rc == 0 && version == 1)
        rc = hub_db_rc(db, hub_db_exec(db, from_1), "bring up to date", err);
    return rc;
}
