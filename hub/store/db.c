#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "hub/store/sqlite.h"

enum {
    BUSY_MS = 5000,
    SMALLEST = 512, /* bytes of a page */
};

/* secure_delete off: Debian builds SQLite with it on, and every deleted page would be written once
 * more. cell_size_check finds broken pages when they are read instead of later. */
static const char settings[] = "PRAGMA synchronous=FULL;"
                               "PRAGMA wal_autocheckpoint=0;"
                               "PRAGMA journal_size_limit=33554432;"
                               "PRAGMA secure_delete=OFF;"
                               "PRAGMA cell_size_check=ON;"
                               "PRAGMA temp_store=MEMORY;"
                               "PRAGMA trusted_schema=OFF;";

static const char *const texts[SQL_MAX] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_SET_DOCUMENT] = ("INSERT INTO document(kind,name,data,sum) VALUES(?1,?2,?3,?4) "
                          "ON CONFLICT(kind,name) DO UPDATE SET data=excluded.data,"
                          "sum=excluded.sum"),
    [SQL_DELETE_DOCUMENT] = "DELETE FROM document WHERE kind=?1 AND name=?2",
    [SQL_GET_DOCUMENT] = ("SELECT kind,name,data,sum FROM document WHERE kind=?1 AND name=?2"),
    [SQL_ADD_DOCUMENT] = ("INSERT OR IGNORE INTO document(kind,name,data,sum) "
                          "VALUES(?1,?2,?3,?4)"),
    [SQL_FREE_PAGES] = "PRAGMA freelist_count",
    [SQL_PAGES] = "PRAGMA page_count",
    [SQL_PROBE] = ("INSERT INTO document(kind,name,data) VALUES('','probe',x'') "
                   "ON CONFLICT(kind,name) DO UPDATE SET data=x''"),
};

int hub_db_rc(const struct hub_db *db, int code, const char *doing, struct edge_err *err)
{
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW)
        return 0;
    edge_fail(err, EDGE_ESTORE, "cannot %s %s: %s", doing, db->path,
              db->db && (sqlite3_errcode(db->db) & 0xff) == (code & 0xff) ? sqlite3_errmsg(db->db)
                                                                          : sqlite3_errstr(code));
    if (err)
        err->status = code;
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* our SQL is fixed: only a file that is not as we made it can refuse it */
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
        return HUB_DB_DAMAGED;
    default:
        return EDGE_ESTORE;
    }
}

sqlite3_stmt *hub_db_statement(struct hub_db *db, enum hub_sql which)
{
    sqlite3_stmt **at = &db->statements[which];

    if (*at)
        sqlite3_reset(*at);
    else if (sqlite3_prepare_v3(db->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, at, NULL) !=
             SQLITE_OK)
        *at = NULL;
    return *at;
}

int hub_db_code(const struct hub_db *db)
{
    int code = sqlite3_extended_errcode(db->db);

    return code == SQLITE_OK ? SQLITE_ERROR : code;
}

int hub_db_step(struct hub_db *db, sqlite3_stmt *statement)
{
    int code;

    if (!statement)
        return hub_db_code(db);
    code = sqlite3_step(statement);
    if (code == SQLITE_DONE || code == SQLITE_ROW)
        code = SQLITE_OK;
    else
        code = hub_db_code(db);
    sqlite3_reset(statement);
    return code;
}

int hub_db_exec(struct hub_db *db, const char *sql)
{
    return sqlite3_exec(db->db, sql, NULL, NULL, NULL);
}

static int on_wal(void *arg, sqlite3 *sqlite, const char *name, int frames)
{
    struct hub_db *db = arg;

    (void) sqlite;
    (void) name;
    db->wal_bytes = (uint64_t) frames * (HUB_PAGE_SIZE + 24);
    return SQLITE_OK;
}

static int set_up(struct hub_db *db, enum hub_db_use use, struct edge_err *err)
{
    int rc;

    sqlite3_extended_result_codes(db->db, 1);
    sqlite3_busy_timeout(db->db, BUSY_MS);
    rc = hub_db_rc(db, hub_db_exec(db, settings), "set up", err);
    sqlite3_wal_hook(db->db, on_wal, db); /* PRAGMA wal_autocheckpoint would have taken it off */
    if (rc == 0)
        rc = hub_db_rc(db,
                       hub_db_exec(db, use != HUB_DB_READ ? "PRAGMA cache_size=-2048"
                                                          : "PRAGMA cache_size=-512"),
                       "set up", err);
    if (rc == 0 && use != HUB_DB_READ)
        return hub_db_check(db, use == HUB_DB_WRITE_SUSPECT, err);
    if (rc == 0) /* a connection that has never read knows of no log and copies none */
        rc = hub_db_rc(db, hub_db_exec(db, "SELECT count(*) FROM sqlite_schema"), "read", err);
    return rc;
}

/* SQLite would take a file cut down to a few bytes for an empty one. */
static bool is_stump(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && st.st_size > 0 && st.st_size < SMALLEST;
}

int hub_db_open(const char *path, const char *vfs, enum hub_db_use use, struct hub_db **ret,
                struct edge_err *err)
{
    EDGE_CLEANUP(hub_db_close) struct hub_db *db = calloc(1, sizeof *db);
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (use == HUB_DB_READ ? 0 : SQLITE_OPEN_CREATE);
    int rc;

    if (!db)
        return -ENOMEM;
    db->path = edge_strdup(path);
    if (!db->path)
        return -ENOMEM;
    if (use != HUB_DB_READ && is_stump(path)) {
        edge_fail(err, EDGE_ESTORE, "%s is damaged: it has only a few bytes", path);
        return HUB_DB_DAMAGED;
    }
    rc = hub_db_rc(db, sqlite3_open_v2(path, &db->db, flags, vfs), "open", err);
    if (rc == 0 && sqlite3_db_readonly(db->db, "main") == 1) /* SQLite tried that, too */
        rc = edge_fail(err, EDGE_ESTORE, "cannot write to %s: it is not this user's", path);
    if (rc == 0)
        rc = set_up(db, use, err);
    if (rc != 0)
        return rc == -EBUSY || rc == -ENOSPC ? EDGE_ESTORE : rc;
    *ret = EDGE_TAKE(db);
    return 0;
}

struct hub_db *hub_db_close(struct hub_db *db)
{
    if (!db)
        return NULL;
    for (size_t i = 0; i < SQL_MAX; i++)
        sqlite3_finalize(db->statements[i]);
    sqlite3_close(db->db);
    free(db->path);
    free(db);
    return NULL;
}

static uint64_t ask_pages(struct hub_db *db, enum hub_sql which)
{
    sqlite3_stmt *ask = hub_db_statement(db, which);
    uint64_t pages = 0;

    if (ask && sqlite3_step(ask) == SQLITE_ROW)
        pages = (uint64_t) sqlite3_column_int64(ask, 0);
    if (ask)
        sqlite3_reset(ask);
    return pages * HUB_PAGE_SIZE;
}

uint64_t hub_db_free_bytes(struct hub_db *db)
{
    return ask_pages(db, SQL_FREE_PAGES);
}

uint64_t hub_db_used_bytes(struct hub_db *db)
{
    return ask_pages(db, SQL_PAGES) - ask_pages(db, SQL_FREE_PAGES);
}

void hub_db_shrink(struct hub_db *db)
{
    edge_ignore(hub_db_exec(db, "VACUUM")); /* the disk may have no room for it: later, then */
}

int hub_db_sync(struct hub_db *db, struct edge_err *err)
{
    sqlite3_file *log = NULL;
    int code = sqlite3_file_control(db->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);

    if (code == SQLITE_OK && log && log->pMethods)
        code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    return code == SQLITE_OK ? 0
                             : edge_fail(err, code == SQLITE_NOMEM ? -ENOMEM : EDGE_ESTORE,
                                         "cannot sync %s-wal: %s", db->path, sqlite3_errstr(code));
}

int hub_db_checkpoint(struct hub_db *db, bool wait, uint64_t *ret_left)
{
    int mode = wait ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
    int frames = 0;
    int copied = 0;
    int code = sqlite3_wal_checkpoint_v2(db->db, NULL, mode, &frames, &copied);

    *ret_left = frames > copied ? (uint64_t) (frames - copied) * HUB_PAGE_SIZE : 0;
    return hub_db_rc(db, code, "tidy", NULL);
}
