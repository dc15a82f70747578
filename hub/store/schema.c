#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "hub/store/files.h"
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
        code = hub_db_row(rows, 1, &row);
        if (code == SQLITE_CORRUPT)
            rc = damaged(db, "a document is not what was written", err);
        else
            rc = hub_db_rc(db, code, "check", err);
    }
    sqlite3_finalize(rows);
    return rc == 0 ? hub_db_rc(db, code, "check", err) : rc;
}

static int read_page(sqlite3_file *file, void *page, sqlite3_int64 at)
{
    unsigned tries = 0;
    int code;

    do {
        code = file->pMethods->xRead(file, page, HUB_PAGE_SIZE, at);
        if (code == SQLITE_IOERR_SHORT_READ) /* the last one */
            code = SQLITE_OK;
    } while (code != SQLITE_OK && hub_files_again(&tries));
    return code;
}

/* @return SQLITE_OK: whatever is in it, all of it can be read */
static int read_file(const struct hub_db *db, int which)
{
    EDGE_CLEANUP(edge_free) void *page = malloc(HUB_PAGE_SIZE);
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    int code = page ? sqlite3_file_control(db->db, "main", which, &file) : SQLITE_NOMEM;

    if (code == SQLITE_OK && file && file->pMethods)
        code = file->pMethods->xFileSize(file, &size);
    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += HUB_PAGE_SIZE)
        code = read_page(file, page, at);
    return code;
}

static int ask_for_verdict(struct hub_db *db, struct edge_err *err)
{
    sqlite3_stmt *row = NULL;
    const char *verdict;
    int rc = prepare(db, "PRAGMA integrity_check(1)", &row, err);

    if (rc == 0)
        rc = hub_db_rc(db, sqlite3_step(row), "check", err);
    verdict = rc == 0 ? (const char *) sqlite3_column_text(row, 0) : NULL;
    if (rc == 0 && (!verdict || strcmp(verdict, "ok") != 0))
        rc = damaged(db, verdict ? verdict : "no verdict", err);
    sqlite3_finalize(row);
    return rc;
}

/* Every page and index, of a file that is read in a moment. To SQLite a page that the disk did not
 * give just now is as bad as one that is broken. */
static int check_pages(struct hub_db *db, bool all, struct edge_err *err)
{
    struct stat st = {0};
    int rc;

    if (!all && stat(db->path, &st) == 0 && st.st_size > CHECK_ALL_MAX)
        return 0;
    rc = ask_for_verdict(db, err);
    if (rc == HUB_DB_DAMAGED) {
        int code = read_file(db, SQLITE_FCNTL_FILE_POINTER);

        if (code == SQLITE_OK)
            code = read_file(db, SQLITE_FCNTL_JOURNAL_POINTER);
        if (code == SQLITE_OK)
            rc = ask_for_verdict(db, err);
        else if (code == SQLITE_NOMEM)
            rc = -ENOMEM;
    }
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
