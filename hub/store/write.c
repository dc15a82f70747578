/* One group as one transaction. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/store/sqlite.h"

static int put_queue(struct hub_db *db, const struct hub_group_target *target)
{
    sqlite3_stmt *put = hub_db_statement(db, SQL_PUT_QUEUE);

    if (!put)
        return SQLITE_ERROR;
    sqlite3_bind_int64(put, 1, target->number);
    sqlite3_bind_text(put, 2, target->name, -1, SQLITE_STATIC);
    return hub_db_step(put);
}

static int put_entry(struct hub_db *db, const struct hub_body *body,
                     const struct hub_group_target *target, uint64_t which)
{
    sqlite3_stmt *put = hub_db_statement(db, SQL_PUT_ENTRY);
    int code = target->name ? put_queue(db, target) : SQLITE_OK;

    if (!put || code != SQLITE_OK)
        return put ? code : SQLITE_ERROR;
    sqlite3_bind_int64(put, 1, (sqlite3_int64) (body->message << HUB_ENTRY_SHIFT | which));
    sqlite3_bind_int64(put, 2, target->number);
    sqlite3_bind_int(put, 3, target->route);
    if (target->expires_t == INT64_MAX)
        sqlite3_bind_null(put, 4);
    else
        sqlite3_bind_int64(put, 4, target->expires_t);
    sqlite3_bind_int64(put, 5, body->len);
    return hub_db_step(put);
}

static int put_message(struct hub_db *db, const struct hub_group *group, const struct hub_op *op)
{
    sqlite3_stmt *put = hub_db_statement(db, SQL_PUT_MESSAGE);
    int code;

    if (!put)
        return SQLITE_ERROR;
    sqlite3_bind_int64(put, 1, (sqlite3_int64) op->body->message);
    sqlite3_bind_int64(put, 2, op->body->enqueued_ns);
    sqlite3_bind_int64(put, 3, hub_body_sum(op->body));
    sqlite3_bind_blob(put, 4, op->body->data, (int) op->body->len, SQLITE_STATIC);
    code = hub_db_step(put);
    for (size_t i = 0; code == SQLITE_OK && i < op->ntargets; i++)
        code = put_entry(db, op->body, &group->targets[op->first_target + i],
                         op->ntargets > 1 ? i + 1 : 0);
    return code;
}

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

static int run_op(struct hub_db *db, const struct hub_group *group, struct hub_op *op)
{
    switch (op->kind) {
    case HUB_OP_PUT:
        return put_message(db, group, op);
    case HUB_OP_SET:
        return op->key ? set_document(db, op) : SQLITE_OK;
    case HUB_OP_GET:
        return get_document(db, op);
    }
    return SQLITE_OK;
}

static int delete_range(struct hub_db *db, enum hub_sql which, uint64_t from, uint64_t to)
{
    sqlite3_stmt *del = hub_db_statement(db, which);

    if (!del)
        return SQLITE_ERROR;
    sqlite3_bind_int64(del, 1, (sqlite3_int64) from);
    sqlite3_bind_int64(del, 2, (sqlite3_int64) to);
    return hub_db_step(del);
}

/* `gone` as in hub_group: entry << 1 | last. Messages of one queue that follow each other are one
 * run, which goes with two statements. */
enum { ONE_MESSAGE = 1 << (HUB_ENTRY_SHIFT + 1) };

static bool is_single(uint64_t gone)
{
    return (gone >> 1 & HUB_ENTRY_MASK) == 0;
}

static size_t run_length(const uint64_t *gone, size_t count)
{
    size_t n = 1;

    while (is_single(gone[0]) && n < count && gone[n] == gone[0] + n * ONE_MESSAGE)
        n++;
    return n;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a;
    uint64_t y = *(const uint64_t *) b;

    return x < y ? -1 : x > y;
}

static void sort(uint64_t *gone, size_t count)
{
    size_t i = 1;

    while (i < count && gone[i - 1] < gone[i])
        i++;
    if (i < count)
        qsort(gone, count, sizeof *gone, by_number);
}

static int delete_gone(struct hub_db *db, struct hub_group *group)
{
    int code = SQLITE_OK;
    size_t n;

    sort(group->gone, group->ngone);
    for (size_t i = 0; code == SQLITE_OK && i < group->ngone; i += n) {
        uint64_t first = group->gone[i];
        uint64_t last;

        n = run_length(group->gone + i, group->ngone - i);
        last = group->gone[i + n - 1];
        code = delete_range(db, SQL_DELETE_ENTRIES, first >> 1, last >> 1);
        if (code == SQLITE_OK && (first & 1))
            code = delete_range(db, SQL_DELETE_MESSAGES, hub_entry_message(first >> 1),
                                hub_entry_message(last >> 1));
    }
    return code;
}

static bool is_changed(const struct hub_ledger *change)
{
    static const struct hub_ledger none;

    return memcmp(change, &none, sizeof none) != 0;
}

static int change_route(struct hub_db *db, int route, const char *name,
                        const struct hub_ledger *change)
{
    sqlite3_stmt *set = hub_db_statement(db, SQL_CHANGE_ROUTE);
    uint64_t came = change->in + change->dropped[HUB_DROP_NO_ROUTE];

    if (!set)
        return SQLITE_ERROR;
    sqlite3_bind_int(set, 1, route);
    sqlite3_bind_text(set, 2, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(set, 3, (sqlite3_int64) came);
    sqlite3_bind_int64(set, 4, (sqlite3_int64) change->delivered);
    sqlite3_bind_int64(set, 5, (sqlite3_int64) change->expired);
    for (int why = 0; why < HUB_DROP_MAX; why++)
        sqlite3_bind_int64(set, 6 + why, (sqlite3_int64) change->dropped[why]);
    return hub_db_step(set);
}

static int change_routes(struct hub_db *db, const struct hub_group *group,
                         const char *const *routes)
{
    int code = SQLITE_OK;

    for (size_t i = 0; code == SQLITE_OK && i < group->nchange; i++) {
        if (is_changed(&group->change[i]))
            code = change_route(db, (int) i, routes[i], &group->change[i]);
    }
    return code;
}

/* What is gone goes first: its pages take the new messages, and are written once for both. */
static int write_all(struct hub_db *db, struct hub_group *group, const char *const *routes)
{
    int code = delete_gone(db, group);

    for (size_t i = 0; code == SQLITE_OK && i < group->nops; i++) {
        code = run_op(db, group, &group->ops[i]);
        group->rows += group->ops[i].kind == HUB_OP_PUT ? 1 : 0;
    }
    if (code == SQLITE_OK)
        code = change_routes(db, group, routes);
    if (code == SQLITE_OK && group->probe)
        code = hub_db_step(hub_db_statement(db, SQL_PROBE));
    return code;
}

static bool only_reads(const struct hub_group *group)
{
    for (size_t i = 0; i < group->nops; i++) {
        if (group->ops[i].kind != HUB_OP_GET)
            return false;
    }
    for (size_t i = 0; i < group->nchange; i++) {
        if (is_changed(&group->change[i]))
            return false;
    }
    return group->ngone == 0 && !group->probe;
}

int hub_db_commit(struct hub_db *db, struct hub_group *group, const char *const *routes)
{
    struct edge_err err = {0};
    bool reads = only_reads(group);
    int code = hub_db_step(hub_db_statement(db, SQL_BEGIN));
    int rc;

    if (code == SQLITE_OK)
        code = write_all(db, group, routes);
    if (code == SQLITE_OK)
        code = hub_db_step(hub_db_statement(db, reads ? SQL_ROLLBACK : SQL_COMMIT));
    rc = hub_db_rc(db, code, "write", &err);
    if (rc != 0) {
        if (!sqlite3_get_autocommit(db->db))
            edge_ignore(hub_db_step(hub_db_statement(db, SQL_ROLLBACK)));
        (void) snprintf(group->trouble, sizeof group->trouble, "%.*s",
                        (int) sizeof group->trouble - 1, err.text);
    }
    group->wal_bytes = db->wal_bytes;
    group->wrote = !reads;
    group->damaged = rc == HUB_DB_DAMAGED;
    return rc == -EBUSY || rc > 0 ? EDGE_ESTORE : rc;
}
