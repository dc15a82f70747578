/* What other threads than the commit thread read. */
#include <errno.h>
#include <stdlib.h>

#include "hub/store/sqlite.h"

static struct hub_body *broken(uint64_t message)
{
    struct hub_body *body = hub_body_create(message, (struct edge_bytes){0});

    if (body)
        body->broken = true;
    return body;
}

static struct hub_body *body_of(sqlite3_stmt *row)
{
    uint64_t message = (uint64_t) sqlite3_column_int64(row, 0);
    struct edge_bytes data = {.data = sqlite3_column_blob(row, 3)};
    int len = sqlite3_column_bytes(row, 3);
    struct hub_body *body;

    if (len < 0 || len > HUB_STORE_BODY_MAX || (len > 0 && !data.data))
        return broken(message);
    data.len = (size_t) len;
    body = hub_body_create(message, data);
    if (!body)
        return NULL;
    body->enqueued_ns = sqlite3_column_int64(row, 1);
    body->sum = (uint32_t) sqlite3_column_int64(row, 2);
    body->broken = body->sum != hub_body_sum(body);
    return body;
}

/* The rows of [first, last] that are wanted, in their order. */
static int read_range(struct hub_db *db, const uint64_t *messages, struct hub_body **bodies,
                      size_t count)
{
    sqlite3_stmt *row = hub_db_statement(db, SQL_READ_MESSAGES);
    size_t at = 0;
    int code;

    if (!row)
        return SQLITE_ERROR;
    sqlite3_bind_int64(row, 1, (sqlite3_int64) messages[0]);
    sqlite3_bind_int64(row, 2, (sqlite3_int64) messages[count - 1]);
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        uint64_t message = (uint64_t) sqlite3_column_int64(row, 0);

        while (at < count && messages[at] < message)
            at++;
        if (at < count && messages[at] == message && !bodies[at]) {
            bodies[at] = body_of(row);
            if (!bodies[at]) {
                code = SQLITE_NOMEM;
                break;
            }
        }
    }
    sqlite3_reset(row);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Neighbours are read together; what is far apart, one by one. */
static size_t neighbours(const uint64_t *messages, size_t count)
{
    size_t n = 1;

    while (n < count && messages[n] - messages[n - 1] <= 2)
        n++;
    return n;
}

/* A broken page takes the whole range with it: then each for itself. */
static int read_some(struct hub_db *db, const uint64_t *messages, struct hub_body **bodies,
                     size_t count)
{
    int code = read_range(db, messages, bodies, count);

    if (hub_db_rc(db, code, "read", NULL) != HUB_DB_DAMAGED)
        return code;
    for (size_t i = 0; i < count; i++) {
        if (bodies[i])
            continue;
        code = read_range(db, messages + i, bodies + i, 1);
        if (code != SQLITE_OK && hub_db_rc(db, code, "read", NULL) != HUB_DB_DAMAGED)
            return code;
    }
    return SQLITE_OK;
}

static int read_all(struct hub_db *db, const uint64_t *messages, struct hub_body **bodies,
                    size_t count)
{
    int code = SQLITE_OK;
    size_t n;

    for (size_t i = 0; code == SQLITE_OK && i < count; i += n) {
        n = neighbours(messages + i, count - i);
        code = read_some(db, messages + i, bodies + i, n);
    }
    for (size_t i = 0; code == SQLITE_OK && i < count; i++) {
        if (!bodies[i])
            bodies[i] = broken(messages[i]);
        if (!bodies[i])
            code = SQLITE_NOMEM;
    }
    return code;
}

int hub_db_read(struct hub_db *db, const uint64_t *messages, struct hub_body **bodies, size_t count)
{
    int rc = hub_db_rc(db, read_all(db, messages, bodies, count), "read", NULL);

    for (size_t i = 0; rc != 0 && i < count; i++)
        bodies[i] = hub_body_unref(bodies[i]);
    return rc == 0 || rc == -ENOMEM ? rc : EDGE_ESTORE;
}

int hub_db_each_document(struct hub_db *db, const char *kind,
                         void (*fn)(const char *name, struct edge_bytes data, void *arg), void *arg,
                         struct edge_err *err)
{
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(
        db->db, "SELECT name,data FROM document WHERE kind=?1 ORDER BY name", -1, &row, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_bind_text(row, 1, kind, -1, SQLITE_STATIC);
    while (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        const char *name = (const char *) sqlite3_column_text(row, 0);
        const void *data = sqlite3_column_blob(row, 1);
        struct edge_bytes bytes = {data ? data : (const void *) "",
                                   (size_t) sqlite3_column_bytes(row, 1)};

        if (name)
            fn(name, bytes, arg);
        code = SQLITE_OK;
    }
    sqlite3_finalize(row);
    return hub_db_rc(db, code, "read", err) == 0 ? 0 : EDGE_ESTORE;
}

/* Entries by route, counted in one pass over small rows. */
static int count_entries(struct hub_db *db, uint64_t *counts, size_t size)
{
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(db->db, "SELECT route FROM entry", -1, &row, NULL);

    while (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        size_t route = (size_t) sqlite3_column_int64(row, 0);

        counts[route < size ? route : size]++;
        code = SQLITE_OK;
    }
    sqlite3_finalize(row);
    return code;
}

static int compare(struct hub_db *db, const uint64_t *counts, size_t size, uint64_t *ret_seen,
                   struct edge_err *err)
{
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(
        db->db, "SELECT id,name,came,delivered+expired+d0+d1+d2+d3+d4 FROM route", -1, &row, NULL);
    int rc = 0;

    while (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        size_t route = (size_t) sqlite3_column_int64(row, 0);
        uint64_t in = (uint64_t) sqlite3_column_int64(row, 2);
        uint64_t out = (uint64_t) sqlite3_column_int64(row, 3);
        uint64_t waiting = route < size ? counts[route] : 0;

        *ret_seen += waiting;
        if (rc == 0 && in != out + waiting)
            rc = edge_fail(err, EDGE_ESTORE,
                           "route \"%s\" does not add up: %llu came, %llu went, %llu wait",
                           (const char *) sqlite3_column_text(row, 1), (unsigned long long) in,
                           (unsigned long long) out, (unsigned long long) waiting);
        code = SQLITE_OK;
    }
    sqlite3_finalize(row);
    return code == SQLITE_DONE ? rc : hub_db_rc(db, code, "read", err);
}

enum { ROUTES = 1024 };

int hub_db_audit(struct hub_db *db, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) uint64_t *counts = calloc(ROUTES + 1, sizeof *counts);
    uint64_t total = 0;
    uint64_t seen = 0;
    int rc;

    if (!counts)
        return -ENOMEM;
    rc = hub_db_rc(db, hub_db_exec(db, "BEGIN"), "read", err);
    if (rc == 0)
        rc = hub_db_rc(db, count_entries(db, counts, ROUTES), "read", err);
    if (rc == 0)
        rc = compare(db, counts, ROUTES, &seen, err);
    edge_ignore(hub_db_exec(db, "ROLLBACK"));
    for (size_t i = 0; i <= ROUTES; i++)
        total += counts[i];
    if (rc == 0 && total != seen)
        rc = edge_fail(err, EDGE_ESTORE, "%llu entries belong to no route",
                       (unsigned long long) (total - seen));
    return rc == 0 ? 0 : EDGE_ESTORE;
}
