/* A queue's lists, and waking its consumer. */
#include <errno.h>
#include <stdlib.h>

#include "hub/store/internal.h"

int hub_queue_create(struct hub_store *store, const char *name, uint32_t number,
                     struct hub_queue **ret)
{
    struct hub_queue *queue = calloc(1, sizeof *queue);
    int rc;

    if (!queue)
        return -ENOMEM;
    *queue = (struct hub_queue){.store = store, .name = edge_strdup(name), .number = number};
    rc = queue->name ? edge_map_set(&store->names, name, queue) : -ENOMEM;
    if (rc < 0) {
        free(queue->name);
        free(queue);
        return rc;
    }
    store->queues[number] = queue;
    *ret = queue;
    return 0;
}

void hub_queue_free(struct hub_queue *queue)
{
    hub_ahead_drop(queue);
    hub_body_unref(queue->current);
    hub_index_fini(&queue->index);
    free(queue->ahead);
    free(queue->taken);
    free(queue->name);
    free(queue);
}

const char *hub_queue_name(const struct hub_queue *queue)
{
    return queue->name;
}

uint64_t hub_queue_length(const struct hub_queue *queue)
{
    return queue->length;
}

bool hub_queue_first(const struct hub_queue *queue, struct hub_entry *ret)
{
    if (queue->again < queue->ntaken) {
        *ret = queue->taken[queue->again].entry;
        return true;
    }
    return hub_index_peek(&queue->index, ret);
}

static void offer(struct hub_queue *queue)
{
    struct hub_entry first;

    if (hub_queue_first(queue, &first))
        hub_oldest_offer(&queue->store->oldest, &queue->item, first.id);
}

void hub_queue_append(struct hub_queue *queue, const struct hub_entry *entry)
{
    hub_index_push(&queue->index, entry);
    queue->length++;
    queue->bytes += entry->size;
    if (!queue->item.place)
        offer(queue);
}

void hub_queue_wake(struct hub_queue *queue)
{
    struct hub_store *store = queue->store;

    if (!queue->waiting || !queue->ready || queue->to_wake)
        return;
    queue->to_wake = true;
    queue->next_to_wake = NULL;
    *store->to_wake_end = queue;
    store->to_wake_end = &queue->next_to_wake;
}

void hub_queue_wake_soon(struct hub_queue *queue)
{
    if (!queue->waiting)
        return;
    hub_queue_wake(queue);
    edge_loop_post(queue->store->loop, hub_store_run_wakes, queue->store);
}

void hub_queue_retry(struct hub_queue *queue)
{
    queue->retry = true;
    if (!edge_timer_armed(queue->store->retry))
        edge_timer_arm(queue->store->retry, HUB_RETRY_MS);
}

void hub_store_run_wakes(void *arg)
{
    struct hub_store *store = arg;
    struct hub_queue *queue = store->to_wake;

    store->to_wake = NULL;
    store->to_wake_end = &store->to_wake;
    while (queue && !store->closed) {
        struct hub_queue *next = queue->next_to_wake;

        queue->to_wake = false;
        if (queue->waiting && queue->ready) {
            queue->waiting = false;
            queue->ready(queue, queue->arg);
        }
        queue = next;
    }
}

void hub_queue_consume(struct hub_queue *queue, void (*ready)(struct hub_queue *queue, void *arg),
                       void *arg)
{
    queue->ready = ready;
    queue->arg = arg;
    queue->waiting = false;
    if (!ready)
        hub_ahead_drop(queue);
}

void hub_queue_rewind(struct hub_queue *queue)
{
    if (queue->again == queue->taken_first)
        return;
    queue->again = queue->taken_first;
    hub_ahead_drop(queue);
    offer(queue);
    hub_queue_wake_soon(queue);
}
