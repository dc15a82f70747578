/* Documents. They go through the groups like messages, so that their order is that of the calls. */
#include <errno.h>
#include <stdlib.h>

#include "hub/store/internal.h"

static char *key_of(const char *kind, const char *name)
{
    size_t kind_len = strlen(kind) + 1;
    size_t name_len = strlen(name) + 1;
    char *key = malloc(kind_len + name_len);

    if (key) {
        memcpy(key, kind, kind_len);
        memcpy(key + kind_len, name, name_len);
    }
    return key;
}

static int add(struct hub_store *store, const struct hub_op *op)
{
    struct hub_group *group = hub_commit_lock(store->commit);
    int rc = hub_group_reserve(group, 1, 0);

    if (rc < 0) {
        hub_commit_leave(store->commit);
        return rc;
    }
    *hub_group_add(group) = *op;
    group->bytes += op->len;
    hub_commit_unlock(store->commit, 0);
    store->uncommitted += op->len;
    return 0;
}

int hub_store_set(struct hub_store *store, const char *kind, const char *name,
                  struct edge_bytes data, hub_stored_done *done, void *arg)
{
    struct hub_op op = {.kind = HUB_OP_SET, .len = data.len, .done = done, .arg = arg};
    int rc;

    if (strlen(kind) > HUB_STORE_NAME_MAX || strlen(name) > HUB_STORE_NAME_MAX ||
        data.len > HUB_STORE_DOCUMENT_MAX || store->uncommitted + data.len > HUB_UNCOMMITTED_MAX)
        return EDGE_ELIMIT;
    op.key = key_of(kind, name);
    if (data.data)
        op.owned = malloc(data.len + 1);
    if (op.owned && data.len > 0)
        memcpy(op.owned, data.data, data.len);
    rc = op.key && (op.owned || !data.data) ? add(store, &op) : -ENOMEM;
    if (rc < 0) {
        free(op.key);
        free(op.owned);
    }
    return rc;
}

int hub_store_get(struct hub_store *store, const char *kind, const char *name,
                  void (*done)(int rc, struct edge_bytes data, void *arg), void *arg)
{
    struct hub_op op = {.kind = HUB_OP_GET, .got = done, .arg = arg};
    int rc;

    op.key = key_of(kind, name);
    rc = op.key ? add(store, &op) : -ENOMEM;
    if (rc < 0)
        free(op.key);
    return rc;
}

int hub_store_each(struct hub_store *store, const char *kind,
                   void (*fn)(const char *name, struct edge_bytes data, void *arg), void *arg)
{
    EDGE_CLEANUP(hub_db_close) struct hub_db *db = NULL;
    int rc = hub_db_open(store->path, store->vfs, HUB_DB_READ, &db, NULL);

    if (rc == 0)
        rc = hub_db_each_document(db, kind, fn, arg, NULL);
    if (rc != 0)
        hub_disk_suspect(&store->disk);
    return rc == 0 ? 0 : EDGE_ESTORE;
}
