/* The producers' side. */
#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "hub/store/internal.h"

enum { ENOUGH = 256 * 1024 }; /* bytes that are company enough: no delay */

static struct hub_queue *queue_of(struct hub_oldest_item *item)
{
    return EDGE_CONTAINER_OF(item, struct hub_queue, item);
}

/* One message of one queue less. What is at its consumer stays. */
static bool drop_oldest(struct hub_store *store)
{
    struct hub_oldest_item *item;
    struct hub_entry first;

    while ((item = hub_oldest_top(&store->oldest)) != NULL) {
        if (!hub_queue_first(queue_of(item), &first)) {
            hub_oldest_pop(&store->oldest);
        } else if (first.id > item->key) {
            hub_oldest_raise(&store->oldest, first.id);
        } else {
            hub_queue_remove_first(queue_of(item), HUB_WAY_DROPPED, HUB_DROP_LIMIT);
            return true;
        }
    }
    return false;
}

/* The oldest go until @p bytes more fit. @return false when they cannot */
static bool make_room(struct hub_store *store, uint64_t bytes)
{
    if (bytes > store->max_bytes)
        return false;
    while (store->pending_bytes > store->max_bytes - bytes) {
        if (store->options.policy != HUB_STORE_DROP_OLDEST || !drop_oldest(store))
            return false;
    }
    return true;
}

static int64_t expiry_of(int64_t now_ns, int64_t ttl_s)
{
    int64_t now_t = now_ns / HUB_TICK_NS + (now_ns % HUB_TICK_NS > 0);

    return ttl_s <= 0 || ttl_s > INT64_MAX / HUB_TICK_NS / HUB_TICKS_PER_S / 2
               ? INT64_MAX
               : now_t + ttl_s * HUB_TICKS_PER_S;
}

static void fill(struct hub_group *group, struct hub_body *body, const struct hub_target *targets,
                 size_t ntargets, hub_stored_done *done, void *arg)
{
    struct hub_op *op = hub_group_add(group);

    op->kind = HUB_OP_PUT;
    op->body = body;
    op->ntargets = ntargets;
    op->done = done;
    op->arg = arg;
    for (size_t i = 0; i < ntargets; i++) {
        struct hub_queue *queue = targets[i].queue;

        *hub_group_add_target(group) = (struct hub_group_target){
            .queue = queue,
            .name = queue->name,
            .number = queue->number,
            .route = targets[i].route,
            .expires_t = expiry_of(body->enqueued_ns, targets[i].ttl_s),
        };
        hub_group_change(group, targets[i].route)->in++;
    }
    group->bytes += body->len;
    group->next_message = body->message + 1;
}

int hub_store_put(struct hub_store *store, struct edge_bytes data, const struct hub_target *targets,
                  size_t ntargets, hub_stored_done *done, void *arg)
{
    uint64_t cost = data.len + HUB_ENTRY_COST * ntargets;
    struct hub_group *group;
    struct hub_body *body;
    int rc;

    if (data.len > HUB_STORE_BODY_MAX || ntargets == 0 || ntargets > HUB_STORE_TARGETS_MAX)
        return EDGE_ELIMIT;
    if (store->full || store->uncommitted + data.len > HUB_UNCOMMITTED_MAX ||
        !make_room(store, cost))
        return HUB_STORE_FULL;
    rc = ntargets > 1 ? hub_shared_reserve(&store->shared, store->shared_to_come + 1) : 0;
    body = rc < 0 ? NULL : hub_body_create(store->next_message, data);
    if (!body)
        return -ENOMEM;
    (void) hub_store_now_t(store); /* a jump is seen before its first message */
    body->enqueued_ns = store->clock_wall_ns;

    group = hub_commit_lock(store->commit);
    rc = hub_group_reserve(group, 1, ntargets);
    if (rc < 0) {
        hub_commit_leave(store->commit);
        hub_body_unref(body);
        return rc;
    }
    fill(group, body, targets, ntargets, done, arg);
    hub_commit_unlock(store->commit,
                      group->bytes >= ENOUGH ? 0 : (int64_t) store->options.commit_delay_us * 1000);
    store->next_message++;
    store->uncommitted += data.len;
    store->pending_bytes += cost;
    store->shared_to_come += ntargets > 1 ? 1 : 0;
    return 0;
}

size_t hub_store_uncommitted(const struct hub_store *store)
{
    return store->uncommitted;
}

void hub_store_count_unrouted(struct hub_store *store, int route)
{
    struct hub_group *group = hub_commit_lock(store->commit);

    hub_group_change(group, route)->dropped[HUB_DROP_NO_ROUTE]++;
    hub_commit_unlock(store->commit, HUB_GONE_DELAY_NS);
    store->ledger[route].in++;
    store->ledger[route].dropped[HUB_DROP_NO_ROUTE]++;
}

void hub_store_set_limit(struct hub_store *store, uint64_t max_bytes, enum hub_store_policy policy)
{
    store->max_bytes = max_bytes ? max_bytes : store->default_max;
    store->options.policy = policy;
}
