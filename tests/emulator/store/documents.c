#include <stdio.h>

#include "tests/emulator/store/internal.h"

static const char *const tables[STORE_TABLES] = {
    [STORE_META] = "meta",
    [STORE_POLICIES] = "policies",
    [STORE_IDENTITIES] = "identities",
    [STORE_TWINS] = "twins",
    [STORE_SESSIONS] = "sessions",
    [STORE_CONFIGURATIONS] = "configurations",
    [STORE_JOBS] = "jobs",
    [STORE_ENROLLMENTS] = "enrollments",
    [STORE_GROUPS] = "enrollment_groups",
    [STORE_REGISTRATIONS] = "registrations",
    [STORE_UPLOADS] = "uploads",
};
static const char create_sql[] = "CREATE TABLE IF NOT EXISTS %s(a TEXT NOT NULL,b TEXT NOT NULL,"
                                 "body TEXT NOT NULL,PRIMARY KEY(a,b))";
static const char *const docs[DOCS] = {
    [D_GET] = "SELECT body FROM %s WHERE a=?1 AND b=?2",
    [D_PUT] = "INSERT OR REPLACE INTO %s(a,b,body) VALUES(?1,?2,?3)",
    [D_DEL] = "DELETE FROM %s WHERE a=?1 AND b=?2",
    [D_COUNT] = "SELECT count(*) FROM %s",
    [D_NEXT] = "SELECT a,b,body FROM %s WHERE (a,b)>(?1,?2) ORDER BY a,b LIMIT 1",
};

/* The formats above are ours and constant; a table cannot be a bound parameter. */
static void fill(char *sql, size_t size, const char *form, const char *table)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(sql, size, form, table);
#pragma GCC diagnostic pop
}

static int prepare_table(struct store *store, enum store_table table, struct edge_err *err)
{
    char sql[256];
    int rc;

    fill(sql, sizeof sql, create_sql, tables[table]);
    rc = store_rc(store, sqlite3_exec(store->db, sql, NULL, NULL, NULL), "set up", err);
    for (int i = 0; i < DOCS && rc == 0; i++) {
        fill(sql, sizeof sql, docs[i], tables[table]);
        rc = store_rc(store,
                      sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                         &store->doc[table][i], NULL),
                      "read", err);
    }
    return rc;
}

int store_prepare_documents(struct store *store, struct edge_err *err)
{
    int rc = 0;

    for (int table = 0; table < STORE_TABLES && rc == 0; table++)
        rc = prepare_table(store, (enum store_table) table, err);
    return rc;
}

static sqlite3_stmt *named(struct store *store, enum store_table table, enum store_doc doc,
                           const char *a, const char *b)
{
    sqlite3_stmt *stmt = store_take(store, store->doc[table][doc]);

    sqlite3_bind_text(stmt, 1, a, -1, SQLITE_STATIC);
    if (b)
        sqlite3_bind_text(stmt, 2, b, -1, SQLITE_STATIC);
    return stmt;
}

static int append(struct edge_buf *body, sqlite3_stmt *row, int column)
{
    return edge_buf_append(body, sqlite3_column_text(row, column),
                           (size_t) sqlite3_column_bytes(row, column));
}

int store_get(struct store *store, enum store_table table, const char *a, const char *b,
              struct edge_buf *body)
{
    sqlite3_stmt *stmt = named(store, table, D_GET, a, b);
    int rc = store_row(store, stmt);

    if (rc == 0)
        rc = append(body, stmt, 0);
    store_take(store, NULL);
    return rc;
}

int store_put(struct store *store, enum store_table table, const char *a, const char *b,
              const char *body)
{
    sqlite3_stmt *stmt = named(store, table, D_PUT, a, b);

    sqlite3_bind_text(stmt, 3, body, -1, SQLITE_STATIC);
    return store_change(store, stmt);
}

int store_del(struct store *store, enum store_table table, const char *a, const char *b)
{
    return store_change(store, named(store, table, D_DEL, a, b));
}

int store_count(struct store *store, enum store_table table, int64_t *ret)
{
    sqlite3_stmt *stmt = store_take(store, store->doc[table][D_COUNT]);
    int rc = store_row(store, stmt);

    if (rc == 0)
        *ret = sqlite3_column_int64(stmt, 0);
    store_take(store, NULL);
    return rc;
}

int store_next(struct store *store, enum store_table table, char *a, char *b, struct edge_buf *body)
{
    sqlite3_stmt *stmt = named(store, table, D_NEXT, a, b);
    int rc = store_row(store, stmt);

    if (rc == 0)
        rc = append(body, stmt, 2);
    if (rc == 0) {
        snprintf(a, STORE_NAME, "%s", (const char *) sqlite3_column_text(stmt, 0));
        snprintf(b, STORE_NAME, "%s", (const char *) sqlite3_column_text(stmt, 1));
    }
    store_take(store, NULL);
    return rc;
}
