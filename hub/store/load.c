/* Opening the file, and reading what waits in it. */
#include <errno.h>
#include <stdlib.h>

#include "hub/store/internal.h"

static void free_queues(struct hub_store *store)
{
    for (size_t i = 0; i < store->nqueues; i++) {
        if (store->queues[i])
            hub_queue_free(store->queues[i]);
    }
    free(store->queues);
    store->queues = NULL;
    store->nqueues = store->queues_size = store->first_hole = 0;
    edge_map_fini(&store->names);
    hub_oldest_fini(&store->oldest);
}

void hub_store_free_lists(struct hub_store *store)
{
    free_queues(store);
    while (store->trash) {
        struct hub_trash *next = store->trash->next;

        hub_index_fini(&store->trash->index);
        free(store->trash);
        store->trash = next;
    }
    hub_shared_fini(&store->shared);
    for (size_t i = 0; store->routes && i < HUB_ROUTES_MAX; i++)
        store->routes[i] = edge_free(store->routes[i]);
}

int hub_store_make_number(struct hub_store *store, size_t number)
{
    size_t size = store->queues_size ? store->queues_size : 16;
    struct hub_queue **queues;

    while (size <= number)
        size *= 2;
    if (size != store->queues_size) {
        queues = realloc(store->queues, size * sizeof(struct hub_queue *));
        if (!queues)
            return -ENOMEM;
        memset(queues + store->queues_size, 0,
               (size - store->queues_size) * sizeof(struct hub_queue *));
        store->queues = queues;
        store->queues_size = size;
    }
    if (number >= store->nqueues)
        store->nqueues = number + 1;
    return hub_oldest_reserve(&store->oldest, store->nqueues);
}

static int on_route(int number, const char *name, const struct hub_ledger *ledger, void *arg)
{
    struct hub_store *store = arg;

    if (number < 0 || number >= HUB_ROUTES_MAX || store->routes[number])
        return HUB_DB_DAMAGED;
    store->routes[number] = edge_strdup(name);
    store->ledger[number] = *ledger;
    if ((size_t) number >= store->nroutes)
        store->nroutes = (size_t) number + 1;
    return store->routes[number] ? 0 : -ENOMEM;
}

static int on_queue(uint32_t number, const char *name, void *arg)
{
    struct hub_store *store = arg;
    struct hub_queue *queue;
    int rc;

    if (number >= 2 * HUB_QUEUES_MAX || edge_map_get(&store->names, name))
        return HUB_DB_DAMAGED;
    rc = hub_store_make_number(store, number);
    if (rc == 0)
        rc = hub_queue_create(store, name, number, &queue);
    if (rc == 0)
        queue->on_disk = true;
    return rc;
}

static int on_entry(const struct hub_entry *entry, uint32_t number, void *arg)
{
    struct hub_store *store = arg;
    bool shared = entry->id & HUB_ENTRY_MASK;
    uint64_t message = hub_entry_message(entry->id);
    int rc;

    if (number >= store->nqueues || !store->queues[number] ||
        (size_t) entry->route >= store->nroutes || !store->routes[entry->route])
        return HUB_DB_DAMAGED;
    rc = shared ? hub_shared_reserve(&store->shared, 1) : 0;
    if (rc < 0)
        return rc;
    if (!shared || message != store->next_message)
        store->pending_bytes += entry->size;
    if (shared)
        hub_shared_add(&store->shared, message, 1);
    store->next_message = message; /* the last one seen */
    store->pending_bytes += HUB_ENTRY_COST;
    store->pending++;
    store->ledger[entry->route].pending++;
    hub_queue_append(store->queues[number], entry);
    return 0;
}

static int forget_empty_queues(struct hub_store *store, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) bool *used = calloc(store->nqueues + 1, sizeof *used);
    size_t unused = 0;

    if (!used)
        return -ENOMEM;
    for (size_t i = 0; i < store->nqueues; i++) {
        struct hub_queue *queue = store->queues[i];

        used[i] = !queue || queue->length > 0;
        if (used[i])
            continue;
        edge_ignore(!edge_map_remove(&store->names, queue->name));
        hub_queue_free(queue);
        store->queues[i] = NULL;
        unused++;
    }
    return unused > 0 ? hub_db_forget_queues(store->writer, used, store->nqueues, err) : 0;
}

static int load(struct hub_store *store, struct edge_err *err)
{
    const struct hub_db_found found = {on_route, on_queue, on_entry, store};
    int rc = hub_db_load(store->writer, &found, &store->next_message, err);

    return rc == 0 ? forget_empty_queues(store, err) : rc;
}

static void forget_load(struct hub_store *store)
{
    hub_store_free_lists(store);
    store->trash_end = &store->trash;
    store->nroutes = 0;
    store->pending = store->pending_bytes = store->next_message = 0;
    memset(store->ledger, 0, HUB_ROUTES_MAX * sizeof *store->ledger);
}

static int open_and_load(struct hub_store *store, struct edge_err *err)
{
    enum hub_db_use use = hub_disk_is_suspect(&store->disk) ? HUB_DB_WRITE_SUSPECT : HUB_DB_WRITE;
    int rc = hub_db_open(store->path, store->vfs, use, &store->writer, err);

    if (rc == 0)
        rc = load(store, err);
    if (rc != 0) {
        store->writer = hub_db_close(store->writer);
        forget_load(store);
    }
    return rc;
}

static void tell(struct hub_store *store, const char *text)
{
    if (store->options.notice)
        store->options.notice(text, store->options.arg);
}

/* A new file with what can be read of the damaged one. Without room for it, an empty one. */
static int build(struct hub_store *store, const char *path, uint64_t *ret_kept, uint64_t *ret_lost,
                 struct edge_err *err)
{
    EDGE_CLEANUP(hub_db_close) struct hub_db *db = NULL;
    uint64_t left = 0;
    int rc = hub_db_open(path, store->vfs, HUB_DB_WRITE, &db, err);

    if (rc == 0)
        rc = hub_db_salvage(db, store->path, store->vfs, ret_kept, ret_lost, err);
    if (rc == 0)
        rc = hub_db_checkpoint(db, true, &left); /* it is moved without its log */
    return rc == 0 && left > 0 ? EDGE_ESTORE : rc;
}

/* The new file is whole before the damaged one is moved: hub_disk_settle ends what was cut short
 * in between. */
static int begin_anew(struct hub_store *store, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s.new", store->path);
    EDGE_CLEANUP(edge_free) char *aside = NULL;
    EDGE_CLEANUP(edge_free) char *text = NULL;
    EDGE_CLEANUP(edge_free) char *notice = NULL;
    struct edge_err why = *err;
    uint64_t kept = 0;
    uint64_t lost = 0;
    int rc;

    if (!path)
        return -ENOMEM;
    rc = build(store, path, &kept, &lost, err);
    if (rc == -ENOMEM)
        return rc;
    text = rc == 0 ? edge_format("%llu waiting messages were carried over, %llu are lost",
                                 (unsigned long long) kept, (unsigned long long) lost)
                   : edge_format("nothing was carried over: %s", err->text);
    if (rc != 0)
        hub_disk_remove(path);
    rc = hub_disk_set_aside(store->path, &aside, err);
    if (rc == 0)
        rc = hub_disk_settle(store->path, err);
    if (rc == 0)
        rc = open_and_load(store, err);
    if (rc != 0)
        return rc == -ENOMEM ? rc : EDGE_ESTORE;
    notice = edge_format("%s; it is set aside as %s; %s", why.text, aside, text ? text : "");
    if (notice)
        tell(store, notice);
    return 0;
}

int hub_store_load(struct hub_store *store, struct edge_err *err)
{
    struct edge_err local = {0};
    int rc = hub_disk_settle(store->path, &local);

    if (rc == 0)
        rc = open_and_load(store, &local);
    if (rc == HUB_DB_DAMAGED)
        rc = begin_anew(store, &local);
    if (rc == 0)
        rc = hub_db_open(store->path, store->vfs, HUB_DB_READ, &store->reader, &local);
    if (rc == 0)
        hub_disk_trust(&store->disk);
    if (rc != 0 && err)
        *err = local;
    return rc == 0 || rc == -ENOMEM ? rc : EDGE_ESTORE;
}
