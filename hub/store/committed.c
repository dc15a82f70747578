/* A group has come back from the commit thread: accounts, queues, and everybody who waits. */
#include <errno.h>
#include <stdio.h>

#include "hub/store/internal.h"

static uint64_t cost_of(const struct hub_op *op)
{
    return op->body->len + HUB_ENTRY_COST * op->ntargets;
}

static void on_stored(struct hub_store *store, const struct hub_group *group,
                      const struct hub_op *op)
{
    if (op->ntargets > 1)
        hub_shared_add(&store->shared, op->body->message, (unsigned) op->ntargets);
    hub_recent_add(&store->recent, op->body);
    for (size_t i = 0; i < op->ntargets; i++) {
        const struct hub_group_target *target = &group->targets[op->first_target + i];
        struct hub_entry entry = {
            .id = op->body->message << HUB_ENTRY_SHIFT | (op->ntargets > 1 ? i + 1 : 0),
            .size = op->body->len,
            .route = target->route,
            .expires_t = target->expires_t,
        };

        hub_queue_append(target->queue, &entry);
        hub_queue_wake(target->queue);
        store->ledger[target->route].in++;
        store->ledger[target->route].pending++;
        store->pending++;
    }
}

static void on_put(struct hub_store *store, const struct hub_group *group, const struct hub_op *op)
{
    store->shared_to_come -= op->ntargets > 1 ? 1 : 0;
    if (store->closed)
        return;
    if (op->rc == 0)
        on_stored(store, group, op);
    else
        store->pending_bytes -= cost_of(op);
}

static void finish(struct hub_store *store, const struct hub_group *group, struct hub_op *op)
{
    struct edge_bytes data = {op->owned, op->len};

    if (op->kind == HUB_OP_PUT)
        on_put(store, group, op);
    if (op->got)
        op->got(op->rc, op->rc == 0 ? data : (struct edge_bytes){0}, op->arg);
    else if (op->done)
        op->done(op->rc, op->arg);
}

/* What must not be lost goes with the next group. */
static void carry(struct hub_store *store, const struct hub_group *group)
{
    struct hub_group *next = hub_commit_lock(store->commit);

    hub_group_carry(next, group);
    next->probe = true;
    hub_commit_unlock(store->commit, group->rc == -ENOSPC && !store->failing
                                         ? 0
                                         : (int64_t) HUB_RETRY_MS * 1000000);
}

static void tell(struct hub_store *store, const char *text)
{
    if (store->options.notice)
        store->options.notice(text, store->options.arg);
}

static void look_at_disk(struct hub_store *store, const struct hub_group *group)
{
    bool failing = group->rc < 0;
    bool was = store->full;
    uint64_t more = was ? store->disk.keep / 8 : 0; /* full or not is not told every second */
    bool low = group->disk_free < store->disk.keep + more;
    char text[320];

    store->disk_free = group->disk_free;
    store->full = failing || low;
    if (store->full && (!was || (failing && !store->failing))) {
        (void) snprintf(text, sizeof text, "the store takes no messages: %s%s",
                        failing ? group->trouble : "the disk is full but for its reserve",
                        group->damaged ? "; it is repaired when the hub is started again" : "");
        tell(store, text);
    }
    if (!store->full && was)
        tell(store, "the store takes messages again");
    store->failing = failing;
    store->damaged = store->damaged || group->damaged;
    if (store->full && !edge_timer_armed(store->retry))
        edge_timer_arm(store->retry, HUB_RETRY_MS);
}

void hub_store_retry(void *arg)
{
    struct hub_store *store = arg;

    if (store->full) {
        struct hub_group *next = hub_commit_lock(store->commit);

        next->probe = next->probe || store->failing;
        hub_commit_unlock(store->commit, 0);
    }
    for (size_t i = 0; i < store->nqueues; i++) {
        if (store->queues[i] && store->queues[i]->retry) {
            store->queues[i]->retry = false;
            hub_queue_wake(store->queues[i]);
        }
    }
    hub_store_run_wakes(store);
}

void hub_store_committed(void *arg)
{
    struct hub_group *group = arg;
    struct hub_store *store = group->store;

    store->uncommitted -= group->bytes;
    if (!store->closed) {
        look_at_disk(store, group);
        if (group->rc < 0)
            carry(store, group);
        store->commits += group->rc == 0 ? 1 : 0;
        store->rows += group->rc == 0 ? group->rows : 0;
    }
    for (size_t i = 0; i < group->nops; i++)
        finish(store, group, &group->ops[i]);
    if (!store->closed) {
        hub_store_tidy(store, group);
        hub_store_pump(store);
        hub_store_run_wakes(store);
    }
    hub_commit_recycle(store->commit, group);
}
