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
    "CREATE TABLE message(id INTEGER PRIMARY KEY,enqueued INT,sum INT,data BLOB);"
    "CREATE TABLE entry(id INTEGER PRIMARY KEY,queue INT,route INT,expires INT,size INT);"
    "CREATE TABLE queue(id INTEGER PRIMARY KEY,name TEXT NOT NULL);"
    "CREATE TABLE route(id INTEGER PRIMARY KEY,name TEXT NOT NULL,came INT,delivered INT,"
    "expired INT,d0 INT,d1 INT,d2 INT,d3 INT,d4 INT);"
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

/* Every page, of a file that is read in a moment. Of a larger one only what is read anyway:
 * entries, names, documents; its messages have a checksum each, and are looked at when they are
 * taken. */
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

bool hub_db_believable(const struct hub_entry *entry)
{
    return entry->id >> HUB_ENTRY_SHIFT > 0 && entry->id < (uint64_t) 1 << 62 &&
           (entry->id & HUB_ENTRY_MASK) <= HUB_STORE_TARGETS_MAX && entry->route >= 0 &&
           entry->size <= HUB_STORE_BODY_MAX;
}

static const char *text_of(sqlite3_stmt *row, int column)
{
    const char *text = (const char *) sqlite3_column_text(row, column);

    return text && sqlite3_column_bytes(row, column) <= HUB_STORE_NAME_MAX ? text : NULL;
}

static int on_route(struct hub_db *db, sqlite3_stmt *row, const struct hub_db_found *found)
{
    struct hub_ledger ledger = {
        .in = (uint64_t) sqlite3_column_int64(row, 2),
        .delivered = (uint64_t) sqlite3_column_int64(row, 3),
        .expired = (uint64_t) sqlite3_column_int64(row, 4),
    };
    const char *name = text_of(row, 1);

    (void) db;
    for (int why = 0; why < HUB_DROP_MAX; why++)
        ledger.dropped[why] = (uint64_t) sqlite3_column_int64(row, 5 + why);
    return name ? found->route(sqlite3_column_int(row, 0), name, &ledger, found->arg)
                : HUB_DB_DAMAGED;
}

static int on_queue(struct hub_db *db, sqlite3_stmt *row, const struct hub_db_found *found)
{
    const char *name = text_of(row, 1);
    sqlite3_int64 number = sqlite3_column_int64(row, 0);

    (void) db;
    if (!name || number < 0 || number > UINT32_MAX)
        return HUB_DB_DAMAGED;
    return found->queue((uint32_t) number, name, found->arg);
}

static int on_entry(struct hub_db *db, sqlite3_stmt *row, const struct hub_db_found *found)
{
    sqlite3_int64 queue = sqlite3_column_int64(row, 1);
    sqlite3_int64 size = sqlite3_column_int64(row, 4);
    struct hub_entry entry = {
        .id = (uint64_t) sqlite3_column_int64(row, 0),
        .route = sqlite3_column_int(row, 2),
        .expires_t =
            sqlite3_column_type(row, 3) == SQLITE_NULL ? INT64_MAX : sqlite3_column_int64(row, 3),
        .size = size >= 0 && size <= HUB_STORE_BODY_MAX ? (uint32_t) size : UINT32_MAX,
    };

    (void) db;
    if (queue < 0 || queue > UINT32_MAX || !hub_db_believable(&entry))
        return HUB_DB_DAMAGED;
    return found->entry(&entry, (uint32_t) queue, found->arg);
}

static int each(struct hub_db *db, const char *sql,
                int (*fn)(struct hub_db *db, sqlite3_stmt *row, const struct hub_db_found *found),
                const struct hub_db_found *found, struct edge_err *err)
{
    sqlite3_stmt *row = NULL;
    int code = SQLITE_ROW;
    int rc = prepare(db, sql, &row, err);

    while (rc == 0 && (code = sqlite3_step(row)) == SQLITE_ROW) {
        rc = fn(db, row, found);
        if (rc == HUB_DB_DAMAGED)
            damaged(db, "a row that does not belong there", err);
    }
    if (rc == 0)
        rc = hub_db_rc(db, code, "read", err);
    sqlite3_finalize(row);
    return rc;
}

int hub_db_load(struct hub_db *db, const struct hub_db_found *found, uint64_t *ret_next_message,
                struct edge_err *err)
{
    int64_t newest = 0;
    int64_t newest_entry = 0;
    int rc = each(db, "SELECT id,name,came,delivered,expired,d0,d1,d2,d3,d4 FROM route ORDER BY id",
                  on_route, found, err);

    if (rc == 0)
        rc = each(db, "SELECT id,name FROM queue", on_queue, found, err);
    if (rc == 0)
        rc = each(db, "SELECT id,queue,route,expires,size FROM entry ORDER BY id", on_entry, found,
                  err);
    if (rc == 0)
        rc = ask(db, "SELECT ifnull(max(id),0) FROM message", &newest, err);
    if (rc == 0)
        rc = ask(db, "SELECT ifnull(max(id),0) FROM entry", &newest_entry, err);
    if (rc != 0)
        return rc;
    newest_entry >>= HUB_ENTRY_SHIFT;
    if (newest_entry > newest)
        newest = newest_entry;
    if (newest < 0 || newest >= (int64_t) 1 << (62 - HUB_ENTRY_SHIFT))
        return damaged(db, "a message's number is too high", err);
    *ret_next_message = (uint64_t) newest + 1;
    return 0;
}

int hub_db_forget_queues(struct hub_db *db, const bool *used, size_t count, struct edge_err *err)
{
    sqlite3_stmt *del = NULL;
    int rc = hub_db_rc(db, hub_db_exec(db, "BEGIN IMMEDIATE"), "tidy", err);

    if (rc == 0)
        rc = prepare(db, "DELETE FROM queue WHERE id=?1", &del, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (used[i])
            continue;
        sqlite3_bind_int64(del, 1, (sqlite3_int64) i);
        rc = hub_db_rc(db, hub_db_step(del), "tidy", err);
    }
    sqlite3_finalize(del);
    if (rc == 0)
        rc = hub_db_rc(db, hub_db_exec(db, "COMMIT"), "tidy", err);
    if (rc != 0)
        edge_ignore(hub_db_exec(db, "ROLLBACK"));
    return rc;
}
