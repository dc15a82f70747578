/* The documents of one group as one transaction; reading all of a kind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/store/crc.h"
#include "hub/store/sqlite.h"

static int bind_key(const struct hub_db *db, sqlite3_stmt *statement, const char *key)
{
    if (!statement)
        return hub_db_code(db);
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    return sqlite3_bind_text(statement, 2, key + strlen(key) + 1, -1, SQLITE_STATIC);
}

uint32_t hub_row_sum(const struct hub_row *row)
{
    uint32_t sum = hub_crc32c(0, row->kind, strlen(row->kind) + 1);

    sum = hub_crc32c(sum, row->name, strlen(row->name) + 1);
    return hub_crc32c(sum, row->data.data, row->data.len);
}

static int bind_data(sqlite3_stmt *set, const struct hub_row *row)
{
    sqlite3_bind_blob(set, 3, row->data.data, (int) row->data.len, SQLITE_STATIC);
    return sqlite3_bind_int64(set, 4, hub_row_sum(row));
}

static int set_document(struct hub_db *db, const struct hub_op *op)
{
    sqlite3_stmt *set = hub_db_statement(db, op->owned ? SQL_SET_DOCUMENT : SQL_DELETE_DOCUMENT);
    int code = bind_key(db, set, op->key);

    if (code == SQLITE_OK && op->owned)
        code = bind_data(
            set, &(struct hub_row){op->key, op->key + strlen(op->key) + 1, {op->owned, op->len}});
    return code == SQLITE_OK ? hub_db_step(db, set) : code;
}

/* Rows of a time when there were no sums have none. */
int hub_db_row(sqlite3_stmt *row, int first, struct hub_row *ret)
{
    const void *data = sqlite3_column_blob(row, first + 2);

    *ret = (struct hub_row){
        .kind = (const char *) sqlite3_column_text(row, first),
        .name = (const char *) sqlite3_column_text(row, first + 1),
        .data = {data ? data : (const void *) "", (size_t) sqlite3_column_bytes(row, first + 2)},
    };
    if (!ret->kind || !ret->name)
        return sqlite3_errcode(sqlite3_db_handle(row)) == SQLITE_NOMEM ? SQLITE_NOMEM
                                                                       : SQLITE_CORRUPT;
    return sqlite3_column_type(row, first + 3) == SQLITE_NULL ||
                   sqlite3_column_int64(row, first + 3) == hub_row_sum(ret)
               ? SQLITE_OK
               : SQLITE_CORRUPT;
}

static int keep(struct hub_op *op, const struct edge_bytes data)
{
    op->len = data.len;
    op->owned = malloc(data.len + 1);
    if (op->owned && data.len > 0)
        memcpy(op->owned, data.data, data.len);
    return op->owned ? SQLITE_OK : SQLITE_NOMEM;
}

static int get_document(struct hub_db *db, struct hub_op *op)
{
    sqlite3_stmt *get = hub_db_statement(db, SQL_GET_DOCUMENT);
    int code = bind_key(db, get, op->key);

    if (code != SQLITE_OK)
        return code;
    code = sqlite3_step(get);
    if (code == SQLITE_ROW) {
        struct hub_row row;

        code = hub_db_row(get, 0, &row);
        if (code == SQLITE_OK)
            code = keep(op, row.data);
    }
    sqlite3_reset(get);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int run_all(struct hub_db *db, struct hub_group *group)
{
    int code = SQLITE_OK;

    for (size_t i = 0; code == SQLITE_OK && i < group->nops; i++) {
        struct hub_op *op = &group->ops[i];

        if (op->kind == HUB_OP_SET && op->key)
            code = set_document(db, op);
        if (op->kind == HUB_OP_GET)
            code = get_document(db, op);
    }
    if (code == SQLITE_OK && group->probe)
        code = hub_db_step(db, hub_db_statement(db, SQL_PROBE));
    return code;
}

static bool has(const struct hub_group *group, enum hub_op_kind kind)
{
    for (size_t i = 0; i < group->nops; i++) {
        if (group->ops[i].kind == kind)
            return true;
    }
    return false;
}

static int run(struct hub_db *db, struct hub_group *group, bool writes, struct edge_err *err)
{
    int code = hub_db_step(db, hub_db_statement(db, SQL_BEGIN));
    int rc;

    if (code == SQLITE_OK)
        code = run_all(db, group);
    if (code == SQLITE_OK)
        code = hub_db_step(db, hub_db_statement(db, writes ? SQL_COMMIT : SQL_ROLLBACK));
    rc = hub_db_rc(db, code, "write", err);
    if (rc != 0 && !sqlite3_get_autocommit(db->db))
        edge_ignore(hub_db_step(db, hub_db_statement(db, SQL_ROLLBACK)));
    return rc;
}

int hub_db_commit(struct hub_db *db, struct hub_group *group)
{
    struct edge_err err = {0};
    bool writes = has(group, HUB_OP_SET) || group->probe;
    int rc = writes || has(group, HUB_OP_GET) ? run(db, group, writes, &err) : 0;

    if (rc != 0)
        (void) snprintf(group->trouble, sizeof group->trouble, "%.*s",
                        (int) sizeof group->trouble - 1, err.text);
    group->wal_bytes = db->wal_bytes;
    group->wrote = writes;
    group->damaged = rc == HUB_DB_DAMAGED;
    rc = rc == -EBUSY || rc > 0 ? EDGE_ESTORE : rc;
    for (size_t i = 0; i < group->nops; i++) {
        if (group->ops[i].kind != HUB_OP_PUT)
            group->ops[i].rc = rc;
    }
    return rc;
}

int hub_db_each_document(struct hub_db *db, const char *kind,
                         void (*fn)(const char *name, struct edge_bytes data, void *arg), void *arg,
                         struct edge_err *err)
{
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(
        db->db, "SELECT kind,name,data,sum FROM document WHERE kind=?1 ORDER BY name", -1, &row,
        NULL);

    if (code == SQLITE_OK)
        code = sqlite3_bind_text(row, 1, kind, -1, SQLITE_STATIC);
    while (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        struct hub_row document;

        code = hub_db_row(row, 0, &document);
        if (code == SQLITE_OK)
            fn(document.name, document.data, arg);
    }
    sqlite3_finalize(row);
    return hub_db_rc(db, code, "read", err) == 0 ? 0 : EDGE_ESTORE;
}

int hub_db_each_row(struct hub_db *db, int (*fn)(const struct hub_row *row, void *arg), void *arg)
{
    sqlite3_stmt *row = NULL;
    int rc = 0;
    int code = sqlite3_prepare_v2(
        db->db, "SELECT kind,name,data,sum FROM document WHERE kind<>'' ORDER BY kind,name", -1,
        &row, NULL);

    while (code == SQLITE_OK && rc == 0 && (code = sqlite3_step(row)) == SQLITE_ROW) {
        struct hub_row document;

        code = hub_db_row(row, 0, &document);
        if (code == SQLITE_OK)
            rc = fn(&document, arg);
    }
    sqlite3_finalize(row);
    if (rc < 0)
        return rc;
    return code == SQLITE_DONE ? 0 : EDGE_ESTORE;
}

static int step(struct hub_db *db, enum hub_sql which, struct edge_err *err)
{
    int rc = hub_db_rc(db, hub_db_step(db, hub_db_statement(db, which)), "write", err);

    return rc > 0 || rc == -EBUSY ? EDGE_ESTORE : rc;
}

int hub_db_begin(struct hub_db *db, struct edge_err *err)
{
    return step(db, SQL_BEGIN, err);
}

int hub_db_end(struct hub_db *db, struct edge_err *err)
{
    return step(db, SQL_COMMIT, err);
}

int hub_db_add_row(struct hub_db *db, const struct hub_row *row, uint64_t *ret_added,
                   struct edge_err *err)
{
    sqlite3_stmt *add = hub_db_statement(db, SQL_ADD_DOCUMENT);
    int rc;

    if (add) {
        sqlite3_bind_text(add, 1, row->kind, -1, SQLITE_STATIC);
        sqlite3_bind_text(add, 2, row->name, -1, SQLITE_STATIC);
        (void) bind_data(add, row);
    }
    rc = hub_db_rc(db, hub_db_step(db, add), "carry over into", err);
    if (rc == 0)
        *ret_added += (uint64_t) sqlite3_changes(db->db);
    return rc > 0 || rc == -EBUSY ? EDGE_ESTORE : rc;
}
