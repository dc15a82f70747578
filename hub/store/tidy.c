/* When our log is merged: by a reading thread, when it is worth it. When SQLite's is copied into
 * the file: by the reading thread while groups go on, once it is long, and by the commit thread
 * once all has been quiet for a while. In between the commit thread only finishes what is almost
 * done, so that the log begins anew. */
#include "common/base/clock.h"
#include "hub/store/internal.h"

enum {
    LONG = 1024 * 1024,
    ALMOST = 128 * 1024,
    COPY_MS = 10 * 60 * 1000, /* between copies of the documents */
};

static void work(void *arg)
{
    struct hub_store *store = arg;

    store->log_left = UINT64_MAX;
    edge_ignore(hub_db_checkpoint(store->reader, false, &store->log_left)); /* the next one will */
}

static void done(void *arg)
{
    struct hub_store *store = arg;

    store->tidying = false;
    if (!store->closed && store->log_left > 0 && store->log_left < ALMOST)
        hub_commit_finish_log(store->commit);
}

static void merge(void *arg)
{
    hub_log_merge(((struct hub_store *) arg)->log);
}

static void merged(void *arg)
{
    ((struct hub_store *) arg)->merging = false;
}

void hub_store_tidy(struct hub_store *store, const struct hub_group *group)
{
    if (group->merge && !store->merging) {
        store->merging = true;
        edge_pool_submit(store->pool, merge, merged, store);
    }
    if (group->wal_bytes > LONG && !store->tidying) {
        store->tidying = true;
        edge_pool_submit(store->pool, work, done, store);
    }
    if (!group->wrote)
        return;
    store->noise = true;
    if (!edge_timer_armed(store->quiet))
        edge_timer_arm(store->quiet, store->quiet_ms);
}

void hub_store_on_quiet(void *arg)
{
    struct hub_store *store = arg;
    int64_t left;

    if (store->noise) {
        store->noise = false;
        edge_timer_arm(store->quiet, store->quiet_ms);
        return;
    }
    hub_commit_lock(store->commit)->quiet = true;
    hub_commit_unlock(store->commit, 0);
    left = store->copied_ms ? store->copied_ms + COPY_MS - edge_now_ms() : 0;
    if (!edge_timer_armed(store->recopy) || !store->copied_ms)
        edge_timer_arm(store->recopy, left > 0 ? (uint64_t) left : 0);
}

void hub_store_copy_later(struct hub_store *store)
{
    edge_timer_arm(store->recopy, COPY_MS);
}

void hub_store_recopy(void *arg)
{
    struct hub_store *store = arg;

    store->copied_ms = edge_now_ms();
    hub_commit_lock(store->commit)->copy = true;
    hub_commit_unlock(store->commit, 0);
}
