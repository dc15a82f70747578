/* The documents of one group as one transaction; reading all of a kind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/store/sqlite.h"

static int bind_key(sqlite3_stmt *statement, const char *key)
{
    if (!statement)
        return SQLITE_ERROR;
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    return sqlite3_bind_text(statement, 2, key + strlen(key) + 1, -1, SQLITE_STATIC);
}

static int set_document(struct hub_db *db, const struct hub_op *op)
{
    sqlite3_stmt *set = hub_db_statement(db, op->owned ? SQL_SET_DOCUMENT : SQL_DELETE_DOCUMENT);
    int code = bind_key(set, op->key);

    if (code == SQLITE_OK && op->owned)
        code = sqlite3_bind_blob(set, 3, op->owned, (int) op->len, SQLITE_STATIC);
    return code == SQLITE_OK ? hub_db_step(set) : code;
}

static int get_document(struct hub_db *db, struct hub_op *op)
{
    sqlite3_stmt *get = hub_db_statement(db, SQL_GET_DOCUMENT);
    int code = bind_key(get, op->key);

    if (code != SQLITE_OK)
        return code;
    code = sqlite3_step(get);
    if (code == SQLITE_ROW) {
        const void *data = sqlite3_column_blob(get, 0);

        op->len = (size_t) sqlite3_column_bytes(get, 0);
        op->owned = malloc(op->len + 1);
        if (op->owned && op->len > 0)
            memcpy(op->owned, data, op->len);
        code = op->owned ? SQLITE_OK : SQLITE_NOMEM;
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
        code = hub_db_step(hub_db_statement(db, SQL_PROBE));
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
    int code = hub_db_step(hub_db_statement(db, SQL_BEGIN));
    int rc;

    if (code == SQLITE_OK)
        code = run_all(db, group);
    if (code == SQLITE_OK)
        code = hub_db_step(hub_db_statement(db, writes ? SQL_COMMIT : SQL_ROLLBACK));
    rc = hub_db_rc(db, code, "write", err);
    if (rc != 0 && !sqlite3_get_autocommit(db->db))
        edge_ignore(hub_db_step(hub_db_statement(db, SQL_ROLLBACK)));
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
