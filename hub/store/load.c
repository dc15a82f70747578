/* Opening the files, and reading what waits in them. */
#include <errno.h>
#include <stdlib.h>

#include "common/base/aside.h"
#include "hub/store/copy.h"
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

static int on_route(const char *name, void *arg)
{
    return hub_store_route(arg, name);
}

static int on_queue(const char *name, void *arg)
{
    struct hub_queue *queue = hub_store_queue(arg, name);

    return queue ? (int) queue->number : -ENOMEM;
}

static void on_ledger(int route, const struct hub_ledger *ledger, void *arg)
{
    struct hub_ledger *mine = &((struct hub_store *) arg)->ledger[route];
    uint64_t pending = mine->pending;

    *mine = *ledger;
    mine->pending = pending;
}

static int on_entry(const struct hub_entry *entry, uint32_t queue, void *arg)
{
    struct hub_store *store = arg;
    bool shared = entry->id & HUB_ENTRY_MASK;
    uint64_t message = hub_entry_message(entry->id);
    int rc = shared ? hub_shared_reserve(&store->shared, 1) : 0;

    if (rc < 0)
        return rc;
    if (message != store->next_message)
        store->pending_bytes += entry->size;
    if (shared)
        hub_shared_add(&store->shared, message, 1);
    store->next_message = message; /* the last one seen */
    store->pending_bytes += HUB_ENTRY_COST;
    store->pending++;
    store->ledger[entry->route].pending++;
    hub_queue_append(store->queues[queue], entry);
    return 0;
}

static int open_and_check(struct hub_store *store, struct edge_err *err)
{
    enum hub_db_use use = hub_disk_is_suspect(&store->disk) ? HUB_DB_WRITE_SUSPECT : HUB_DB_WRITE;

    int rc = hub_db_open(store->path, store->vfs, use, &store->writer, err);

    if (rc != EDGE_ESTORE || !hub_disk_make_way(&store->disk))
        return rc;
    *err = (struct edge_err){0}; /* SQLite had no room for the files beside its own */
    return hub_db_open(store->path, store->vfs, use, &store->writer, err);
}

static void tell(struct hub_store *store, const char *text)
{
    if (store->options.notice)
        store->options.notice(text, store->options.arg);
}

/* What was carried over into a new file: of the damaged one, and of the copy. */
struct kept {
    uint64_t rows, copied;
};

/* A new file with what can be read of the damaged one, and the rest from the copy. */
static int build(struct hub_store *store, const char *path, bool salvages, struct kept *ret,
                 struct edge_err *err)
{
    EDGE_CLEANUP(hub_db_close) struct hub_db *db = NULL;
    uint64_t left = 0;
    int rc;

    edge_remove_with_log(path); /* of one that was cut short */
    rc = hub_db_open(path, store->vfs, HUB_DB_WRITE, &db, err);
    if (rc == 0 && salvages)
        rc = hub_db_salvage(db, store->path, store->vfs, &ret->rows, err);
    if (rc == 0)
        rc = hub_copy_restore(store->copy, db, &ret->copied, err);
    if (rc == 0)
        rc = hub_db_checkpoint(db, true, &left); /* it is moved without its log */
    return rc == 0 && left > 0 ? EDGE_ESTORE : rc;
}

/* There is no file: it gets its name when it is whole. */
static int make(struct hub_store *store, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s.made", store->path);
    EDGE_CLEANUP(edge_free) char *text = NULL;
    struct kept kept = {0};
    int rc;

    if (!path)
        return -ENOMEM;
    rc = build(store, path, false, &kept, err);
    if (rc == 0)
        rc = hub_disk_put(path, store->path, err);
    if (rc == 0 && kept.copied > 0)
        text = edge_format("%s was lost: %llu documents were taken from their copy", store->path,
                           (unsigned long long) kept.copied);
    if (text)
        tell(store, text);
    return rc;
}

/* Once more, when the disk was full to the last block. */
static bool has_room_now(struct hub_store *store, int rc, struct edge_err *err)
{
    if ((rc != EDGE_ESTORE && rc != -ENOSPC) || !hub_disk_make_way(&store->disk))
        return false;
    *err = (struct edge_err){0};
    return true;
}

/* The new file is whole before the damaged one is moved: hub_disk_settle ends what was cut short
 * in between. As long as it cannot be made, all stays as it is: what cannot be read or written now
 * may be later. */
static int begin_anew(struct hub_store *store, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s.new", store->path);
    EDGE_CLEANUP(edge_free) char *aside = NULL;
    EDGE_CLEANUP(edge_free) char *notice = NULL;
    struct edge_err why = *err;
    struct kept kept = {0};
    int rc;

    if (!path)
        return -ENOMEM;
    rc = build(store, path, true, &kept, err);
    if (has_room_now(store, rc, err))
        rc = build(store, path, true, &kept, err);
    if (rc != 0) {
        edge_remove_with_log(path);
        return edge_wrap(err, rc == -ENOMEM ? rc : EDGE_ESTORE, "%s", why.text);
    }
    rc = hub_disk_set_aside(store->path, NULL, &aside, err);
    if (rc == 0)
        rc = hub_disk_settle(store->path, err);
    if (rc == 0)
        rc = open_and_check(store, err);
    if (rc != 0)
        return rc == -ENOMEM ? rc : EDGE_ESTORE;
    notice = edge_format("%s; it is set aside as %s; %llu documents were carried over, %llu more "
                         "from their copy",
                         why.text, aside, (unsigned long long) kept.rows,
                         (unsigned long long) kept.copied);
    if (notice)
        tell(store, notice);
    return 0;
}

static int open_documents(struct hub_store *store, struct edge_err *err)
{
    int rc = hub_disk_settle(store->path, err);

    if (rc == 0 && !hub_disk_has(store->path)) {
        rc = make(store, err);
        if (has_room_now(store, rc, err))
            rc = make(store, err);
    }
    if (rc == 0)
        rc = open_and_check(store, err);
    return rc == HUB_DB_DAMAGED ? begin_anew(store, err) : rc;
}

/* What is read now counts: a killed hub may have left it to the page cache. And SQLite's log ends,
 * without a word, where a bit in it has flipped: what is old is not left in it. */
static int load_documents(struct hub_store *store, struct edge_err *err)
{
    uint64_t left;
    int rc = open_documents(store, err);

    if (rc == 0)
        rc = hub_db_sync(store->writer, err);
    if (rc == 0)
        rc = hub_disk_sync(store->path, err);
    if (rc == 0)
        edge_ignore(hub_db_checkpoint(store->writer, true, &left)); /* in vain: later, then */
    if (rc == 0)
        rc = hub_db_open(store->path, store->vfs, HUB_DB_READ, &store->reader, err);
    if (rc == 0)
        hub_disk_trust(&store->disk);
    return rc;
}

/* What the ledger says is pending and is not there is lost. @return how many */
static uint64_t mend(struct hub_ledger *ledger)
{
    uint64_t out = ledger->delivered + ledger->expired + ledger->pending;
    uint64_t lost;

    for (int why = 0; why < HUB_DROP_MAX; why++)
        out += ledger->dropped[why];
    lost = ledger->in > out ? ledger->in - out : 0;
    ledger->dropped[HUB_DROP_CORRUPT] += lost;
    ledger->in = out + lost; /* what went twice came twice */
    return lost;
}

/* A new segment, which begins with the ledger as it is now. In vain: the first group's will. */
static void write_ledger(struct hub_store *store)
{
    struct hub_group *group = hub_group_create(store);

    if (group) {
        group->probe = true;
        edge_ignore(hub_log_commit(store->log, group));
        hub_group_destroy(group);
    }
}

static void mend_all(struct hub_store *store, bool damaged)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    uint64_t lost = 0;
    bool changed = false;

    for (size_t i = 0; i < store->nroutes; i++) {
        uint64_t in = store->ledger[i].in;
        uint64_t less = mend(&store->ledger[i]);

        lost += less;
        changed = changed || less > 0 || in != store->ledger[i].in;
    }
    hub_log_set_ledger(store->log, store->ledger, store->nroutes);
    if (changed || damaged)
        write_ledger(store);
    if (lost == 0 || damaged)
        return;
    text = edge_format("%llu waiting messages are not on disk any more: they are counted as lost",
                       (unsigned long long) lost);
    if (text)
        tell(store, text);
}

static int load_messages(struct hub_store *store, struct edge_err *err)
{
    const struct hub_scan_found found = {on_route, on_queue, on_entry, on_ledger, store};
    uint64_t free_bytes = hub_disk_free(&store->disk, 0);
    const struct hub_log_options options = {
        .dir = store->options.dir,
        .files = store->options.files,
        .max_bytes = store->options.max_bytes && store->options.max_bytes < free_bytes
                         ? store->options.max_bytes
                         : free_bytes,
        .routes = (const char *const *) store->routes,
        .notice = store->options.notice,
        .arg = store->options.arg,
    };
    uint64_t next_message = 0;
    bool damaged = false;
    int rc = hub_log_open(&options, &found, &next_message, &damaged, &store->log, err);

    if (rc < 0)
        return rc;
    store->next_message = next_message;
    mend_all(store, damaged);
    return 0;
}

int hub_store_load(struct hub_store *store, struct edge_err *err)
{
    struct edge_err local = {0};
    int rc = load_documents(store, &local);

    if (rc == 0)
        rc = load_messages(store, &local);
    if (rc != 0 && err)
        *err = local;
    return rc == 0 || rc == -ENOMEM ? rc : EDGE_ESTORE;
}
