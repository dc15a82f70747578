#include "hub/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/store/copy.h"
#include "hub/store/internal.h"

enum {
    KEEP_DEFAULT = 32 * 1024 * 1024,
    CACHE_DEFAULT = 4 * 1024 * 1024,
    QUIET_MS = 5 * 1000,
    READERS = 2, /* threads: one may be copying */
};

static void free_store(void *arg)
{
    struct hub_store *store = arg;

    hub_store_free_lists(store);
    hub_recent_fini(&store->recent);
    hub_commit_destroy(store->commit);
    hub_disk_fini(&store->disk);
    free(store->routes);
    free(store->ledger);
    free(store->path);
    free(store->copy);
    free(store->vfs);
    free(store);
}

/* Threads first, then what they used; the memory goes after the last `done`. */
struct hub_store *hub_store_close(struct hub_store *store)
{
    if (!store)
        return NULL;
    edge_timer_destroy(store->retry);
    edge_timer_destroy(store->quiet);
    edge_timer_destroy(store->recopy);
    edge_pool_destroy(store->pool);
    if (store->commit)
        hub_store_empty_trash(store);
    hub_commit_stop(store->commit);
    store->closed = true;
    store->log = hub_log_close(store->log);
    if (store->commit)
        edge_ignore(hub_copy_update(store->copy, store->writer));
    store->reader = hub_db_close(store->reader);
    store->writer = hub_db_close(store->writer);
    store->disk.lock = edge_close(store->disk.lock);
    edge_loop_post(store->loop, free_store, store);
    return NULL;
}
EDGE_DEFINE_CLEANUP(struct hub_store *, hub_store_close)

struct hub_queue *hub_store_queue(struct hub_store *store, const char *name)
{
    struct hub_queue *queue = edge_map_get(&store->names, name);

    if (queue || store->names.count >= HUB_QUEUES_MAX || strlen(name) > HUB_STORE_NAME_MAX)
        return queue;
    while (store->first_hole < store->nqueues && store->queues[store->first_hole])
        store->first_hole++;
    if (hub_store_make_number(store, store->first_hole) < 0 ||
        hub_queue_create(store, name, (uint32_t) store->first_hole, &queue) < 0)
        return NULL;
    return queue;
}

struct ordered {
    uint64_t first;
    struct hub_queue *queue;
};

static int by_first(const void *a, const void *b)
{
    const struct ordered *x = a;
    const struct ordered *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

static uint64_t first_of(const struct hub_queue *queue)
{
    struct hub_entry first = {0};

    if (queue->taken_first < queue->ntaken)
        return queue->taken[queue->taken_first].entry.id;
    (void) hub_index_peek(&queue->index, &first);
    return first.id;
}

void hub_store_each_queue(struct hub_store *store, void (*fn)(struct hub_queue *queue, void *arg),
                          void *arg)
{
    EDGE_CLEANUP(edge_free) struct ordered *list = malloc((store->nqueues + 1) * sizeof *list);
    size_t n = 0;

    if (!list)
        abort(); /* who asks would take what waits for nothing */
    for (size_t i = 0; i < store->nqueues; i++) {
        if (store->queues[i] && store->queues[i]->length > 0)
            list[n++] = (struct ordered){first_of(store->queues[i]), store->queues[i]};
    }
    qsort(list, n, sizeof *list, by_first);
    for (size_t i = 0; i < n; i++)
        fn(list[i].queue, arg);
}

static uint64_t default_max(struct hub_store *store)
{
    store->disk_free = hub_disk_free(&store->disk, hub_log_room(store->log));
    return (store->disk_free + hub_log_bytes(store->log)) / 2;
}

static int allocate(const struct hub_store_options *options, struct hub_store **ret)
{
    struct hub_store *store = calloc(1, sizeof *store);
    size_t cache = options->cache_bytes ? options->cache_bytes : CACHE_DEFAULT;

    if (!store)
        return -ENOMEM;
    *ret = store;
    store->options = *options;
    store->loop = options->loop;
    store->disk.lock = -1;
    store->quiet_ms = QUIET_MS;
    store->trash_end = &store->trash;
    store->to_wake_end = &store->to_wake;
    store->ahead_max = cache / 2;
    store->path = edge_format("%s/hub.db", options->dir);
    store->copy = edge_format("%s/documents.copy", options->dir);
    store->vfs = edge_strdup(options->vfs);
    store->routes = calloc(HUB_ROUTES_MAX, sizeof(char *));
    store->ledger = calloc(HUB_ROUTES_MAX, sizeof *store->ledger);
    store->retry = edge_timer_create(store->loop, hub_store_retry, store);
    store->quiet = edge_timer_create(store->loop, hub_store_on_quiet, store);
    store->recopy = edge_timer_create(store->loop, hub_store_recopy, store);
    if (!store->path || !store->copy || (options->vfs && !store->vfs) || !store->routes ||
        !store->ledger || !store->retry || !store->quiet || !store->recopy)
        return -ENOMEM;
    return hub_recent_init(&store->recent, cache / 2);
}

static int start(struct hub_store *store)
{
    struct hub_commit_options options = {
        .store = store,
        .loop = store->loop,
        .log = store->log,
        .db = store->writer,
        .copy = store->copy,
        .disk = &store->disk,
        .done = hub_store_committed,
    };
    int rc = edge_pool_create(store->loop, "store-read", READERS, &store->pool);

    return rc < 0 ? rc : hub_commit_start(&options, &store->commit);
}

int hub_store_open(const struct hub_store_options *options, struct hub_store **ret,
                   struct edge_err *err)
{
    EDGE_CLEANUP(hub_store_close) struct hub_store *store = NULL;
    int rc = allocate(options, &store);

    if (rc == 0)
        rc = hub_disk_open(&store->disk, options->dir,
                           options->reserve_bytes ? options->reserve_bytes : KEEP_DEFAULT, err);
    if (rc == 0)
        rc = hub_store_load(store, err);
    if (rc < 0)
        return rc;
    store->default_max = default_max(store);
    store->full = store->disk_free < store->disk.keep;
    hub_store_set_limit(store, options->max_bytes, options->policy);
    rc = start(store);
    if (rc < 0)
        return rc;
    if (store->full)
        edge_timer_arm(store->retry, 0);
    hub_store_copy_later(store);
    *ret = EDGE_TAKE(store);
    return 0;
}
