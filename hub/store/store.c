#include "hub/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "hub/store/internal.h"

enum {
    KEEP_DEFAULT = 32 * 1024 * 1024,
    CACHE_DEFAULT = 4 * 1024 * 1024,
    QUIET_MS = 60 * 1000,
};

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

static void free_lists(struct hub_store *store)
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

static void free_store(void *arg)
{
    struct hub_store *store = arg;

    free_lists(store);
    hub_recent_fini(&store->recent);
    hub_commit_destroy(store->commit);
    hub_disk_fini(&store->disk);
    free(store->routes);
    free(store->ledger);
    free(store->path);
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
    edge_pool_destroy(store->pool);
    hub_commit_stop(store->commit);
    store->closed = true;
    store->reader = hub_db_close(store->reader);
    store->writer = hub_db_close(store->writer);
    store->disk.lock = edge_close(store->disk.lock);
    edge_loop_post(store->loop, free_store, store);
    return NULL;
}
EDGE_DEFINE_CLEANUP(struct hub_store *, hub_store_close)

static int room_for_number(struct hub_store *store, size_t number)
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

struct hub_queue *hub_store_queue(struct hub_store *store, const char *name)
{
    struct hub_queue *queue = edge_map_get(&store->names, name);

    if (queue || store->names.count >= HUB_QUEUES_MAX || strlen(name) > HUB_STORE_NAME_MAX)
        return queue;
    while (store->first_hole < store->nqueues && store->queues[store->first_hole])
        store->first_hole++;
    if (room_for_number(store, store->first_hole) < 0 ||
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

/* Reading the index. */

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
    rc = room_for_number(store, number);
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
    free_lists(store);
    store->trash_end = &store->trash;
    store->nroutes = 0;
    store->pending = store->pending_bytes = store->next_message = 0;
    memset(store->ledger, 0, HUB_ROUTES_MAX * sizeof *store->ledger);
}

static int open_and_load(struct hub_store *store, struct edge_err *err)
{
    int rc = hub_db_open(store->path, store->vfs, HUB_DB_WRITE, &store->writer, err);

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

static int open_file(struct hub_store *store, struct edge_err *err)
{
    struct edge_err local = {0};
    int rc = hub_disk_settle(store->path, &local);

    if (rc == 0)
        rc = open_and_load(store, &local);
    if (rc == HUB_DB_DAMAGED)
        rc = begin_anew(store, &local);
    if (rc == 0)
        rc = hub_db_open(store->path, store->vfs, HUB_DB_READ, &store->reader, &local);
    if (rc != 0 && err)
        *err = local;
    return rc == 0 || rc == -ENOMEM ? rc : EDGE_ESTORE;
}

static uint64_t default_max(struct hub_store *store)
{
    struct stat st = {0};
    uint64_t own = stat(store->path, &st) == 0 ? (uint64_t) st.st_size : 0;

    store->disk_free = hub_disk_free(&store->disk, store->writer);
    return (store->disk_free + own) / 2;
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
    store->vfs = edge_strdup(options->vfs);
    store->routes = calloc(HUB_ROUTES_MAX, sizeof(char *));
    store->ledger = calloc(HUB_ROUTES_MAX, sizeof *store->ledger);
    store->retry = edge_timer_create(store->loop, hub_store_retry, store);
    store->quiet = edge_timer_create(store->loop, hub_store_on_quiet, store);
    if (!store->path || (options->vfs && !store->vfs) || !store->routes || !store->ledger ||
        !store->retry || !store->quiet)
        return -ENOMEM;
    return hub_recent_init(&store->recent, cache / 2);
}

static int start(struct hub_store *store)
{
    struct hub_commit_options options = {
        .store = store,
        .loop = store->loop,
        .db = store->writer,
        .disk = &store->disk,
        .routes = (const char *const *) store->routes,
        .done = hub_store_committed,
    };
    int rc = edge_pool_create(store->loop, "store-read", 1, &store->pool);

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
        rc = open_file(store, err);
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
    *ret = EDGE_TAKE(store);
    return 0;
}
