#include <stdio.h>

#include "tests/emulator/store/internal.h"

int store_push(struct store *store, const char *queue, const struct store_item *item,
               int64_t *ret_id)
{
    sqlite3_stmt *stmt = store_take(store, store->query[Q_PUSH]);
    int rc;

    sqlite3_bind_text(stmt, 1, queue, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, item->head, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(stmt, 3, item->len > 0 ? (const void *) item->body : "", item->len,
                        SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 4, item->enqueued_ns);
    sqlite3_bind_int64(stmt, 5, item->expires_ns);
    sqlite3_bind_int64(stmt, 6, item->locked_ns);
    sqlite3_bind_int64(stmt, 7, item->deliveries);
    sqlite3_bind_text(stmt, 8, item->lock, -1, SQLITE_STATIC);
    rc = store_change(store, stmt);
    if (rc == 0)
        *ret_id = sqlite3_last_insert_rowid(store->db);
    return rc;
}

static int item_of(struct store *store, sqlite3_stmt *stmt, struct store_item *ret)
{
    int rc = store_row(store, stmt);

    if (rc != 0)
        return rc;
    ret->id = sqlite3_column_int64(stmt, 0);
    ret->head = (const char *) sqlite3_column_text(stmt, 1);
    ret->body = sqlite3_column_blob(stmt, 2);
    ret->len = (size_t) sqlite3_column_bytes(stmt, 2);
    ret->enqueued_ns = sqlite3_column_int64(stmt, 3);
    ret->expires_ns = sqlite3_column_int64(stmt, 4);
    ret->locked_ns = sqlite3_column_int64(stmt, 5);
    ret->deliveries = (uint32_t) sqlite3_column_int64(stmt, 6);
    snprintf(ret->lock, sizeof ret->lock, "%s", (const char *) sqlite3_column_text(stmt, 7));
    return 0;
}

int store_peek(struct store *store, const char *queue, int64_t now_ns, int64_t after_id,
               struct store_item *ret)
{
    sqlite3_stmt *stmt = store_take(store, store->query[Q_PEEK]);

    sqlite3_bind_text(stmt, 1, queue, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, now_ns);
    sqlite3_bind_int64(stmt, 3, after_id);
    return item_of(store, stmt, ret);
}

int store_find(struct store *store, const char *queue, const char *lock, int64_t id,
               struct store_item *ret)
{
    sqlite3_stmt *stmt = store_take(store, store->query[lock ? Q_BY_LOCK : Q_BY_ID]);

    sqlite3_bind_text(stmt, 1, queue, -1, SQLITE_STATIC);
    if (lock)
        sqlite3_bind_text(stmt, 2, lock, -1, SQLITE_STATIC);
    else
        sqlite3_bind_int64(stmt, 2, id);
    return item_of(store, stmt, ret);
}

int store_mark(struct store *store, const struct store_item *item)
{
    sqlite3_stmt *stmt = store_take(store, store->query[Q_MARK]);

    sqlite3_bind_int64(stmt, 1, item->id);
    sqlite3_bind_int64(stmt, 2, item->deliveries);
    sqlite3_bind_text(stmt, 3, item->lock, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 4, item->locked_ns);
    return store_change(store, stmt);
}

int store_drop(struct store *store, int64_t id)
{
    sqlite3_stmt *stmt = store_take(store, store->query[Q_DROP]);

    sqlite3_bind_int64(stmt, 1, id);
    return store_change(store, stmt);
}

int store_unlock(struct store *store, const char *queue, int64_t until_ns)
{
    sqlite3_stmt *stmt = store_take(store, store->query[Q_UNLOCK]);

    sqlite3_bind_text(stmt, 1, queue, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, until_ns);
    return store_change(store, stmt);
}

int store_purge(struct store *store, const char *queue)
{
    sqlite3_stmt *stmt = store_take(store, store->query[Q_PURGE]);

    sqlite3_bind_text(stmt, 1, queue, -1, SQLITE_STATIC);
    return store_change(store, stmt);
}

int store_queued(struct store *store, const char *queue, int64_t *ret)
{
    sqlite3_stmt *stmt = store_take(store, store->query[Q_QUEUED]);
    int rc;

    sqlite3_bind_text(stmt, 1, queue, -1, SQLITE_STATIC);
    rc = store_row(store, stmt);
    if (rc == 0)
        *ret = sqlite3_column_int64(stmt, 0);
    store_take(store, NULL);
    return rc;
}

int store_expired(struct store *store, int64_t now_ns, struct store_item *ret,
                  const char **ret_queue)
{
    sqlite3_stmt *stmt = store_take(store, store->query[Q_EXPIRED]);
    int rc;

    sqlite3_bind_int64(stmt, 1, now_ns);
    rc = item_of(store, stmt, ret);
    if (rc == 0)
        *ret_queue = (const char *) sqlite3_column_text(stmt, 8);
    return rc;
}

int store_due(struct store *store, int64_t *ret_ns)
{
    sqlite3_stmt *stmt = store_take(store, store->query[Q_DUE]);
    int rc = store_row(store, stmt);

    if (rc == 0)
        *ret_ns = sqlite3_column_int64(stmt, 0);
    store_take(store, NULL);
    return rc;
}
