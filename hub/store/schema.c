#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hub/store/sqlite.h"

enum {
    SCHEMA = 1,
    APPLICATION_ID = 0x45644800, /* "EdH", and the schema once more: a flipped bit is no version */
    CHECK_ALL_MAX = 64 * 1024 * 1024, /* bytes of a file that is read as a whole at open */
};

static const char schema[] =
    "PRAGMA page_size=16384;"
    "PRAGMA journal_mode=WAL;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE document(id INTEGER PRIMARY KEY,kind TEXT NOT NULL,name TEXT NOT NULL,"
    "data BLOB NOT NULL,UNIQUE(kind,name));"
    "PRAGMA application_id=1164199937;"
    "PRAGMA user_version=1;"
    "COMMIT;";
_Static_assert((APPLICATION_ID | SCHEMA) == 1164199937 && SCHEMA == 1 && HUB_PAGE_SIZE == 16384,
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

/* Every page, of a file that is read in a moment. */
static int check_pages(struct hub_db *db, bool all, struct edge_err *err)
{
    struct stat st = {0};
    sqlite3_stmt *row = NULL;
    const char *verdict;
    int rc;

    if (!all && stat(db->path, &st) == 0 && st.st_size > CHECK_ALL_MAX)
        return 0;
    rc = prepare(db, "PRAGMA quick_check(1)", &row, err);
    if (rc == 0)
        rc = hub_db_rc(db, sqlite3_step(row), "check", err);
    verdict = rc == 0 ? (const char *) sqlite3_column_text(row, 0) : NULL;
    if (rc == 0 && (!verdict || strcmp(verdict, "ok") != 0))
        rc = damaged(db, verdict ? verdict : "no verdict", err);
    sqlite3_finalize(row);
    return rc;
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
    if (version < SCHEMA || version > 0xff || id != (APPLICATION_ID | version))
        return damaged(db, "it is not a file of edge-hub", err);
    if (version > SCHEMA)
        return edge_fail(err, EDGE_ESTORE,
                         "%s was written by a newer edge-hub (schema %d, this one knows %d): "
                         "install that version again, or move the file away",
                         db->path, (int) version, SCHEMA);
    if (sqlite3_db_readonly(db->db, "main") == 1)
        return damaged(db, "bad format version", err);
    return check_pages(db, all, err);
}
