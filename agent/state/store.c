#include "agent/state/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    BUSY_MS = 500,
    SMALLEST = 512, /* bytes of a page */
};

/* WAL: one fsync a change. EXCLUSIVE: no shared-memory file, and no second agent on our file.
 * The page limit keeps a mistake of ours from filling the disk (16 MiB). */
static const char settings[] = "PRAGMA locking_mode=EXCLUSIVE;"
                               "PRAGMA journal_mode=WAL;"
                               "PRAGMA synchronous=FULL;"
                               "PRAGMA wal_autocheckpoint=64;"
                               "PRAGMA cache_size=-256;"
                               "PRAGMA trusted_schema=OFF;"
                               "PRAGMA max_page_count=4096;";
static const char get_sql[] = "SELECT body FROM kept WHERE name=?1";
static const char put_sql[] =
    "INSERT INTO kept(name,body,sum) VALUES(?1,?2,?3) ON CONFLICT(name) DO UPDATE "
    "SET body=excluded.body,sum=excluded.sum WHERE body IS NOT excluded.body";
static const char del_sql[] = "DELETE FROM kept WHERE name=?1";

static const char *hint(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return " (another process has it open: is a second edge-agent running?)";
    case SQLITE_FULL:
        return " (free some space; nothing was changed)";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return " (the file and its folder must be writable)";
    default:
        return "";
    }
}

int state_store_rc(const struct state_store *store, int code, const char *doing,
                   struct edge_err *err)
{
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW)
        return 0;
    if (code == SQLITE_NOMEM)
        return -ENOMEM;
    edge_fail(err, EDGE_ESTORE, "cannot %s %s: %s%s", doing, store->path, sqlite3_errmsg(store->db),
              hint(code));
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* our SQL is fixed: only a file that is not as we made it can refuse it */
        return STATE_STORE_CORRUPT;
    default:
        return EDGE_ESTORE;
    }
}

/* SQLite would make the file readable for all; its companions take the file's mode. And a file cut
 * down to a few bytes would count as an empty one. */
static int touch(const char *path, struct edge_err *err)
{
    EDGE_CLEANUP(edge_close)
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
    struct stat st;

    if (fd < 0 || fchmod(fd, 0600) < 0 || fstat(fd, &st) < 0)
        return edge_fail(err, EDGE_ESTORE, "cannot open %s for writing: %s", path, strerror(errno));
    if (st.st_size > 0 && st.st_size < SMALLEST) {
        edge_fail(err, EDGE_ESTORE, "%s is damaged: it has only %ld bytes", path,
                  (long) st.st_size);
        return STATE_STORE_CORRUPT;
    }
    return 0;
}

int state_store_run(struct state_store *store, const char *sql, struct edge_err *err)
{
    return state_store_rc(store, sqlite3_exec(store->db, sql, NULL, NULL, NULL), "set up", err);
}

int state_store_prepare(struct state_store *store, const char *sql, sqlite3_stmt **ret,
                        struct edge_err *err)
{
    return state_store_rc(
        store, sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL), "read",
        err);
}

int state_store_sum(const char *name, const void *body, size_t len, char sum[EDGE_SHA256_HEX])
{
    EDGE_CLEANUP(edge_sha256_destroy) struct edge_sha256 *sha = edge_sha256_create();

    if (!sha)
        return -ENOMEM;
    edge_sha256_update(sha, name, strlen(name) + 1);
    edge_sha256_update(sha, body, len);
    edge_sha256_hex(sha, sum);
    return 0;
}

static int prepare_all(struct state_store *store, struct edge_err *err)
{
    int rc = state_store_prepare(store, get_sql, &store->get, err);

    if (rc == 0)
        rc = state_store_prepare(store, put_sql, &store->put, err);
    if (rc == 0)
        rc = state_store_prepare(store, del_sql, &store->del, err);
    return rc;
}

static int set_up(struct state_store *store, struct edge_err *err)
{
    int rc = state_store_run(store, settings, err);

    if (rc == 0)
        rc = state_store_check_file(store, err);
    if (rc == 0)
        rc = prepare_all(store, err);
    if (rc == 0)
        rc = state_store_check_rows(store, err);
    return rc;
}

int state_store_open(const char *path, struct state_store **ret, struct edge_err *err)
{
    EDGE_CLEANUP(state_store_close) struct state_store *store = calloc(1, sizeof *store);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc;

    if (!store)
        return -ENOMEM;
    store->path = edge_strdup(path);
    if (!store->path)
        return -ENOMEM;
    rc = touch(path, err);
    if (rc != 0)
        return rc;
    rc = state_store_rc(store, sqlite3_open_v2(path, &store->db, flags, NULL), "open", err);
    if (rc != 0)
        return rc;
    sqlite3_busy_timeout(store->db, BUSY_MS);
    rc = set_up(store, err);
    if (rc != 0)
        return rc;
    *ret = EDGE_TAKE(store);
    return 0;
}

struct state_store *state_store_close(struct state_store *store)
{
    if (!store)
        return NULL;
    sqlite3_finalize(store->get);
    sqlite3_finalize(store->put);
    sqlite3_finalize(store->del);
    sqlite3_close(store->db);
    free(store->path);
    free(store);
    return NULL;
}

/* Damage met in the middle of work is an error like any other: the next open sets the file aside.
 */
static int in_use(int rc)
{
    return rc == STATE_STORE_CORRUPT ? EDGE_ESTORE : rc;
}

static int change(struct state_store *store, sqlite3_stmt *stmt, int bound, struct edge_err *err)
{
    int code = bound == SQLITE_OK ? sqlite3_step(stmt) : bound;
    int rc = in_use(state_store_rc(store, code, "write", err));

    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return rc;
}

static int append_body(sqlite3_stmt *row, struct edge_buf *body)
{
    const void *data = sqlite3_column_blob(row, 0);

    return edge_buf_append(body, data ? data : "", (size_t) sqlite3_column_bytes(row, 0));
}

int state_store_get(struct state_store *store, const char *name, struct edge_buf *body,
                    struct edge_err *err)
{
    int code = sqlite3_bind_text(store->get, 1, name, -1, SQLITE_STATIC);
    int rc;

    if (code == SQLITE_OK)
        code = sqlite3_step(store->get);
    if (code == SQLITE_DONE)
        rc = edge_fail(err, -ENOENT, "%s holds no %s", store->path, name);
    else
        rc = in_use(state_store_rc(store, code, "read", err));
    if (rc == 0)
        rc = append_body(store->get, body);
    if (rc == EDGE_ELIMIT)
        edge_fail(err, rc, "%s: %s is larger than %zu bytes", store->path, name, body->max);
    sqlite3_reset(store->get);
    sqlite3_clear_bindings(store->get);
    return rc;
}

int state_store_put(struct state_store *store, const char *name, const void *body, size_t len,
                    struct edge_err *err)
{
    char sum[EDGE_SHA256_HEX];
    int code;
    int rc = state_store_sum(name, body, len, sum);

    if (rc < 0)
        return rc;
    code = sqlite3_bind_text(store->put, 1, name, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_bind_blob64(store->put, 2, len > 0 ? body : "", len, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(store->put, 3, sum, -1, SQLITE_STATIC);
    return change(store, store->put, code, err);
}

int state_store_del(struct state_store *store, const char *name, struct edge_err *err)
{
    int code = sqlite3_bind_text(store->del, 1, name, -1, SQLITE_STATIC);

    return change(store, store->del, code, err);
}
