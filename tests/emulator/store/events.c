#include <assert.h>

#include "tests/emulator/store/internal.h"

enum { TRIM_EVERY = 256 }; /* appends */

int store_load_ranges(struct store *store)
{
    sqlite3_stmt *stmt = store_take(store, store->query[Q_RANGE]);
    int rc;

    for (unsigned i = 0; i < STORE_PARTITIONS_MAX; i++)
        store->ranges[i] = (struct store_range){.first = 0, .last = -1};
    while ((rc = store_row(store, stmt)) == 0) {
        sqlite3_int64 partition = sqlite3_column_int64(stmt, 0);

        if (partition >= 0 && partition < STORE_PARTITIONS_MAX)
            store->ranges[partition] = (struct store_range){
                .first = sqlite3_column_int64(stmt, 1),
                .last = sqlite3_column_int64(stmt, 2),
                .last_ns = sqlite3_column_int64(stmt, 3),
            };
    }
    store_take(store, NULL);
    return rc < 0 ? rc : 0;
}

static int trim(struct store *store, unsigned partition, int64_t first)
{
    sqlite3_stmt *stmt = store_take(store, store->query[Q_TRIM]);
    int rc;

    sqlite3_bind_int64(stmt, 1, partition);
    sqlite3_bind_int64(stmt, 2, first);
    rc = store_change(store, stmt);
    if (rc == 0)
        store->ranges[partition].first = first;
    return rc;
}

int store_append(struct store *store, unsigned partition, int64_t keep, struct store_event *item)
{
    struct store_range *range = &store->ranges[partition];
    sqlite3_stmt *stmt = store_take(store, store->query[Q_APPEND]);
    int rc;

    assert(partition < STORE_PARTITIONS_MAX && keep > 0);
    item->sequence = range->last + 1;
    sqlite3_bind_int64(stmt, 1, partition);
    sqlite3_bind_int64(stmt, 2, item->sequence);
    sqlite3_bind_int64(stmt, 3, item->enqueued_ns);
    sqlite3_bind_text(stmt, 4, item->head, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(stmt, 5, item->len > 0 ? (const void *) item->body : "", item->len,
                        SQLITE_STATIC);
    rc = store_change(store, stmt);
    if (rc < 0)
        return rc;
    range->last = item->sequence;
    range->last_ns = item->enqueued_ns;
    if (range->last % TRIM_EVERY == 0 && range->last - range->first >= keep)
        return trim(store, partition, range->last - keep + 1);
    return 0;
}

int store_event(struct store *store, unsigned partition, int64_t from, struct store_event *ret)
{
    sqlite3_stmt *stmt = store_take(store, store->query[Q_EVENT]);
    int rc;

    sqlite3_bind_int64(stmt, 1, partition);
    sqlite3_bind_int64(stmt, 2, from);
    rc = store_row(store, stmt);
    if (rc != 0)
        return rc;
    ret->sequence = sqlite3_column_int64(stmt, 0);
    ret->enqueued_ns = sqlite3_column_int64(stmt, 1);
    ret->head = (const char *) sqlite3_column_text(stmt, 2);
    ret->body = sqlite3_column_blob(stmt, 3);
    ret->len = (size_t) sqlite3_column_bytes(stmt, 3);
    return 0;
}

int store_event_since(struct store *store, unsigned partition, int64_t ns, int64_t *ret)
{
    sqlite3_stmt *stmt = store_take(store, store->query[Q_SINCE]);
    int rc;

    sqlite3_bind_int64(stmt, 1, partition);
    sqlite3_bind_int64(stmt, 2, ns);
    rc = store_row(store, stmt);
    *ret = rc == 0 ? sqlite3_column_int64(stmt, 0) : store->ranges[partition].last + 1;
    store_take(store, NULL);
    return rc < 0 ? rc : 0;
}

int store_event_range(struct store *store, unsigned partition, struct store_range *ret)
{
    assert(partition < STORE_PARTITIONS_MAX);
    *ret = store->ranges[partition];
    return 0;
}
