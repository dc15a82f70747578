/* The ways out of the store, each with its account. */
#include <stdlib.h>

#include "hub/store/internal.h"

static void count(struct hub_ledger *ledger, enum hub_way way, enum hub_store_drop why)
{
    switch (way) {
    case HUB_WAY_DELIVERED:
        ledger->delivered++;
        break;
    case HUB_WAY_EXPIRED:
        ledger->expired++;
        break;
    case HUB_WAY_DROPPED:
        ledger->dropped[why]++;
        break;
    }
}

/* Its queue has been told, or is gone. */
static void leave(struct hub_store *store, const struct hub_entry *entry, enum hub_way way,
                  enum hub_store_drop why)
{
    uint64_t message = hub_entry_message(entry->id);
    bool last = !(entry->id & HUB_ENTRY_MASK) || hub_shared_drop(&store->shared, message) == 0;
    struct hub_gone gone = {entry->id, entry->size, last};
    struct hub_group *group;

    if (last)
        hub_recent_forget(&store->recent, message);
    store->pending--;
    store->pending_bytes -= HUB_ENTRY_COST + (last ? entry->size : 0);
    store->ledger[entry->route].pending--;
    count(&store->ledger[entry->route], way, why);

    group = hub_commit_lock(store->commit);
    hub_group_gone(group, &gone);
    count(hub_group_change(group, entry->route), way, why);
    hub_commit_unlock(store->commit, group->ngone >= HUB_GONE_ENOUGH ? 0 : HUB_GONE_DELAY_NS);
}

void hub_queue_remove(struct hub_queue *queue, const struct hub_entry *entry, enum hub_way way,
                      enum hub_store_drop why)
{
    queue->length--;
    queue->bytes -= entry->size;
    leave(queue->store, entry, way, why);
}

static bool has_room(struct hub_store *store)
{
    size_t n = hub_commit_lock(store->commit)->ngone;

    hub_commit_leave(store->commit);
    return n < HUB_GONE_ENOUGH;
}

static bool pump_trash(struct hub_store *store)
{
    struct hub_trash *trash = store->trash;
    struct hub_entry entry;

    if (!trash)
        return false;
    if (hub_index_pop(&trash->index, &entry)) {
        leave(store, &entry, HUB_WAY_DROPPED, trash->why);
        return true;
    }
    store->trash = trash->next;
    if (!store->trash)
        store->trash_end = &store->trash;
    free(trash);
    return true;
}

static bool pump_expired(struct hub_store *store)
{
    for (; store->expire_at < store->nqueues; store->expire_at++) {
        struct hub_queue *queue = store->queues[store->expire_at];
        struct hub_entry first;

        if (queue && hub_queue_first(queue, &first) &&
            hub_store_expired(store, &first, store->expire_now_t)) {
            hub_queue_remove_first(queue, HUB_WAY_EXPIRED, 0);
            return true;
        }
    }
    return false;
}

void hub_store_pump(struct hub_store *store)
{
    while ((store->trash || store->expire_at < store->nqueues) && has_room(store)) {
        if (!pump_trash(store) && !pump_expired(store))
            break;
    }
}

void hub_store_empty_trash(struct hub_store *store)
{
    while (pump_trash(store))
        ;
}

void hub_store_expire(struct hub_store *store)
{
    store->expire_at = 0;
    store->expire_now_t = hub_store_now_t(store);
    hub_store_pump(store);
}
