/* Taking and settling. */
#include <errno.h>
#include <stdlib.h>

#include "hub/store/internal.h"

enum { PASSED_OVER_MAX = 1000 }; /* expired messages in one call; the loop has others to serve */

static int enlarge(struct hub_queue *queue)
{
    size_t n = queue->ntaken - queue->taken_first;
    struct hub_taken *taken;

    if (queue->ntaken < queue->taken_size)
        return 0;
    if (queue->taken_first > queue->taken_size / 2) {
        memmove(queue->taken, queue->taken + queue->taken_first, n * sizeof *queue->taken);
        queue->again -= queue->taken_first;
        queue->taken_first = 0;
        queue->ntaken = n;
        return 0;
    }
    taken = realloc(queue->taken,
                    (queue->taken_size ? queue->taken_size * 2 : 8) * sizeof *queue->taken);
    if (!taken)
        return -ENOMEM;
    queue->taken = taken;
    queue->taken_size = queue->taken_size ? queue->taken_size * 2 : 8;
    return 0;
}

/* The first entry goes to the consumer. */
static int advance(struct hub_queue *queue, unsigned *ret_times)
{
    struct hub_taken *taken;

    if (queue->again == queue->ntaken) {
        int rc = enlarge(queue);

        if (rc < 0)
            return rc;
        taken = &queue->taken[queue->ntaken++];
        taken->times = 0;
        (void) hub_index_pop(&queue->index, &taken->entry);
    } else {
        taken = &queue->taken[queue->again];
    }
    queue->again++;
    *ret_times = taken->times++;
    return 0;
}

/* To the nanosecond: the index knows ticks. */
static int64_t expiry_of(const struct hub_entry *entry, int64_t enqueued_ns)
{
    int64_t since_t = enqueued_ns / HUB_TICK_NS + (enqueued_ns % HUB_TICK_NS > 0);
    int64_t expires_ns;

    if (entry->expires_t == INT64_MAX)
        return INT64_MAX;
    if (__builtin_mul_overflow(entry->expires_t - since_t, HUB_TICK_NS, &expires_ns) ||
        __builtin_add_overflow(expires_ns, enqueued_ns, &expires_ns))
        return INT64_MAX;
    return expires_ns;
}

static int wait_for(struct hub_queue *queue, int why)
{
    queue->waiting = true;
    return why;
}

static int give(struct hub_queue *queue, const struct hub_entry *entry, struct hub_body *body,
                struct hub_stored *ret)
{
    unsigned times = 0;

    queue->current = hub_body_ref(body);
    if (advance(queue, &times) < 0) {
        hub_queue_retry(queue);
        return wait_for(queue, HUB_QUEUE_FAILING);
    }
    *ret = (struct hub_stored){
        .id = entry->id,
        .route = entry->route,
        .enqueued_ns = body->enqueued_ns,
        .expires_ns = expiry_of(entry, body->enqueued_ns),
        .taken = times,
        .data = {body->data, body->len},
    };
    return 0;
}

int hub_queue_take(struct hub_queue *queue, struct hub_stored *ret)
{
    int64_t now_t = hub_store_now_t(queue->store);
    struct hub_entry entry;

    queue->current = hub_body_unref(queue->current);
    queue->waiting = false;
    for (int passed = 0; hub_queue_first(queue, &entry); passed++) {
        struct hub_body *body;

        if (passed == PASSED_OVER_MAX) {
            (void) wait_for(queue, HUB_QUEUE_WAIT);
            hub_queue_wake_soon(queue);
            return HUB_QUEUE_WAIT;
        }
        if (hub_store_expired(queue->store, &entry, now_t)) {
            hub_queue_remove_first(queue, HUB_WAY_EXPIRED, 0);
            continue;
        }
        body = hub_ahead_find(queue, &entry);
        if (!body)
            return wait_for(queue, queue->reading ? HUB_QUEUE_WAIT : HUB_QUEUE_FAILING);
        if (!body->broken)
            return give(queue, &entry, body, ret);
        hub_queue_remove_first(queue, HUB_WAY_DROPPED, HUB_DROP_CORRUPT);
    }
    return wait_for(queue, HUB_QUEUE_EMPTY);
}

static bool find(const struct hub_queue *queue, uint64_t id, size_t *ret)
{
    size_t low = queue->taken_first;
    size_t high = queue->ntaken;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (queue->taken[middle].entry.id < id)
            low = middle + 1;
        else
            high = middle;
    }
    *ret = low;
    return low < queue->ntaken && queue->taken[low].entry.id == id;
}

static void cut(struct hub_queue *queue, size_t at)
{
    if (at == queue->taken_first) {
        queue->taken_first++;
    } else {
        memmove(queue->taken + at, queue->taken + at + 1,
                (queue->ntaken - at - 1) * sizeof *queue->taken);
        queue->ntaken--;
        if (at < queue->again)
            queue->again--;
    }
    if (queue->again < queue->taken_first)
        queue->again = queue->taken_first;
    if (queue->taken_first == queue->ntaken) {
        queue->taken_first = queue->ntaken = queue->again = 0;
        if (queue->taken_size > 64) { /* an idle queue holds little memory */
            queue->taken = edge_free(queue->taken);
            queue->taken_size = 0;
        }
    }
}

static void settle(struct hub_queue *queue, uint64_t id, enum hub_way way, enum hub_store_drop why)
{
    struct hub_entry entry;
    size_t at;

    queue->current = hub_body_unref(queue->current);
    if (!find(queue, id, &at))
        return;
    entry = queue->taken[at].entry;
    cut(queue, at);
    hub_queue_remove(queue, &entry, way, why);
}

void hub_queue_ack(struct hub_queue *queue, uint64_t id)
{
    settle(queue, id, HUB_WAY_DELIVERED, 0);
}

void hub_queue_drop(struct hub_queue *queue, uint64_t id, enum hub_store_drop why)
{
    settle(queue, id, HUB_WAY_DROPPED, why);
}

void hub_queue_remove_first(struct hub_queue *queue, enum hub_way way, enum hub_store_drop why)
{
    struct hub_entry entry;

    if (queue->again < queue->ntaken) {
        entry = queue->taken[queue->again].entry;
        cut(queue, queue->again);
    } else {
        (void) hub_index_pop(&queue->index, &entry);
    }
    hub_queue_remove(queue, &entry, way, why);
}

void hub_queue_clear(struct hub_queue *queue, enum hub_store_drop why)
{
    struct hub_store *store = queue->store;
    struct hub_trash *trash = calloc(1, sizeof *trash);

    queue->current = hub_body_unref(queue->current);
    hub_ahead_drop(queue);
    while (queue->taken_first < queue->ntaken)
        settle(queue, queue->taken[queue->taken_first].entry.id, HUB_WAY_DROPPED, why);
    if (!trash)
        abort(); /* as the index */
    *trash = (struct hub_trash){.index = queue->index, .why = why};
    queue->index = (struct hub_index){.head = {.number = 0}};
    queue->read_to = (struct hub_index_mark){0};
    queue->length = queue->bytes = 0;
    *store->trash_end = trash;
    store->trash_end = &trash->next;
    hub_store_pump(store);
    hub_queue_wake_soon(queue);
}
