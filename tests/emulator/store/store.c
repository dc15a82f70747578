#include "tests/emulator/store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/emulator/store/internal.h"

enum { SCHEMA = 1, BUSY_MS = 500 };

static const char settings[] = "PRAGMA locking_mode=EXCLUSIVE;"
                               "PRAGMA journal_mode=WAL;"
                               "PRAGMA synchronous=FULL;"
                               "PRAGMA cache_size=-65536;"
                               "PRAGMA trusted_schema=OFF;";

static const char schema_sql[] =
    "CREATE TABLE IF NOT EXISTS queue(id INTEGER PRIMARY KEY AUTOINCREMENT,queue TEXT NOT NULL,"
    "head TEXT NOT NULL,body BLOB NOT NULL,enqueued INT NOT NULL,expires INT NOT NULL,"
    "locked INT NOT NULL,deliveries INT NOT NULL,lock TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS queue_order ON queue(queue,id);"
    "CREATE INDEX IF NOT EXISTS queue_expires ON queue(expires);"
    "CREATE INDEX IF NOT EXISTS queue_locked ON queue(locked);"
    "CREATE TABLE IF NOT EXISTS events(partition INT NOT NULL,sequence INT NOT NULL,"
    "enqueued INT NOT NULL,head TEXT NOT NULL,body BLOB NOT NULL,"
    "PRIMARY KEY(partition,sequence));";

#define ITEM "id,head,body,enqueued,expires,locked,deliveries,lock"
static const char *const queries[QUERIES] = {
    [Q_PUSH] = "INSERT INTO queue(queue,head,body,enqueued,expires,locked,deliveries,lock) "
               "VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
    [Q_PEEK] = "SELECT " ITEM " FROM queue WHERE queue=?1 AND id>?3 AND locked<=?2 "
               "ORDER BY id LIMIT 1",
    [Q_BY_LOCK] = "SELECT " ITEM " FROM queue WHERE queue=?1 AND lock=?2 AND locked>0",
    [Q_BY_ID] = "SELECT " ITEM " FROM queue WHERE queue=?1 AND id=?2",
    [Q_MARK] = "UPDATE queue SET deliveries=?2,lock=?3,locked=?4 WHERE id=?1",
    [Q_DROP] = "DELETE FROM queue WHERE id=?1",
    [Q_UNLOCK] = "UPDATE queue SET locked=0 WHERE locked>0 AND locked<=?2 AND "
                 "(?1 IS NULL OR queue=?1)",
    [Q_PURGE] = "DELETE FROM queue WHERE queue=?1",
    [Q_QUEUED] = "SELECT count(*) FROM queue WHERE queue=?1",
    [Q_EXPIRED] = "SELECT " ITEM ",queue FROM queue WHERE expires<=?1 ORDER BY expires LIMIT 1",
    [Q_DUE] = "SELECT min(coalesce((SELECT min(expires) FROM queue),9223372036854775807),"
              "coalesce((SELECT min(locked) FROM queue WHERE locked>0),9223372036854775807))",
    [Q_APPEND] = "INSERT INTO events(partition,sequence,enqueued,head,body) VALUES(?1,?2,?3,?4,?5)",
    [Q_TRIM] = "DELETE FROM events WHERE partition=?1 AND sequence<?2",
    [Q_EVENT] = "SELECT sequence,enqueued,head,body FROM events WHERE partition=?1 AND "
                "sequence>=?2 ORDER BY sequence LIMIT 1",
    [Q_SINCE] = "SELECT sequence FROM events WHERE partition=?1 AND enqueued>=?2 "
                "ORDER BY sequence LIMIT 1",
    [Q_RANGE] = "SELECT partition,min(sequence),max(sequence),max(enqueued) FROM events "
                "GROUP BY partition",
    [Q_BEGIN] = "BEGIN IMMEDIATE",
    [Q_COMMIT] = "COMMIT",
    [Q_ROLLBACK] = "ROLLBACK",
};

int store_rc(const struct store *store, int code, const char *doing, struct edge_err *err)
{
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW)
        return 0;
    if (code == SQLITE_NOMEM)
        return -ENOMEM;
    return edge_fail(err, EDGE_ESTORE, "cannot %s %s: %s%s", doing, store->path,
                     sqlite3_errmsg(store->db),
                     (code & 0xff) == SQLITE_BUSY ? " (another emulator has it open)" : "");
}

sqlite3_stmt *store_take(struct store *store, sqlite3_stmt *stmt)
{
    if (store->lent) {
        sqlite3_reset(store->lent);
        sqlite3_clear_bindings(store->lent);
        store->lent = NULL;
    }
    return stmt;
}

static int begin(struct store *store)
{
    int code;

    if (store->open)
        return 0;
    code = sqlite3_step(store->query[Q_BEGIN]);
    sqlite3_reset(store->query[Q_BEGIN]);
    if (code != SQLITE_DONE)
        return store_rc(store, code, "write", NULL);
    store->open = true;
    if (!edge_timer_armed(store->turn))
        edge_timer_arm(store->turn, 0);
    return 0;
}

int store_change(struct store *store, sqlite3_stmt *stmt)
{
    int rc = begin(store);

    if (rc == 0)
        rc = store_rc(store, sqlite3_step(stmt), "write", NULL);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return rc;
}

int store_row(struct store *store, sqlite3_stmt *stmt)
{
    int code = sqlite3_step(stmt);

    store->lent = stmt;
    if (code == SQLITE_DONE)
        return STORE_ABSENT;
    return store_rc(store, code, "read", NULL);
}

static int commit(struct store *store)
{
    int code;

    if (!store->open)
        return 0;
    store_take(store, NULL);
    store->open = false;
    code = sqlite3_step(store->query[Q_COMMIT]);
    sqlite3_reset(store->query[Q_COMMIT]);
    if (code == SQLITE_DONE)
        return 0;
    sqlite3_step(store->query[Q_ROLLBACK]);
    sqlite3_reset(store->query[Q_ROLLBACK]);
    edge_ignore(store_load_ranges(store));
    return store_rc(store, code, "write", NULL);
}

static void link_before(struct store_wait *wait, struct store_wait *next)
{
    wait->next_ = next;
    wait->prev_ = next->prev_;
    next->prev_->next_ = wait;
    next->prev_ = wait;
}

void store_unwait(struct store_wait *wait)
{
    if (!wait->next_)
        return;
    wait->prev_->next_ = wait->next_;
    wait->next_->prev_ = wait->prev_;
    wait->next_ = NULL;
}

/* Only those who waited before the commit are called: a callback may write and wait anew. */
static void on_turn(void *arg)
{
    struct store *store = arg;
    struct store_wait end = {0};
    int rc = commit(store);

    link_before(&end, &store->waits);
    while (store->waits.next_ != &end) {
        struct store_wait *wait = store->waits.next_;

        store_unwait(wait);
        wait->fn(rc, wait);
    }
    store_unwait(&end);
}

void store_wait(struct store *store, struct store_wait *wait,
                void (*fn)(int rc, struct store_wait *wait))
{
    store_unwait(wait);
    wait->fn = fn;
    link_before(wait, &store->waits);
    if (!edge_timer_armed(store->turn))
        edge_timer_arm(store->turn, 0);
}

static int check_schema(struct store *store, struct edge_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int version;
    int rc = store_rc(store, sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &stmt, NULL),
                      "read", err);

    if (rc < 0)
        return rc;
    rc = store_rc(store, sqlite3_step(stmt), "read", err);
    version = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    if (rc < 0)
        return rc;
    if (version > SCHEMA)
        return edge_fail(err, EDGE_ESTORE, "%s was written by a newer emulator (schema %d)",
                         store->path, version);
    return store_rc(store, sqlite3_exec(store->db, "PRAGMA user_version=1", NULL, NULL, NULL),
                    "set up", err);
}

static int prepare(struct store *store, struct edge_err *err)
{
    int rc = store_rc(store, sqlite3_exec(store->db, schema_sql, NULL, NULL, NULL), "set up", err);

    for (int i = 0; i < QUERIES && rc == 0; i++)
        rc = store_rc(store,
                      sqlite3_prepare_v3(store->db, queries[i], -1, SQLITE_PREPARE_PERSISTENT,
                                         &store->query[i], NULL),
                      "read", err);
    if (rc == 0)
        rc = store_prepare_documents(store, err);
    if (rc == 0)
        rc = store_load_ranges(store);
    return rc;
}

static int set_up(struct store *store, struct edge_err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    mode_t old = umask(0077); /* SQLite has no other way to say so */
    int rc = store_rc(store, sqlite3_open_v2(store->path, &store->db, flags, NULL), "open", err);

    if (rc == 0) {
        sqlite3_busy_timeout(store->db, BUSY_MS);
        rc = store_rc(store, sqlite3_exec(store->db, settings, NULL, NULL, NULL), "set up", err);
    }
    umask(old);
    if (rc == 0)
        rc = check_schema(store, err);
    if (rc == 0)
        rc = prepare(store, err);
    return rc;
}

int store_open(struct edge_loop *loop, const char *path, struct store **ret, struct edge_err *err)
{
    EDGE_CLEANUP(store_close) struct store *store = calloc(1, sizeof *store);
    int rc;

    if (!store)
        return -ENOMEM;
    store->waits.next_ = store->waits.prev_ = &store->waits;
    store->path = edge_strdup(path);
    store->turn = edge_timer_create(loop, on_turn, store);
    if (!store->path || !store->turn)
        return -ENOMEM;
    rc = set_up(store, err);
    if (rc < 0)
        return rc;
    *ret = EDGE_TAKE(store);
    return 0;
}

struct store *store_close(struct store *store)
{
    if (!store)
        return NULL;
    if (store->db)
        edge_ignore(commit(store));
    for (int i = 0; i < QUERIES; i++)
        sqlite3_finalize(store->query[i]);
    for (int t = 0; t < STORE_TABLES; t++) {
        for (int i = 0; i < DOCS; i++)
            sqlite3_finalize(store->doc[t][i]);
    }
    sqlite3_close(store->db);
    edge_timer_destroy(store->turn);
    free(store->path);
    free(store);
    return NULL;
}
